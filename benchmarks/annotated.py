"""The demo's footage with what the line said about it, for a person to open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.subscription import Heard
from benchmarks.tiles import COLOUR, WHITE, masked, tile, write_text
from benchmarks.tiles import write_sheet as tiles_on_sheet
from detector.ingest import Recording
from detector.wire.messages import Alert, Revision

_SHORT = {"gas_canister": "gas", "battery": "battery"}
_STRIP_PX = 60
_SHOWN_S = 3.0
"""How long an alert stays in the strip."""


def write_video(
    clip: Path,
    polygon_px: Sequence[Sequence[float]],
    heard: Heard,
    target: Path,
    advance: Callable[[int, int | None], None],
) -> None:
    """Draw boxes and alerts on every second frame; H.264, outside the belt masked."""
    import av

    by_frame = _raised_by_frame(heard)
    last_found: tuple[int, list[Any]] = (0, [])
    with Recording(str(clip)) as recording, av.open(str(target), "w") as container:
        stream: Any = None
        for frame in recording:
            if frame.index in heard.detections:
                last_found = (frame.index, list(heard.detections[frame.index].detections))
            advance(frame.index + 1, recording.frame_count)
            if frame.index % 2:
                continue
            picture = masked(frame.image, polygon_px)
            # A frame that was overwritten shows the boxes of the one before it, for two frames.
            if frame.index - last_found[0] <= 2:
                for found in last_found[1]:
                    _draw_box(picture, found.box_px, found.class_name, found.score)
            strip = _strip(picture.shape[1], frame.index, recording.fps, by_frame)
            whole = np.vstack([picture, strip])
            if stream is None:
                stream = container.add_stream("libx264", rate=round(recording.fps / 2))
                stream.height, stream.width = whole.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.options = {"crf": "26", "preset": "veryfast"}
            image = av.VideoFrame.from_ndarray(np.ascontiguousarray(whole), format="bgr24")
            for packet in stream.encode(image):
                container.mux(packet)
        if stream is not None:
            for packet in stream.encode():
                container.mux(packet)


def write_sheet(
    clip: Path, polygon_px: Sequence[Sequence[float]], heard: Heard, target: Path
) -> None:
    """One picture per object that was raised, all on one sheet."""
    wanted = {
        alert.place.frame_index: alert
        for alert in heard.alerts
        if alert.kind is Revision.RAISED and alert.place is not None
    }
    tiles = []
    with Recording(str(clip)) as recording:
        for frame in recording:
            alert = wanted.get(frame.index)
            if alert is not None:
                assert alert.place is not None
                said = f"{alert.event_id} {alert.hazard.value} {alert.probability:.2f}"
                said += f" at {alert.place.frame_index / recording.fps:.1f} s"
                colour = COLOUR.get(alert.hazard.value, WHITE)
                shown = masked(frame.image, polygon_px)
                tiles.append(tile(shown, alert.place.box_px, [said], colour))
    tiles_on_sheet(tiles, target)


def _raised_by_frame(heard: Heard) -> list[tuple[int, Alert]]:
    return [
        (alert.frame_index, alert)
        for alert in heard.alerts
        if alert.kind is Revision.RAISED and alert.frame_index is not None
    ]


def _draw_box(picture: NDArray[np.uint8], box: Sequence[float], name: str, score: float) -> None:
    x0, y0, x1, y1 = (round(side) for side in box)
    short = _SHORT.get(name, name)
    colour = COLOUR.get(short, WHITE)
    cv2.rectangle(picture, (x0, y0), (x1, y1), colour, 2, cv2.LINE_AA)
    write_text(picture, f"{short} {score:.2f}", (x0, max(12, y0 - 5)), colour)


def _strip(
    width: int, index: int, fps: float, raised: list[tuple[int, Alert]]
) -> NDArray[np.uint8]:
    """The alerts of the last seconds, newest first, under the picture."""
    strip = np.full((_STRIP_PX, width, 3), 40, dtype=np.uint8)
    recent = [each for each in raised if 0 <= index - each[0] <= _SHOWN_S * fps]
    for line, (_, alert) in enumerate(reversed(recent[-2:])):
        colour = COLOUR.get(alert.hazard.value, (0, 220, 220))
        said = f"ALERT {alert.event_id} {alert.hazard.value.upper()}"
        if alert.probability is not None:
            said += f"  p {alert.probability:.2f}"
        if alert.place is not None and alert.place.x_mm is not None:
            said += f"  x {alert.place.x_mm:.0f} mm ({alert.place.mm_basis})"
        if alert.arrivals:
            first = alert.arrivals[0]
            said += f"  {first.action_point} in {first.eta_ms / 1000:.1f} s"
        if alert.detail:
            said += f"  {alert.detail}"
        write_text(strip, said, (12, 24 + 26 * line), colour)
    write_text(strip, f"{index / fps:6.1f} s", (width - 110, 24), (200, 200, 200))
    return strip
