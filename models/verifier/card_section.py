"""The verifier's part of a model's card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from detector.vision.catalogue import sha256
from detector.vision.verifier_card import Fusion
from models.verifier.bank import BANK
from models.verifier.export import FEATURES, HEAD
from models.verifier.kinds import Kinds
from models.verifier.recipe import VerifierRecipe
from models.verifier.verdicts import HAZARD_NAMES
from models.workshop import WorkshopError

BATCHES = (1, 4, 16)
MAX_CROPS_PER_PASS = 16


def write_section(
    folder: Path,
    recipe: VerifierRecipe,
    kinds: Kinds,
    fusions: tuple[Fusion, Fusion],
    *,
    proposal_threshold: Mapping[str, float],
    made: Mapping[str, Any],
) -> Path:
    """Write `[verifier]` into the folder's card, in place of an older one.

    proposal_threshold: by hazard, for classes whose card has none (`vigitri model proposals
    --set-thresholds` chooses one). made: how it was made and its figures, for `[metrics.verifier]`.
    """
    path = folder / "card.toml"
    if not path.is_file():
        raise WorkshopError(f"{path}: missing; give the folder of the detector's model")
    card = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    for known in card["classes"]:
        known.setdefault("proposal_threshold", proposal_threshold[known["hazard"]])
    for name in (FEATURES, HEAD, BANK):
        if (folder / name).is_file():
            card["files"][name] = sha256(folder / name)
    card["verifier"] = _section(recipe, kinds, fusions)
    card["metrics"] = {**card["metrics"], "verifier": dict(made)}
    partial = path.with_suffix(".part")
    partial.write_text(tomlkit.dumps(card), encoding="utf-8")
    partial.replace(path)
    return path


def _section(
    recipe: VerifierRecipe, kinds: Kinds, fusions: tuple[Fusion, Fusion]
) -> dict[str, Any]:
    return {
        "features": FEATURES,
        "head": HEAD,
        "input_px": recipe.input_px,
        "context": recipe.context,
        "batches": list(BATCHES),
        "max_crops_per_pass": MAX_CROPS_PER_PASS,
        "kinds": [
            {"name": name, "hazard": hazard}
            for name, hazard in zip(kinds.names, kinds.hazards, strict=True)
        ],
        "fusion": {
            hazard: fusion.model_dump(exclude_defaults=True)
            for hazard, fusion in zip(HAZARD_NAMES, fusions, strict=True)
        },
    }
