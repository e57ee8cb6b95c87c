"""Write thresholds and calibrations, fitted on tracks, into a model's card."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detector.vision.score_curve import ScoreCurve
from models.card import toml_table

_BLOCK = re.compile(r"^(?=\[)", re.MULTILINE)


def write_operating(
    folder: Path,
    thresholds: Mapping[str, float],
    calibrations: Mapping[str, ScoreCurve | None],
    table: dict[str, Any],
) -> None:
    """Change `card.toml` in place: each class's threshold and calibration, and `[operating]`.

    The rest of the card stays unchanged.
    """
    path = folder / "card.toml"
    blocks = _BLOCK.split(path.read_text(encoding="utf-8"))
    kept = [block for block in blocks if not re.match(r"\[operating[\].]", block)]
    changed = [
        _class(block, thresholds, calibrations) if block.startswith("[[classes]]") else block
        for block in kept
    ]
    text = "".join(changed).rstrip() + "\n" + "\n".join(toml_table("operating", table)) + "\n"
    tomllib.loads(text)
    draft = path.with_suffix(".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _class(
    block: str, thresholds: Mapping[str, float], calibrations: Mapping[str, ScoreCurve | None]
) -> str:
    (known,) = tomllib.loads(block)["classes"]
    lines = [
        line
        for line in block.rstrip().splitlines()
        if not re.match(r"(threshold|calibration) =", line)
    ]
    lines.append(f"threshold = {thresholds[known['name']]:g}")
    curve = calibrations.get(known["name"])
    if curve is not None:
        lines.append(f"calibration = {{ slope = {curve.slope!r}, offset = {curve.offset!r} }}")
    return "\n".join(lines) + "\n\n"
