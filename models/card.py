"""The card of a deployed model folder: what the runtime needs, and how the model was made."""

from __future__ import annotations

import datetime
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.data.sources import CLASS_NAMES

HAZARDS = ("gas", "battery")
# Plausible longest side, mm. Gas: a nitrous-oxide charger is 66 mm, an 11 kg composite or
# 13 kg steel bottle 580 mm, a 50 l industrial cylinder 1,600 mm. Battery: LR44 and CR2032 cells are
# 11.6 and 20 mm (the model is not trained below about 20 px), a car battery 400 mm.
PLAUSIBLE_MM = ((60, 1600), (10, 400))
LICENCE = "AGPL-3.0-only (trained with ultralytics from a YOLO26n checkpoint under that licence)"


@dataclass(frozen=True)
class Card:
    """Content of `card.toml`. thresholds: operating score per class, in class order.

    data: training data with licences (`models.data.provenance`). facts: further keys of
    `[training]`, e.g. the parent model.
    """

    name: str
    version: int
    thresholds: tuple[float, float]
    start_from: str
    recipe: str
    data: tuple[str, ...]
    photo_sizes_px: tuple[int, ...] = (416,)
    head: str = "raw"
    layout: str = "nhwc_bgr_u8"
    mm_per_px: tuple[float, float] = (0.6, 1.6)
    date: datetime.date = field(default_factory=datetime.date.today)
    metrics: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _value(value: Any) -> str:
    if isinstance(value, (datetime.date, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)  # TOML's strings, integers and booleans are JSON's


def toml_table(name: str, values: dict[str, Any]) -> list[str]:
    """A TOML table with its subtables, as lines."""
    lines = ["", f"[{name}]"]
    lines += [f"{_key(k)} = {_value(v)}" for k, v in values.items() if not isinstance(v, dict)]
    for key, inner in values.items():
        if isinstance(inner, dict):
            lines += toml_table(f"{name}.{_key(key)}", inner)
    return lines


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() else json.dumps(key)


def write_card(folder: Path, card: Card) -> Path:
    """Write `card.toml` beside `model.onnx`, with its digest; returns the card's path."""
    lines = [
        f"name = {_value(card.name)}",
        f"version = {card.version}",
        f"head = {_value(card.head)}",
    ]
    lines += toml_table(
        "input",
        {
            "name": "images",
            "layout": card.layout,
            "stride": 32,
            "size": [0, 0],
            "mm_per_px": list(card.mm_per_px),
            "photo_sizes_px": list(card.photo_sizes_px),
        },
    )
    for index, name in enumerate(CLASS_NAMES):
        lines += [
            "",
            "[[classes]]",
            f"index = {index}",
            f"name = {_value(name)}",
            f"hazard = {_value(HAZARDS[index])}",
            f"plausible_length_mm = {_value(PLAUSIBLE_MM[index])}",
            f"threshold = {card.thresholds[index]:.2f}",
        ]
    lines += toml_table("files", {"model.onnx": sha256(folder / "model.onnx")})
    training = {
        "start_from": card.start_from,
        "recipe": card.recipe,
        "data": list(card.data),
        "licence": LICENCE,
        "date": card.date,
        **card.facts,
    }
    lines += toml_table("training", training)
    lines += toml_table("metrics", card.metrics)
    path = folder / "card.toml"
    path.write_text("\n".join(lines) + "\n")
    return path
