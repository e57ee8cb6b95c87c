"""`vigitri model list` and `vigitri model check`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from detector.profile.line import ModelChoice
from detector.vision.catalogue import CATALOGUE, ModelError, ModelFolder, find_model, model_folders
from detector.vision.engines import chosen_engine, open_engine
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
    """Load a model, compare it with its card, and run one inference pass on a grey image.

    The pass runs in the engine that a line would use here. Raises `ModelError`, `EngineError`.
    """
    model = find_model(name)
    height, width = (side or 4 * model.card.input.stride for side in model.card.input.size)
    grey = np.full((height, width, 3), OUTSIDE_GREY, np.uint8)
    open_engine(model, choice).detect(grey, 1.0)
    print(
        f"{model.card.name} version {model.card.version}: valid. sha256 {model.sha256[:12]}..., "
        f"{model.card.head} head, classes {', '.join(each.name for each in model.card.classes)}; "
        f"runs in {chosen_engine(choice)[0]}"
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
        "classes": {each.name: each.threshold for each in card.classes},
        "mm_per_px": list(card.input.mm_per_px),
        "sha256": model.sha256,
    }
