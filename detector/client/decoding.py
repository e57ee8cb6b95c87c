"""Decodes the wire's bytes into messages; raises only ValueError, for unreadable ones."""

from __future__ import annotations

import json

from detector.wire.evidence import EVIDENCE_PAYLOADS, IMAGES
from detector.wire.messages import PAYLOADS, WIRE_VERSION, Header, Message
from detector.wire.requests import Delivery, Reply, read_reply

_JPEG = b"\xff\xd8"


def decode(frames: list[bytes]) -> tuple[str, Header, Message]:
    """Decode a message's three frames into topic, header and payload."""
    topic, header = decode_head(frames)
    return topic, header, decode_payload(topic.partition("/")[0], header, frames[2])


def decode_images(frames: list[bytes]) -> tuple[str, Header, Message, list[bytes]]:
    """Decode a message of the socket for images into topic, header, payload and JPEGs."""
    topic, header = decode_head(frames[:3])
    kind = topic.partition("/")[0]
    if kind not in IMAGES or len(frames) != 3 + IMAGES[kind]:
        raise ValueError(f"{len(frames)} frames on a topic of {kind[:40]!r}")
    payload = decode_payload(kind, header, frames[2])
    images = frames[3:]
    if not all(image.startswith(_JPEG) for image in images):
        raise ValueError(f"a frame of {kind} is not a JPEG")
    return topic, header, payload, images


def decode_head(frames: list[bytes]) -> tuple[str, Header]:
    if len(frames) != 3:
        raise ValueError(f"a message has three frames [topic, header, payload], not {len(frames)}")
    # `extra` (pydantic 2.12) applies to nested models too: later versions may add fields anywhere.
    return frames[0].decode(), Header.model_validate_json(frames[1], extra="ignore")


def decode_payload(kind: str, header: Header, body: bytes) -> Message:
    expected = f"{kind}/{WIRE_VERSION}"
    model = PAYLOADS.get(kind) or EVIDENCE_PAYLOADS.get(kind)
    if model is None or header.schema_ != expected:
        raise ValueError(f"schema {header.schema_[:40]!r} on a topic of {expected!r}")
    return model.model_validate_json(body, extra="ignore")


def decode_reply(frames: list[bytes]) -> Reply | Delivery:
    """Decode a message from the ROUTER to a DEALER."""
    if len(frames) != 1:
        raise ValueError(f"a reply must be one frame, not {len(frames)}")
    try:
        document = json.loads(frames[0])
    except RecursionError:
        raise ValueError("a reply must be JSON in UTF-8") from None
    if not isinstance(document, dict):
        raise ValueError("a reply must be a JSON object")
    return read_reply(document, frames[0])
