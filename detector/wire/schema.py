"""The JSON Schemas (draft 2020-12) of the wire, for integrators in other languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from detector.wire import samples
from detector.wire.evidence import EVIDENCE_PAYLOADS
from detector.wire.messages import PAYLOADS, WIRE_VERSION, Header
from detector.wire.requests import (
    ANSWER,
    BeltFromPlc,
    Consume,
    ConsumeReply,
    Delivery,
    Replay,
    ReplayReply,
    Reply,
    Snapshot,
    SnapshotReply,
)

JsonSchema = dict[str, Any]

ROUTER: dict[str, type[BaseModel]] = {
    "snapshot": Snapshot,
    "snapshot-reply": SnapshotReply,
    "replay": Replay,
    "replay-reply": ReplayReply,
    "consume": Consume,
    "consume-reply": ConsumeReply,
    "belt": BeltFromPlc,
    "delivery": Delivery,
}
"""Requests other than `answer`, and replies with more fields than `reply`."""


def schemas() -> dict[str, JsonSchema]:
    """All schemas by name: `header`, payloads, requests, replies and delivery."""
    sent: dict[str, type[BaseModel]] = {
        "header": Header,
        **PAYLOADS,
        **EVIDENCE_PAYLOADS,
        "reply": Reply,
        **ROUTER,
    }
    made: dict[str, JsonSchema] = {
        name: _open(model.model_json_schema(mode="serialization")) for name, model in sent.items()
    }
    answer = ANSWER.json_schema(mode="serialization")
    made["answer"] = {"title": "Answer", "description": "An operator's answer.", **answer}
    shown: dict[str, tuple[BaseModel, ...]] = {
        "header": (samples.HEADER,),
        **samples.PAYLOADS,
        **samples.EVIDENCE_PAYLOADS,
        "reply": samples.REPLIES,
        "answer": samples.ANSWERS,
        **samples.ROUTER,
    }
    return {
        name: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:vigitri:{name}:{WIRE_VERSION}",
            **schema,
            "examples": [
                json.loads(sample.model_dump_json(by_alias=True)) for sample in shown[name]
            ],
        }
        for name, schema in made.items()
    }


def file_name(name: str) -> str:
    """E.g. `alert.1.json`."""
    return f"{name}.{WIRE_VERSION}.json"


def as_text(schema: JsonSchema) -> str:
    """A schema as JSON text, as it is printed and written to a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write each schema to its file in `folder`, created if missing; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, schema in schemas().items():
        path = folder / file_name(name)
        path.write_text(as_text(schema), encoding="utf-8")
        paths.append(path)
    return paths


def _open(schema: Any) -> Any:
    """A copy of `schema` that allows unknown fields.

    The models refuse them, so that the detector sends only documented fields; a subscriber that
    validates with these schemas must accept fields added by later versions.
    """
    if isinstance(schema, list):
        return [_open(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _open(value)
        for key, value in schema.items()
        if not (key == "additionalProperties" and value is False)
    }
