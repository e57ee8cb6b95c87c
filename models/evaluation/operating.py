"""Write thresholds and calibrations, fitted on tracks, into a model's card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detector.vision.catalogue import read_card, write_card
from detector.vision.score_curve import ScoreCurve


def write_operating(
    folder: Path,
    thresholds: Mapping[str, float],
    calibrations: Mapping[str, ScoreCurve | None],
    table: dict[str, Any],
) -> None:
    """Change `card.toml`: each class's threshold and calibration, and `[operating]`. With a
    verifier the thresholds are those of its hazards, and there are no calibrations."""
    card = read_card(folder / "card.toml")
    if card.verifier is not None:
        fusion = {
            known.hazard: card.verifier.fusion[known.hazard].model_copy(
                update={"threshold": thresholds[known.name]}
            )
            for known in card.classes
            if known.name in thresholds and known.hazard != "none"
        }
        verifier = card.verifier.model_copy(update={"fusion": card.verifier.fusion | fusion})
        write_card(folder, card.model_copy(update={"verifier": verifier, "operating": table}))
        return
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
