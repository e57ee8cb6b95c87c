"""`vigitri model list` and `vigitri model check`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from detector.adaptation.feature_bank import BANK, load_bank
from detector.profile.line import ModelChoice
from detector.vision.catalogue import CATALOGUE, ModelError, ModelFolder, find_model, model_folders
from detector.vision.crops import CropCutter
from detector.vision.engine import OnnxEngine
from detector.vision.engines import chosen_engine, open_engine, open_verifier
from detector.vision.soundness import check_meaning, check_sample
from detector.vision.verifier import Verifier, load_head
from detector.vision.verifier_card import HAZARDS, VerifierCard
from detector.vision.warp import OUTSIDE_GREY


def list_models(*, as_json: bool) -> None:
    """Print a table of the catalogue's models, or JSON; refused models are listed too."""
    rows = [_row(folder.name) for folder in model_folders()]
    if as_json:
        print(json.dumps(rows))
        return
    table = Table(title=f"models in {CATALOGUE}", title_justify="left")
    for column in ("name", "state", "classes", "thresholds", "mm/px", "sha256"):
        table.add_column(column)
    for row in rows:
        table.add_row(
            row["name"],
            Text(row["state"]),  # no markup: paths and reasons hold [brackets]
            "\n".join(row.get("classes", {})),
            "\n".join(f"{value:.2f}" for value in row.get("classes", {}).values()),
            " to ".join(str(side) for side in row.get("mm_per_px", ())),
            row.get("sha256", "")[:12],
        )
    Console().print(table)


def check_model(name: str, choice: ModelChoice | None = None) -> None:
    """Load a model and its verifier, compare them with their card, and run each on a drawn image.

    They run in the engine that a line would use here. Raises `ModelError`, `EngineError`.
    """
    signed_by = None if choice is None else choice.signed_by
    check_folder(find_model(name, signed_by), choice)


def check_folder(model: ModelFolder, choice: ModelChoice | None = None) -> None:
    """The same for a folder that is open already."""
    onnx_engine = OnnxEngine(model)
    boxes = check_meaning(model, onnx_engine)
    found = check_sample(model, onnx_engine)
    height, width = (side or 4 * model.card.input.stride for side in model.card.input.size)
    image = np.full((height, width, 3), OUTSIDE_GREY, np.uint8)
    image[height // 4 : height // 2, width // 4 : width // 2] = 255
    open_engine(model, choice).detect(image, 1.0)
    verifier = open_verifier(model, choice)
    if verifier is not None:
        card = verifier.card
        box = width / 4, height / 4, width / 2, height / 2
        CropCutter(card.input_px, card.context).cut(image, box, verifier.crops[0])
        verifier.probabilities(1)
        _check_bank(model, card)
    print(
        f"{model.card.name} version {model.card.version}: valid. sha256 {model.sha256[:12]}..., "
        f"{model.card.head} head, classes {_classes(model)}; runs in {chosen_engine(choice)[0]}; "
        + (found or f"{boxes} boxes in drawn images make sense" if boxes or found else _NOT_TRIED)
    )
    if verifier is not None:
        print(_verifier_line(verifier))


_NOT_TRIED = "no box in drawn images: boxes and scores are not tried, give `model import` a picture"


def _classes(model: ModelFolder) -> str:
    """Names of the hazards, and how many classes are harmless."""
    named = [each.name for each in model.card.classes if each.hazard != "none"]
    harmless = len(model.card.classes) - len(named)
    return ", ".join(named) + (f" and {harmless} harmless" if harmless else "")


def _check_bank(model: ModelFolder, card: VerifierCard) -> None:
    """Whether the head could be adapted with the feature bank, if the model came with one."""
    if BANK in model.card.files:
        head = load_head(model.path / card.head)
        load_bank(model.path / BANK, model.card.files[card.features], *head.weights.shape)


def _verifier_line(verifier: Verifier) -> str:
    card = verifier.card
    kinds = [
        f"{hazard}: {', '.join(card.kinds[kind].name for kind in card.kinds_of(hazard))}"
        for hazard in (*HAZARDS, "none")
    ]
    return (
        f"verifier: valid. Crops of {card.input_px} px in batches of "
        f"{', '.join(map(str, card.batches))}, {card.max_crops_per_pass} a pass at most; "
        f"{len(card.kinds)} kinds. {'. '.join(kinds)}"
    )


def _row(name: str) -> dict[str, Any]:
    try:
        model: ModelFolder = find_model(name)
    except (ModelError, OSError) as error:
        return {"name": name, "state": f"refused: {error}"}
    card = model.card
    return {
        "name": name,
        "state": "valid",
        "classes": {each.name: each.threshold for each in card.classes if each.hazard != "none"},
        "mm_per_px": list(card.input.mm_per_px),
        "sha256": model.sha256,
    }
