from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from detector.wire.messages import PAYLOADS
from detector.wire.schema import file_name, schemas, write_schemas

COMMITTED = Path(__file__).parents[2] / "docs" / "schema"
SENT = ["header", "reply", *PAYLOADS]


def parts(schema: Any) -> list[dict[str, Any]]:
    """All objects inside a schema, itself included."""
    inner = schema.values() if isinstance(schema, dict) else schema
    found = [schema] if isinstance(schema, dict) else []
    return found + [p for i in inner if isinstance(i, dict | list) for p in parts(i)]


@pytest.mark.parametrize("name", list(schemas()))
def test_the_committed_schema_matches_the_models(name: str) -> None:
    committed = json.loads((COMMITTED / file_name(name)).read_text(encoding="utf-8"))
    assert committed == schemas()[name], "regenerate them: vigitri schema --write docs/schema"


def test_no_other_schema_is_committed() -> None:
    assert {path.name for path in COMMITTED.glob("*.json")} == {
        file_name(name) for name in schemas()
    }


@pytest.mark.parametrize("name", SENT)
def test_schemas_of_messages_allow_fields_of_later_versions(
    name: str,
) -> None:
    schema = {key: value for key, value in schemas()[name].items() if key != "examples"}
    assert all(part.get("additionalProperties", True) is not False for part in parts(schema))


@pytest.mark.parametrize("name", SENT)
def test_every_field_of_a_message_is_required(name: str) -> None:
    for part in parts(schemas()[name]):
        if part.get("type") == "object" and "properties" in part:
            assert set(part["required"]) == set(part["properties"])


def test_requests_allow_no_unknown_fields() -> None:
    schema = schemas()["answer"]
    for model in ("Acknowledge", "ReportOutcome", "Shelve"):
        assert schema["$defs"][model]["additionalProperties"] is False
        assert {"request", "answer", "operator"} <= set(schema["$defs"][model]["required"])


def test_every_schema_has_an_example() -> None:
    assert all(schema["examples"] for schema in schemas().values())


def test_schemas_are_written_as_json_files(tmp_path: Path) -> None:
    written = write_schemas(tmp_path / "schema")
    assert "alert.1.json" in [path.name for path in written]
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert json.loads(text)["$id"].startswith("urn:vigitri:")
        assert text.endswith("}\n")
