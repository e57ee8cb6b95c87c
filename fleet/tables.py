"""The tables of a fleet run, as Parquet.

A results folder holds one file per table, and the part of each clip that they were merged from:

    OUT/alerts.parquet      one row per alert, as its last revision left it
    OUT/revisions.parquet   one row per published revision
    OUT/totals.parquet      one row per clip: frames, time, blind time, alerts per hazard
    OUT/failures.parquet    one row per failed attempt, the final ones marked
    OUT/costs.parquet       one row per clip: attempts, time and memory, which vary between runs
    OUT/provenance.parquet  one row per line: profile, model and version that the results came from
    OUT/clips/*.parquet     one file per finished clip; what a resumed run does not repeat

`clip` is the clip's path or URI as given, and with `line` the key of every table. Times `t_…_s` are
seconds from the clip's first frame. Every file has its whole schema, with rows or without: a reader
of many files (DuckDB, pyarrow) takes the schema of the first.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

Row = dict[str, Any]

TEXT, INT, REAL, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()
UTC = pa.timestamp("us", tz="UTC")
_BOX = [
    (f"{side}_px", REAL, "box in `box_frame`, image coordinates")
    for side in ["x0", "y0", "x1", "y1"]
]

_KEYS = [
    ("clip", TEXT, "path or URI of the clip"),
    ("line", TEXT, "name of the line, from its profile"),
]
_PLACE = [
    ("box_frame", INT, "frame of the clip that the box and the place refer to; null: line state"),
    *_BOX,
    ("x_mm", REAL, "centre across the belt from its left edge looking downstream"),
    ("y_mm", REAL, "centre along the travel from the upstream end of the view"),
    ("belt_position_mm", REAL, "belt travel since the clip's start at that frame"),
    ("length_mm", REAL, "measured longest side"),
    ("width_mm", REAL, "measured other side"),
]
_FACTS = [
    ("event_id", TEXT, "the same in all revisions of an alert; unique in the clip"),
    ("hazard", TEXT, "gas, battery, overload, jam, belt_stopped, vision_unavailable"),
    ("class_name", TEXT, "the verifier's kind, or the model's class; null: line state"),
    ("priority", TEXT, "high or medium"),
    ("state", TEXT, "ISA-18.2 state of the alarm"),
    ("probability", REAL, "probability that the hazard is real, 0 to 1; null: line state"),
    ("score", REAL, "the model's best score, 0 to 1; null: line state"),
    ("hits", INT, "inference passes that detected it"),
    ("passes", INT, "inference passes that should have detected it"),
    ("members", INT, "objects in this alarm; 1, but for the first of a pile"),
    ("pile", TEXT, "event_id of the pile that it is a further member of"),
    ("detail", TEXT, "for a line state: the cause"),
]
HAZARDS = ("gas", "battery", "overload", "jam", "belt_stopped", "vision_unavailable")

COLUMNS: dict[str, list[tuple[str, pa.DataType, str]]] = {
    "alerts": [
        *_KEYS, *_FACTS,
        ("t_raised_s", REAL, "when it was raised"),
        ("t_last_s", REAL, "its last revision"),
        ("last_kind", TEXT, "kind of the last revision; raised or updated: the clip ended before"),
        ("revisions", INT, "number of its revisions"),
        ("raised_frame", INT, "frame of the clip that raised it"),
        *_PLACE,
    ],
    "revisions": [
        *_KEYS, *_FACTS[:1],
        ("revision", INT, "number of the revision, from 1"),
        ("kind", TEXT, "raised, updated, acknowledged, cleared, expired"),
        ("t_s", REAL, "when it was published"),
        *_FACTS[1:], *_PLACE,
        ("alert", TEXT, "the alert as published, JSON, see docs/schema"),
    ],
    "totals": [
        *_KEYS,
        ("provenance", TEXT, "key of the provenance table"),
        ("start_utc", UTC, "time of the clip's first frame; null: unknown"),
        ("start_basis", TEXT, "list (the list's column), name (of the clip); null: unknown"),
        ("frames", INT, "frames processed"),
        ("inferences", INT, "inference passes"),
        ("recorded_s", REAL, "duration of the frames"),
        ("belt_mm", REAL, "belt travel; null: unknown"),
        ("blind_frames", INT, "frames that could not be evaluated"),
        ("blind_s", REAL, "time in which the belt was not watched: blind frames and gaps"),
        *((f"raised_{hazard}", INT, "alerts raised") for hazard in HAZARDS),
        ("revisions", INT, "rows in the revisions table"),
        ("parts", INT, "parts that the clip was split into; 1: not split"),
        ("complete", FLAG, "every frame was read and evaluated"),
        ("notes", pa.list_(TEXT), "what could not be read, and what is unusual about the times"),
    ],
    "failures": [
        *_KEYS,
        ("part", INT, "part of a split clip, from 0; null: the clip as a whole"),
        ("attempt", INT, "from 1"),
        ("cause", TEXT, "footage, profile, model, worker (lost), error (unexpected)"),
        ("reason", TEXT, "one line"),
        ("final", FLAG, "no further attempt: the clip has no result"),
        ("t_utc", UTC, "when it was noticed"),
    ],
    "costs": [
        *_KEYS,
        ("attempts", INT, "including the one that succeeded, over all parts"),
        ("elapsed_s", REAL, "time of the successful attempts"),
        ("cpu_s", REAL, "CPU time of all threads in them"),
        ("fetch_s", REAL, "of it, copying the clip from an object store"),
        ("peak_mib", REAL, "largest resident memory of its workers so far, MiB"),
        ("worker", TEXT, "host and process of the last one"),
        ("finished_utc", UTC, "when the result was written"),
    ],
    "provenance": [
        ("provenance", TEXT, "SHA-256 of what follows, but for path and host"),
        ("line", TEXT, "name of the line"),
        ("profile", TEXT, "path of the line's profile; null: none"),
        ("profile_sha256", TEXT, "SHA-256 of the profile's settings and of the files it names"),
        ("settings", TEXT, "the profile's settings, JSON"),
        ("model", TEXT, "name of the model"),
        ("model_sha256", TEXT, "SHA-256 of model.onnx"),
        ("verifier_sha256", TEXT, "SHA-256 of the verifier's network; null: none"),
        ("verifier_head_sha256", TEXT, "SHA-256 of the verifier's head; null: none"),
        ("thresholds", TEXT, "what an object must reach, by hazard; by class without verifier"),
        ("version", TEXT, "version of Vigitri"),
        ("engine", TEXT, "inference engine, as chosen"),
        ("fps", REAL, "frames per second that overrode the clips' own times; null: none"),
        ("split_s", REAL, "clips longer than this were split; null: none"),
    ],
}  # fmt: skip

SCHEMAS: dict[str, pa.Schema] = {
    table: pa.schema([pa.field(name, kind) for name, kind, _ in columns])
    for table, columns in COLUMNS.items()
}

SORTED_BY: dict[str, tuple[str, ...]] = {
    "alerts": ("line", "clip", "t_raised_s", "event_id"),
    "revisions": ("line", "clip", "t_s", "event_id", "revision"),
    "totals": ("line", "clip"),
    "failures": ("line", "clip", "part", "attempt"),
    "costs": ("line", "clip"),
    "provenance": ("line", "provenance"),
}


def table_of(name: str, rows: list[Row]) -> pa.Table:
    """The rows as the named table: its whole schema whatever the rows, and always in one order.

    Raises `pa.ArrowInvalid` or `pa.ArrowTypeError` if a value is not of its column's type, and
    `ValueError` for a column that the schema does not know.
    """
    schema = SCHEMAS[name]
    unknown = sorted({key for row in rows for key in row} - set(schema.names))
    if unknown:
        raise ValueError(f"{name}: no such column {', '.join(unknown)}")
    ordered = sorted(rows, key=lambda row: [_sortable(row.get(key)) for key in SORTED_BY[name]])
    return pa.Table.from_pylist(ordered, schema=schema)


def _sortable(value: Any) -> tuple[bool, Any]:
    return value is not None, value if value is not None else 0


def describe() -> str:
    """The schema as Markdown, for docs/fleet.md."""
    lines: list[str] = []
    for table, columns in COLUMNS.items():
        lines += [f"### {table}", "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{name}` | {kind} | {about} |" for name, kind, about in columns]
        lines.append("")
    return "\n".join(lines)
