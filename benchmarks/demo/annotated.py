"""The demo's footage annotated with the line's alerts: a video and a contact sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.matching import Evaluation
from benchmarks.subscription import RunMessages
from detector.belt.plane import belt_plane
from detector.ingest import Recording
from detector.profile.belt import Belt
from detector.wire.messages import Alert, Place, Revision
from fleet.contact_sheet import COLOUR, WHITE, masked, tile, write_text
from fleet.contact_sheet import write_sheet as tiles_on_sheet

_STRIP_PX = 60
_SHOWN_S = 3.0
"""How long an alert stays in the strip below the image."""


def write_video(
    clip: Path,
    belt: Belt,
    received: RunMessages,
    target: Path,
    advance: Callable[[int, int | None], None],
) -> None:
    """Draw alerts on every second frame, moved with the belt from their last position.

    H.264; everything outside the belt is masked.
    """
    import av

    by_frame = _raised_by_frame(received)
    boxes = _Boxes(belt, received.alerts)
    with Recording(str(clip)) as recording, av.open(str(target), "w") as container:
        stream: Any = None
        for frame in recording:
            advance(frame.index + 1, recording.frame_count)
            if frame.index % 2:
                continue
            image = masked(frame.image, belt.polygon_px)
            for box_px, alert in boxes.at(frame.index, recording.fps):
                _draw_box(image, box_px, alert.hazard.value, alert.probability or 0.0)
            strip = _strip(image.shape[1], frame.index, recording.fps, by_frame)
            whole = np.vstack([image, strip])
            if stream is None:
                stream = container.add_stream("libx264", rate=round(recording.fps / 2))
                stream.height, stream.width = whole.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.options = {"crf": "26", "preset": "veryfast"}
            video_frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(whole), format="bgr24")
            for packet in stream.encode(video_frame):
                container.mux(packet)
        if stream is not None:
            for packet in stream.encode():
                container.mux(packet)


class _Boxes:
    """Predicted boxes of all alerts in each frame, as not every frame has inference."""

    def __init__(self, belt: Belt, alerts: Sequence[Alert]) -> None:
        self._belt, self._plane = belt, belt_plane(belt)
        self._revisions: dict[str, list[Alert]] = {}
        for alert in alerts:
            if alert.place is not None and alert.place.y_mm is not None:
                self._revisions.setdefault(alert.event_id, []).append(alert)

    def at(self, index: int, fps: float) -> Iterator[tuple[NDArray[np.float64], Alert]]:
        """Each alert whose centre is on the belt, with its box x0, y0, x1, y1 in image px."""
        polygon = np.array(self._belt.polygon_px, np.float32)
        for revisions in self._revisions.values():
            known = [alert for alert in revisions if (alert.frame_index or 0) <= index]
            if not known:
                continue
            box_px = self._carried(known[-1], index, fps)
            middle = float(box_px[[0, 2]].mean()), float(box_px[[1, 3]].mean())
            if cv2.pointPolygonTest(polygon, middle, False) >= 0:
                yield box_px, known[-1]

    def _carried(self, alert: Alert, index: int, fps: float) -> NDArray[np.float64]:
        place = alert.place
        assert place is not None
        speed_mm_s = alert.arrivals[0].speed_mm_s if alert.arrivals else self._belt.speed_mm_s
        x0, y0, x1, y1 = place.box_px
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)
        on_belt = self._plane.to_belt(corners)
        on_belt[:, 1] += (speed_mm_s or 0.0) * (index - place.frame_index) / fps
        there = self._plane.to_image(on_belt)
        return np.concatenate([there.min(axis=0), there.max(axis=0)])


def write_sheet(
    clip: Path,
    polygon_px: Sequence[Sequence[float]],
    received: RunMessages,
    evaluation: Evaluation,
    target: Path,
) -> None:
    """One tile per raised object on one sheet, captioned with its ground truth.

    One inference pass may raise several, so a frame may have several tiles.
    """
    wanted: dict[int, list[tuple[Alert, Place]]] = {}
    for alert in received.alerts:
        if alert.kind is Revision.RAISED and alert.place is not None:
            wanted.setdefault(alert.place.frame_index, []).append((alert, alert.place))
    truly = _ground_truth_captions(evaluation)
    tiles = []
    with Recording(str(clip)) as recording:
        for frame in recording:
            for alert, place in wanted.get(frame.index, ()):
                text = f"{alert.event_id} {alert.hazard.value} {alert.probability:.2f}"
                text += f" at {place.frame_index / recording.fps:.1f} s"
                captions = [text, truly.get(alert.event_id, "a hazard, but of another kind")]
                colour = COLOUR.get(alert.hazard.value, WHITE)
                shown = masked(frame.image, polygon_px)
                tiles.append(tile(shown, place.box_px, captions, colour))
    tiles_on_sheet(tiles, target)


def _ground_truth_captions(evaluation: Evaluation) -> dict[str, str]:
    """The caption of each alert, by event id, from the clip's ground truth."""
    text = {
        each.event_id: f"FALSE: {each.under}"
        for each in evaluation.false_alarms
        if each.box_px is not None
    }
    for event in evaluation.events:
        text |= dict.fromkeys(event.duplicates, f"again: {event.passage.kind}")
        if event.found is not None:
            text[event.found.event_id] = f"right: {event.passage.kind}"
    return text


def _raised_by_frame(received: RunMessages) -> list[tuple[int, Alert]]:
    return [
        (alert.frame_index, alert)
        for alert in received.alerts
        if alert.kind is Revision.RAISED and alert.frame_index is not None
    ]


def _draw_box(image: NDArray[np.uint8], box: NDArray[np.float64], name: str, score: float) -> None:
    x0, y0, x1, y1 = (round(side) for side in box)
    colour = COLOUR.get(name, WHITE)
    cv2.rectangle(image, (x0, y0), (x1, y1), colour, 2, cv2.LINE_AA)
    write_text(image, f"{name} {score:.2f}", (x0, max(12, y0 - 5)), colour)


def _strip(
    width: int, index: int, fps: float, raised: list[tuple[int, Alert]]
) -> NDArray[np.uint8]:
    """The alerts of the last seconds, newest first, as a strip below the image."""
    strip = np.full((_STRIP_PX, width, 3), 40, dtype=np.uint8)
    recent = [each for each in raised if 0 <= index - each[0] <= _SHOWN_S * fps]
    for line, (_, alert) in enumerate(reversed(recent[-2:])):
        colour = COLOUR.get(alert.hazard.value, (0, 220, 220))
        text = f"ALERT {alert.event_id} {alert.hazard.value.upper()}"
        if alert.probability is not None:
            text += f"  p {alert.probability:.2f}"
        if alert.place is not None and alert.place.x_mm is not None:
            text += f"  x {alert.place.x_mm:.0f} mm ({alert.place.mm_basis})"
        if alert.arrivals:
            first = alert.arrivals[0]
            text += f"  {first.action_point} in {first.eta_ms / 1000:.1f} s"
        if alert.detail:
            text += f"  {alert.detail}"
        write_text(strip, text, (12, 24 + 26 * line), colour)
    write_text(strip, f"{index / fps:6.1f} s", (width - 110, 24), (200, 200, 200))
    return strip
