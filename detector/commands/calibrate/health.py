"""`vigitri calibrate health`: limits of the image's condition, learned from good footage."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import numpy as np

from detector.belt.line_plane import line_plane
from detector.belt.motion import ImageSpeed
from detector.belt.plane import BeltPlane
from detector.cli_support.options import print_error
from detector.cli_support.progress import progress_bar
from detector.commands.calibrate.lens import camera_of, logged_in_user, now
from detector.ingest import (
    CameraBlind,
    CameraProcess,
    CameraState,
    Frame,
    Recording,
    SourceError,
    camera_identity,
)
from detector.ingest.capture.landmarks import Grey, Landmarks, choose, reduced, reduction
from detector.profile.calibration import HealthCalibration
from detector.profile.line import LineProfile
from detector.profile.loading import load_profile
from detector.profile.writing import write_calibration
from detector.vision.belt_view import Rectifier
from detector.vision.condition.limits import LEARNED, ConditionLimits, learned_limit
from detector.vision.condition.monitor import ConditionMonitor
from detector.vision.small_views import SmallViews
from detector.vision.warp import polygon_mask

FIRST_FRAME_S = 10.0
"""A network camera takes seconds to connect."""
SAMPLE_NS, SAMPLES_MOST = 1_000_000_000, 120
SECONDS_MIN = 20.0
_STRIDE_PX = 32


class HealthFootage:
    """The worst values of the image's condition in some footage, and its fixed structures."""

    def __init__(self, profile: LineProfile, plane: BeltPlane, size_px: tuple[int, int]) -> None:
        """`plane`: the belt's; `size_px`: `(width, height)` of the images."""
        rectifier = Rectifier(plane, size_px, profile.view.mm_per_px, _STRIDE_PX)
        self._small = SmallViews(rectifier)
        self._motion = ImageSpeed(
            rectifier.size_px,
            profile.view.mm_per_px,
            along_only=True,
            belt_mask=self._small.motion_mask,
        )
        self._monitor = ConditionMonitor(
            rectifier,
            self._small.motion_mask,
            along_x=profile.belt.travel in {"left", "right"},
            belt_length_mm=profile.belt.length_mm,
        )
        factor = reduction(size_px[0])
        belt_px = np.asarray(profile.belt.polygon_px, np.float64) / factor
        self._belt = polygon_mask(belt_px, (size_px[0] // factor, size_px[1] // factor))
        self._samples: list[Grey] = []
        self._every_ns, self._sampled_ns = SAMPLE_NS, 0
        self._first_ns: int | None = None
        self.travelled_mm, self.seconds = 0.0, 0.0
        self.worst: dict[str, float] = {}

    def update(self, frame: Frame) -> None:
        """Measure a frame. Raises `BlindImageError` if it is dark or white."""
        now_ns = frame.t_mono_ns
        if self._first_ns is None:
            self._first_ns = self._sampled_ns = now_ns
        self.seconds = (now_ns - self._first_ns) / 1e9
        self._small.update(frame)
        self.travelled_mm += self._motion.advance(self._small.for_motion, now_ns).dy_mm
        monitor = self._monitor
        monitor.measure(frame, self._small.for_motion, self.travelled_mm)
        self._keep_worst("overexposed_share", monitor.overexposed_share)
        self._keep_worst("flicker", monitor.flicker.value)
        self._keep_worst("dirt_share", monitor.dirt.value)
        sharp = monitor.sharpness.value
        if sharp is not None:
            self.worst["sharpness"] = min(sharp, self.worst.get("sharpness", sharp))
        if now_ns - self._sampled_ns >= self._every_ns:
            self._sampled_ns = now_ns
            self._samples.append(reduced(frame.image))
            if len(self._samples) > SAMPLES_MOST:
                self._samples, self._every_ns = self._samples[::2], 2 * self._every_ns

    def landmarks(self) -> Landmarks | None:
        """The fixed structures beside the belt; None: there are too few."""
        return choose(self._samples, self._belt)

    def _keep_worst(self, key: str, value: float | None) -> None:
        if value is not None:
            self.worst[key] = max(value, self.worst.get(key, 0.0))


def calibrate_health(line: Path, source: str | None, minutes: float, operator: str | None) -> None:
    """Measure the footage, print what was found and write it into the profile.

    Raises `ProfileError`, `SourceError`, `CalibrationError`, `BlindImageError`, and
    `PoorFootageError` if the footage has a fault.
    """
    profile = load_profile(line)
    plane = line_plane(profile, camera_of(profile))
    where = source or profile.camera.source
    footage, size_px = _measured(profile, plane, where, 60 * minutes)
    if footage.seconds < SECONDS_MIN:
        raise SourceError(
            where, f"has only {footage.seconds:.0f} s", f"record at least {SECONDS_MIN:g} s"
        )
    if footage.travelled_mm < plane_length_mm(plane):
        raise SourceError(
            where,
            f"the belt travels only {footage.travelled_mm:.0f} mm in it",
            "record the running belt: what stands still on it would count as fixed",
        )
    limits = {key: learned_limit(key, each) for key, each in footage.worst.items()}
    for key in LEARNED:
        fixed = getattr(ConditionLimits(), key)
        if key in limits:
            print(f"{key}: worst {footage.worst[key]:.3g}, limit {limits[key]:g} (fixed {fixed:g})")
        else:
            print(f"{key}: not measured in this footage, the fixed limit {fixed:g} remains")
    found = HealthCalibration(
        made=now(),
        operator=operator or logged_in_user(),
        camera=camera_of(profile),
        size_px=size_px,
        minutes=round(footage.seconds / 60, 2),
        **limits,
        **_written_landmarks(line, profile, footage.landmarks()),
    ).with_digest()
    write_calibration(line, profile.calibration.model_copy(update={"health": found}))
    print(f"{line}: calibration.health written, sha256 {found.sha256[:12]}")


def plane_length_mm(plane: BeltPlane) -> float:
    """Length of the watched belt along the travel, mm."""
    return float(np.ptp(plane.to_belt(plane.polygon_px)[:, 1]))


def _written_landmarks(
    line: Path, profile: LineProfile, landmarks: Landmarks | None
) -> dict[str, object]:
    """The section's keys of the structures, once their file is written."""
    if landmarks is None:
        print_error(
            "fewer than 4 fixed structures are seen beside the belt: a camera that is moved will "
            "not be found. Let it see more of the frame, or stick marks onto the skirts"
        )
        return {}
    content = landmarks.png()
    target = line.with_name(f"{profile.line}-landmarks.png")
    partial = target.with_name(f"{target.name}.part")
    partial.write_bytes(content)
    partial.replace(target)
    print(f"{target}: {len(landmarks.corners)} fixed structures beside the belt")
    return {
        "landmarks": target.name,
        "landmarks_sha256": hashlib.sha256(content).hexdigest(),
        "landmarks_px": landmarks.corners,
    }


def _measured(
    profile: LineProfile, plane: BeltPlane, source: str, seconds: float
) -> tuple[HealthFootage, tuple[int, int]]:
    live = camera_identity(source) is not None
    frames = _camera(source, profile.camera.fps) if live else _recording(source, profile.camera.fps)
    footage, size_px = None, (0, 0)
    with progress_bar("image's condition") as advance, closing(frames):
        for frame in frames:
            if footage is None:
                size_px = frame.size_px
                footage = HealthFootage(profile, plane, size_px)
            elif frame.size_px != size_px:
                raise SourceError(
                    source, "its images have different sizes", "give footage of one camera"
                )
            footage.update(frame)
            advance(round(footage.seconds), round(seconds))
            if footage.seconds >= seconds:
                break
    if footage is None:
        raise SourceError(source, "has no readable image", "check it with `vigitri doctor`")
    return footage, size_px


def _recording(source: str, fps: float | None) -> Generator[Frame]:
    with Recording(source, fps=fps) as recording:
        yield from recording
        for line in recording.unreadable + recording.time_notes:
            print_error(line)


def _camera(source: str, fps: float | None) -> Generator[Frame]:
    with CameraProcess(source, name="health", fps=fps) as camera:
        while True:
            try:
                frame = camera.read_latest(FIRST_FRAME_S)
            except CameraBlind as blind:
                if blind.state is CameraState.ENDED:
                    return
                raise SourceError(source, blind.reason, "check it with `vigitri doctor`") from None
            yield frame
