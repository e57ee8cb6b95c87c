"""Build the parts of one line's pipeline from its profile."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.belt.encoder import ReportedBelt, ReportedMotion
from detector.belt.encoder_recording import EncoderFileError, RecordedBelt, read_encoder
from detector.belt.line_plane import line_plane, refuse_foreign_calibration
from detector.belt.line_speed import line_speed
from detector.belt.motion import BeltMotion, FixedSpeed, ImageSpeed
from detector.belt.plane import BeltPlane, CalibrationError, nominal_plane
from detector.hazards.alarms.alert_facts import LineFacts
from detector.hazards.overload.monitor import OverloadMonitor
from detector.hazards.overload.skirtboard import SkirtMarks
from detector.hazards.tracking.tracker import BeltTracker
from detector.hazards.tracking.verifier_stage import CropScorer, VerifierStage
from detector.ingest import Frame, Recording, SourceError, camera_identity, read_image_file
from detector.profile.line import LineProfile
from detector.verifier_setup import model_identity, proposal_thresholds, rules_of
from detector.vision.belt_view import EDGE_PX, Rectifier
from detector.vision.catalogue import ModelError, ModelFolder
from detector.vision.condition.limits import LEARNED, ConditionLimits
from detector.vision.condition.monitor import ConditionMonitor
from detector.vision.engine import Engine, PreparingEngine
from detector.vision.small_views import SmallViews
from detector.vision.strip_plan import SHAPES, StripPlan
from detector.vision.tiles import Tiling
from detector.vision.verifier import Verifier

UNSURVEYED_VIEW_PX = 800
"""Longest side of the belt view of a recording without a line profile: about 1 mm/px for a belt
that is 0.8 m across the image."""

_UNSURVEYED = LineProfile.model_validate(
    {
        "line": "unsurveyed",
        "camera": {"source": "-"},
        "belt": {"polygon_px": [[0, 0], [1, 0], [1, 1]], "travel": "up", "px_per_mm": 1},
    }
)
"""Settings for a recording without a profile; its camera and belt are never used."""


class Line:
    """One line before its first frame: profile and model, checked against each other.

    Without a profile the whole image counts as belt, millimetres are unknown and travel is measured
    from the images.
    """

    def __init__(
        self,
        profile: LineProfile | None,
        model: ModelFolder,
        engine: Engine,
        boot_id: str,
        verifier: Verifier | None = None,
    ) -> None:
        """`verifier`: of the same model; None: the detector decides alone.

        Raises `CalibrationError` or `ModelError`, each with a one-line message.
        """
        self.settings = profile or _UNSURVEYED
        camera = None if profile is None else camera_identity(profile.camera.source)
        self._speed = line_speed(self.settings, camera)
        self.reported = _reported(self.settings, self._speed.counts_per_mm)
        """The belt's motion as the line's PLC reports it, or from an encoder recording."""
        self.engine, self._verifier = engine, verifier
        self._surveyed_plane = None if profile is None else line_plane(profile, camera)
        self._limits = _limits(self.settings, camera)
        self._empty_belt = _empty_belt_frame(self.settings.overload.empty_belt)
        thresholds = _thresholds(model, self.settings.model.thresholds)
        self._rules = rules_of(model, self.settings.hazards)
        self.thresholds = thresholds if verifier is None else proposal_thresholds(model, thresholds)
        """`(classes,)` float32: scores from which detections are tracked."""
        self.facts = LineFacts(
            line=self.settings.line,
            boot_id=boot_id,
            model=model_identity(model, verified=verifier is not None),
            classes=model.card.classes,
            mm_basis="none" if self._surveyed_plane is None else self._surveyed_plane.basis,
            action_points=self.settings.action_points,
            size_tolerance=self.settings.tracking.size_tolerance,
            alarms=self.settings.alarms,
            thresholds=tuple(thresholds.tolist()),
            verifier=None if verifier is None else self._rules,
        )

    def _strip_shapes(self) -> int:
        """Number of strip heights."""
        if any(self.engine.card.input.size):
            return 1
        engine = self.engine
        return engine.sizes_most if isinstance(engine, PreparingEngine) else SHAPES

    @property
    def crop_context(self) -> float | None:
        """The verifier's side of a crop / longest side of its box; None: there is no verifier."""
        return None if self._verifier is None else self._verifier.card.context

    @property
    def crop_px(self) -> int | None:
        """Side of the verifier's input; None: there is no verifier."""
        return None if self._verifier is None else self._verifier.card.input_px

    def parts_for(self, image_size_px: tuple[int, int]) -> LineParts:
        """The parts for images of that size, `(width, height)`.

        Raises `CalibrationError` or `ModelError` if the size does not match the profile or the
        model, and `EngineError` if the engine can't be prepared for it.
        """
        plane, mm_per_px = self._surveyed_plane, self.settings.view.mm_per_px
        surveyed = plane is not None
        if plane is None:
            plane, mm_per_px = (
                _whole_image(image_size_px),
                max(image_size_px) / UNSURVEYED_VIEW_PX,
            )
        health = self.settings.calibration.health
        if health is not None and health.size_px != image_size_px:
            raise CalibrationError(
                f"calibration.health: size_px = {list(health.size_px)}: the camera gives "
                f"{image_size_px[0]} x {image_size_px[1]} px. Reset the camera, or run `vigitri "
                "calibrate health` again"
            )
        card = self.engine.card
        rectifier = Rectifier(plane, image_size_px, mm_per_px, card.input.stride)
        only_height_px, only_width_px = card.input.size
        if 0 < only_height_px < rectifier.size_px[1]:
            raise ModelError(
                f"{card.name} accepts only images of {card.input.size[1]} x {card.input.size[0]} "
                f"px, the belt view is {rectifier.size_px[0]} x {rectifier.size_px[1]}. Raise "
                "view.mm_per_px, or export the model with a variable size"
            )
        tiling = Tiling(
            rectifier.size_px[0],
            ceil(self.settings.view.object_mm / mm_per_px + 2 * EDGE_PX),
            card.input.stride,
            tile_px=self.settings.view.tile_px if surveyed else None,
            fixed_px=only_width_px,
            fixed_height_px=only_height_px,
        )
        tracking = self.settings.tracking
        speed_mm_s = self._speed.speed_mm_s if surveyed else None
        small = SmallViews(rectifier)
        by_image = ImageSpeed(
            rectifier.size_px, mm_per_px, along_only=surveyed, belt_mask=small.motion_mask
        )
        fallback: BeltMotion = by_image if speed_mm_s is None else FixedSpeed(speed_mm_s)
        checked_by = None if speed_mm_s is None else by_image
        counts_per_mm = self._speed.counts_per_mm if surveyed else None
        plan = StripPlan(
            rectifier,
            self.settings.view,
            possible=surveyed,
            shapes=self._strip_shapes(),
        )
        if isinstance(self.engine, PreparingEngine):
            self.engine.prepare(tiling.fed_size_px(height) for height in plan.heights_px)
        return LineParts(
            condition=ConditionMonitor(
                rectifier,
                small.motion_mask,
                along_x=surveyed and self.settings.belt.travel in {"left", "right"},
                belt_length_mm=self.settings.belt.length_mm,
                limits=self._limits,
            ),
            rectifier=rectifier,
            small=small,
            motion=ReportedMotion(self.reported, fallback, counts_per_mm, checked_by),
            plan=plan,
            tiling=tiling,
            tracker=BeltTracker(
                tracking.hits,
                tracking.passes,
                rectifier.extent_mm,
                whole_mm=self.settings.view.object_mm,
            ),
            verifier=self._verifier_stage(rectifier),
            overload=self._overload_monitor(small),
        )

    def _overload_monitor(self, small: SmallViews) -> OverloadMonitor:
        overload = self.settings.overload
        return OverloadMonitor(
            None if self._empty_belt is None else _coverage_view(self._empty_belt, small),
            small.coverage_mask,
            small.coverage_mm_per_px,
            raise_at=overload.raise_at,
            release_at=overload.release_at,
            window_mm=overload.window_mm,
            jam=self.settings.jam,
            marks=self._marks(),
            marks_at=overload.marks_at,
            belt_length_mm=self.settings.belt.length_mm,
        )

    def _verifier_stage(self, rectifier: Rectifier) -> VerifierStage | None:
        if self._verifier is None or self._rules is None:
            return None
        surveyed = self._surveyed_plane is not None
        return VerifierStage(
            CropScorer(self._verifier, rectifier.plane.polygon_px),
            self._rules,
            rectifier,
            action_points=self.settings.action_points if surveyed else (),
            max_wait_ms=self.settings.view.max_wait_ms,
        )

    def _marks(self) -> SkirtMarks | None:
        areas_px = self.settings.overload.marks_px
        if self._empty_belt is None or not areas_px:
            return None
        return SkirtMarks(self._empty_belt.image, areas_px)


@dataclass(frozen=True, slots=True)
class LineParts:
    """The parts of a pipeline that depend on the image size."""

    condition: ConditionMonitor
    rectifier: Rectifier
    small: SmallViews
    motion: ReportedMotion
    plan: StripPlan
    tiling: Tiling
    tracker: BeltTracker
    verifier: VerifierStage | None
    overload: OverloadMonitor


def _reported(settings: LineProfile, counts_per_mm: float | None) -> ReportedBelt:
    """The source of reported travel: a PLC, or a recording of the encoder.

    Raises `CalibrationError`, or `SourceError` for footage that can't be opened.
    """
    belt = settings.belt
    if belt.encoder_recording is None:
        return ReportedBelt(belt.encoder_wraps_at, counts_per_mm)
    try:
        track = read_encoder(belt.encoder_recording, belt.encoder_wraps_at)
    except EncoderFileError as error:
        raise CalibrationError(f"belt.encoder_recording: {error}") from None
    with Recording(settings.camera.source, fps=settings.camera.fps) as footage:
        return RecordedBelt(track, footage.fps)


def _limits(settings: LineProfile, camera: str | None) -> ConditionLimits:
    """The limits learned on this line, else the fixed ones."""
    found = settings.calibration.health
    if found is None:
        return ConditionLimits()
    refuse_foreign_calibration("health", found, settings.camera.id or camera)
    learned = {key: getattr(found, key) for key in LEARNED}
    return ConditionLimits(**{key: each for key, each in learned.items() if each is not None})


def _whole_image(image_size_px: tuple[int, int]) -> BeltPlane:
    width, height = image_size_px
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    return nominal_plane(corners, "up", 1.0, "none")


def _thresholds(model: ModelFolder, overrides: dict[str, float]) -> NDArray[np.float32]:
    """`(classes,)` float32: the card's operating thresholds; the profile overrides them."""
    names = [known.name for known in model.card.classes]
    for unknown in sorted(set(overrides) - set(names)):
        raise ModelError(
            f"model.thresholds.{unknown} = {overrides[unknown]}: {model.card.name} has no class "
            f"{unknown}; it has {', '.join(names)}. Write one of these"
        )
    return np.array(
        [overrides.get(known.name, known.threshold) for known in model.card.classes],
        dtype=np.float32,
    )


def _empty_belt_frame(path: Path | None) -> Frame | None:
    """The camera's image of the empty belt."""
    if path is None:
        return None
    try:
        image = read_image_file(path)
    except SourceError as error:
        raise CalibrationError(
            f"overload.empty_belt: {error}. Make one with `vigitri calibrate empty LINE.toml`"
        ) from None
    return Frame(image, 0, 0, 0, str(path))


def _coverage_view(empty: Frame, small: SmallViews) -> NDArray[np.uint8]:
    """The empty belt at the scale at which coverage is measured, `(h, w, 3)` uint8 BGR."""
    try:
        small.update(empty)
        return small.for_coverage().copy()
    except CalibrationError:
        raise CalibrationError(
            f"overload.empty_belt = {empty.source}: is {empty.size_px[0]} x {empty.size_px[1]} px, "
            "the camera's images have another size. Make it again with `vigitri calibrate empty`"
        ) from None
