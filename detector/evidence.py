"""What is shown of a frame: the objects whose alerts it raised, or the running belt.

The frame thread copies the frame, only if there is something to show; everything else is done in
the sender's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from detector.delivery.evidence import EvidenceSender
from detector.hazards.alarms.alert_facts import KINDS_LISTED
from detector.hazards.tracking.tracker import Hit
from detector.hazards.tracking.verdict import CropLook, VerifierRules
from detector.ingest import Frame
from detector.line_setup import Line
from detector.pipeline import FrameResult, Pipeline
from detector.vision.belt_images import BeltImages
from detector.vision.crops import Box, has_area
from detector.wire.evidence import Evidence, LiveImage, Look
from detector.wire.messages import Alert, KindProbability, Message, Revision

_COPIES_KEPT = 4


@dataclass(frozen=True, slots=True)
class RaisedObject:
    """An object whose alert the frame raised."""

    alert: Alert
    box_px: Box
    """In this frame, image coordinates, px."""
    hits: tuple[Hit, ...]
    crops: tuple[CropLook, ...]
    kept: NDArray[np.uint8] | None
    """Its newest crop, if it has left the view; None: it is cut from this frame."""


class LineEvidence:
    """Hands the frames of one line to the sender of its images."""

    def __init__(self, pipeline: Pipeline, sender: EvidenceSender) -> None:
        self._pipeline, self._sender = pipeline, sender
        self._images: Callable[[], BeltImages] | None = None
        self._free: list[NDArray[np.uint8]] = []

    def before_frame(self) -> None:
        """Alerts name their images only if these are subscribed to."""
        self._pipeline.book.with_evidence = self._sender.wanted

    def after_frame(self, frame: Frame, result: FrameResult) -> None:
        """Call once the frame's alerts have been published, before the next frame is read."""
        if result.alerts:
            objects = self._raised(frame, result)
            if objects:
                self._sender.offer(self._sight(frame, objects))
        if self._sender.live_is_due(frame.t_mono_ns) and self._pipeline.rectifier is not None:
            self._sender.offer_live(self._sight(frame, []))

    def _raised(self, frame: Frame, result: FrameResult) -> list[RaisedObject]:
        tracks = {track.id: track for track in result.tracks}
        objects = []
        for alert in result.alerts:
            if alert.kind is not Revision.RAISED or alert.evidence_id is None:
                continue
            track = tracks.get(alert.track or 0)
            box = None if track is None else self._pipeline.box_in(frame, track)
            kept = None
            if track is not None and track.undecided and track.looks:
                # It has left the view before the verifier had seen enough of it.
                kept, box = track.crop, box or track.looks[-1].box_px
            if (
                track is None
                or box is None
                or not (kept is not None or has_area(box, frame.size_px))
            ):
                self._sender.dropped += 1
                continue
            objects.append(RaisedObject(alert, box, tuple(track.support), tuple(track.looks), kept))
        return objects

    def _sight(self, frame: Frame, objects: Sequence[RaisedObject]) -> FrameSight:
        rectifier = self._pipeline.rectifier
        assert rectifier is not None
        if self._images is None:
            # Made in the sender's thread: it takes some 20 ms.
            belt_px, size_px = rectifier.plane.polygon_px, frame.size_px
            context = self._pipeline.line.crop_context
            self._images = cache(lambda: BeltImages(belt_px, size_px, context))
        copy = self._free.pop() if self._free else np.empty_like(frame.image)
        np.copyto(copy, frame.image)
        return FrameSight(
            frame, copy, objects, images=self._images, line=self._pipeline.line, free=self._free
        )


class FrameSight:
    """A copy of one frame with what is to be shown of it; a `Sight` of the sender."""

    def __init__(
        self,
        frame: Frame,
        copy: NDArray[np.uint8],
        objects: Sequence[RaisedObject],
        *,
        images: Callable[[], BeltImages],
        line: Line,
        free: list[NDArray[np.uint8]],
    ) -> None:
        """`copy`: the frame's image. `free`: where it goes afterwards."""
        self.t_capture_utc_ns, self.t_capture_mono_ns = frame.t_utc_ns, frame.t_mono_ns
        self._index, self._copy, self._objects = frame.index, copy, objects
        self._images, self._free = images, free
        self._line, self._rules = line.facts.line, line.facts.verifier
        self._input_px = line.crop_px

    @property
    def alerts(self) -> int:
        """Number of alerts that it shows."""
        return len(self._objects)

    def messages(self) -> Iterator[tuple[Message, Sequence[bytes]]]:
        """The payloads, and the JPEGs that follow each."""
        images = self._images()
        images.mask(self._copy)
        frame = images.frame(self._copy)
        if not self._objects:
            live = LiveImage(
                line=self._line,
                t_capture_utc_ns=self.t_capture_utc_ns,
                frame_index=self._index,
                frame_size_px=frame.size_px,
                frame_scale=frame.scale,
            )
            yield live, (frame.jpeg,)
        for shown in self._objects:
            alert, crop_frame = shown.alert, self._index
            if shown.kept is None:
                crop = images.crop(self._copy, shown.box_px)
            else:
                crop = images.cut_already(shown.kept, shown.crops[-1].box_px)
                crop_frame = shown.crops[-1].frame_index
            evidence = Evidence(
                line=self._line,
                evidence_id=alert.evidence_id or "",
                event_id=alert.event_id,
                boot_id=alert.boot_id,
                revision=alert.revision,
                t_capture_utc_ns=self.t_capture_utc_ns,
                frame_index=self._index,
                crop_frame_index=crop_frame,
                crop_box_px=_rounded(crop.square_px),
                crop_size_px=crop.side_px,
                frame_size_px=frame.size_px,
                frame_scale=frame.scale,
                box_px=_rounded(shown.box_px, frame.scale),
                looks=looks_of(shown.hits, shown.crops, self._rules),
                verifier_input_px=self._input_px,
            )
            yield evidence, (crop.jpeg, frame.jpeg)

    def release(self) -> None:
        """Keep the copy for a later frame."""
        if len(self._free) < _COPIES_KEPT:
            self._free.append(self._copy)


def looks_of(
    hits: Sequence[Hit], crops: Sequence[CropLook], rules: VerifierRules | None
) -> tuple[Look, ...]:
    """The passes that detected an object or showed it to the verifier, in order."""
    scores = {hit.frame_index: hit for hit in hits}
    shown = {crop.frame_index: crop for crop in crops}
    looks = []
    for index in sorted(scores.keys() | shown.keys()):
        hit, crop = scores.get(index), shown.get(index)
        one = hit or crop
        assert one is not None
        looks.append(
            Look(
                frame_index=index,
                t_capture_utc_ns=one.t_utc_ns,
                score=None if hit is None else round(hit.score, 4),
                box_px=_rounded(one.box_px),
                kinds=() if crop is None or rules is None else _kinds_of(crop, rules),
            )
        )
    return tuple(looks)


def _kinds_of(crop: CropLook, rules: VerifierRules) -> tuple[KindProbability, ...]:
    order = np.argsort(crop.probabilities)[::-1][:KINDS_LISTED]
    return tuple(
        KindProbability(
            name=rules.kind_names[kind],
            hazard=rules.kind_hazards[kind],
            probability=round(min(1.0, float(crop.probabilities[kind])), 4),
        )
        for kind in order
    )


def _rounded(box_px: Box, scale: float = 1.0) -> Box:
    x0, y0, x1, y1 = (round(side * scale, 1) for side in box_px)
    return x0, y0, x1, y1
