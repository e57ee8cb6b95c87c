"""The images of a line, which leave the detector on a socket of their own.

An alert never waits for an image: they have their own thread, queue and endpoint. Frames:
`[topic, header, payload, crop, frame]` for `evidence/<line>` and `[topic, header, payload, image]`
for `live/<line>`; header and payload are JSON, the images JPEG. What is outside the belt is grey.
The header's `seq` and `gseq` count the messages of this socket; its `alert_seq` is null.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from detector.wire.alert import KindProbability
from detector.wire.envelope import Message

EVIDENCE_ENDPOINT = "tcp://127.0.0.1:5558"

PixelBox = tuple[float, float, float, float]


class Look(Message):
    """One inference pass in which an object was detected, shown to the verifier, or both."""

    frame_index: Annotated[int, Field(description="Number of the frame.")]
    t_capture_utc_ns: Annotated[int, Field(description="Capture of the frame, UTC, ns since 1970.")]
    score: Annotated[
        float | None,
        Field(description="The detector's score, 0 to 1; null: this pass did not detect it."),
    ]
    box_px: Annotated[PixelBox, Field(description="Box x0, y0, x1, y1 in the camera's image, px.")]
    kinds: Annotated[
        tuple[KindProbability, ...],
        Field(
            description="The verifier's most probable kinds by this pass's crop. Empty: the "
            "verifier had no crop of this pass."
        ),
    ] = ()


class Evidence(Message):
    """The images of one alert: the object's crop, and the whole frame."""

    line: Annotated[str, Field(description="Name of the line.")]
    evidence_id: Annotated[
        str, Field(description="The alert's `evidence_id`; unique, and valid as a file name.")
    ]
    event_id: Annotated[str, Field(description="The alert's `event_id`.")]
    boot_id: Annotated[str, Field(description="The alert's `boot_id`.")]
    revision: Annotated[int, Field(ge=1, description="The alert's revision that raised it.")]
    t_capture_utc_ns: Annotated[int, Field(description="Capture of the frame, UTC, ns since 1970.")]
    frame_index: Annotated[int, Field(description="Number of the frame.")]
    crop_frame_index: Annotated[
        int,
        Field(
            description="Number of the frame that the crop was cut from: an earlier one if the "
            "object had left the view when it was decided on."
        ),
    ]
    crop_box_px: Annotated[
        PixelBox,
        Field(
            description="The crop's square x0, y0, x1, y1 in the camera's image, px; may reach "
            "beyond the image, whose last pixels are then repeated."
        ),
    ]
    crop_size_px: Annotated[int, Field(gt=0, description="Side of the crop's JPEG, px.")]
    frame_size_px: Annotated[
        tuple[int, int], Field(description="Width and height of the frame's JPEG, px.")
    ]
    frame_scale: Annotated[
        float, Field(gt=0, description="Pixels of the frame's JPEG per pixel of the camera.")
    ]
    box_px: Annotated[
        PixelBox,
        Field(
            description="The object's box x0, y0, x1, y1 in the frame's JPEG, px; where the belt "
            "has carried it if it had left the view."
        ),
    ]
    looks: Annotated[
        tuple[Look, ...],
        Field(description="The passes that led to the alert, as far as known, newest last."),
    ]
    verifier_input_px: Annotated[
        int | None,
        Field(description="Side of the verifier's input, px; null: the model has no verifier."),
    ]


class LiveImage(Message):
    """One image of the running belt, sent only while it is subscribed to."""

    line: Annotated[str, Field(description="Name of the line.")]
    t_capture_utc_ns: Annotated[int, Field(description="Capture of the frame, UTC, ns since 1970.")]
    frame_index: Annotated[int, Field(description="Number of the frame.")]
    frame_size_px: Annotated[
        tuple[int, int], Field(description="Width and height of the JPEG, px.")
    ]
    frame_scale: Annotated[
        float, Field(gt=0, description="Pixels of the JPEG per pixel of the camera.")
    ]


EVIDENCE_PAYLOADS: dict[str, type[Message]] = {"evidence": Evidence, "live": LiveImage}
"""Payload model by the first part of the topic, on the socket for images."""
IMAGES = {"evidence": 2, "live": 1}
"""JPEG frames after the payload."""


def evidence_beside(publish: str) -> str:
    """The default endpoint for images of a line that publishes there: never beyond this machine,
    and another one for each line of a machine."""
    host, _, port = publish.rpartition(":")
    if not host.startswith("tcp:") or not (port == "*" or port.isdecimal()):
        return EVIDENCE_ENDPOINT
    return f"tcp://127.0.0.1:{port if port == '*' else int(port) + 2}"


def evidence_name(boot_id: str, event_id: str, revision: int) -> str:
    """An alert's `evidence_id`."""
    return f"{boot_id}-{event_id}-{revision}"
