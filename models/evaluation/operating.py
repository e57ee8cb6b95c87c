"""Write thresholds and calibrations, fitted on tracks, into a model's card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detector.vision.catalogue import read_card
from detector.vision.score_curve import ScoreCurve
from models.card import write_card


def write_operating(
    folder: Path,
    thresholds: Mapping[str, float],
    calibrations: Mapping[str, ScoreCurve | None],
    table: dict[str, Any],
) -> None:
    """Change `card.toml`: each class's threshold and calibration, and `[operating]`."""
    card = read_card(folder / "card.toml")
    classes = tuple(
        known.model_copy(
            update={
                "threshold": thresholds[known.name],
                "calibration": calibrations.get(known.name),
            }
        )
        for known in card.classes
    )
    write_card(folder, card.model_copy(update={"classes": classes, "operating": table}))
