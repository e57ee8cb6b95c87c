"""From the bytes of the wire to messages; what can't be read raises ValueError, nothing else."""

from __future__ import annotations

import json

from detector.wire.messages import PAYLOADS, WIRE_VERSION, Header, Message
from detector.wire.requests import Delivery, Reply, read_reply


def decode(frames: list[bytes]) -> tuple[str, Header, Message]:
    """The topic, header and payload of a message's three frames."""
    topic, header = decode_head(frames)
    return topic, header, decode_payload(topic.partition("/")[0], header, frames[2])


def decode_head(frames: list[bytes]) -> tuple[str, Header]:
    if len(frames) != 3:
        raise ValueError(f"a message is three frames [topic, header, payload], not {len(frames)}")
    # `extra` (pydantic 2.12) reaches into nested models too: the promise that fields may be added.
    return frames[0].decode(), Header.model_validate_json(frames[1], extra="ignore")


def decode_payload(kind: str, header: Header, body: bytes) -> Message:
    expected = f"{kind}/{WIRE_VERSION}"
    if kind not in PAYLOADS or header.schema_ != expected:
        raise ValueError(f"schema {header.schema_[:40]!r} on a topic of {expected!r}")
    return PAYLOADS[kind].model_validate_json(body, extra="ignore")


def decode_reply(frames: list[bytes]) -> Reply | Delivery:
    """What the ROUTER sent to a DEALER."""
    if len(frames) != 1:
        raise ValueError(f"a reply is one frame, not {len(frames)}")
    try:
        said = json.loads(frames[0])
    except RecursionError:
        raise ValueError("a reply is JSON in UTF-8; this one is not") from None
    if not isinstance(said, dict):
        raise ValueError("a reply is a JSON object")
    return read_reply(said, frames[0])
