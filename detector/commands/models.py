"""`vigitri model list` and `vigitri model check`."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table

from calibration.line_profile import ModelChoice
from detector.vision.catalogue import CATALOGUE, ModelError, ModelFolder, find_model, model_folders
from detector.vision.engines import chosen_engine, open_engine


def list_models(*, as_json: bool) -> None:
    """Every model of the catalogue, sound or not."""
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
            row["state"],
            "\n".join(row.get("classes", {})),
            "\n".join(f"{value:.2f}" for value in row.get("classes", {}).values()),
            " to ".join(str(side) for side in row.get("mm_per_px", ())),
            row.get("sha256", "")[:12],
        )
    Console().print(table)


def check_model(name: str, choice: ModelChoice | None = None) -> None:
    """Load it and hold it against its card. Raises `ModelError`."""
    model = find_model(name)
    open_engine(model, choice)
    print(
        f"{model.card.name} version {model.card.version}: sound. sha256 {model.sha256[:12]}..., "
        f"{model.card.head} head, classes {', '.join(each.name for each in model.card.classes)}; "
        f"runs in {chosen_engine(choice)[0]}"
    )


def _row(name: str) -> dict[str, Any]:
    try:
        model: ModelFolder = find_model(name)
    except ModelError as error:
        return {"name": name, "state": f"refused: {error}"}
    card = model.card
    return {
        "name": name,
        "state": "sound",
        "classes": {each.name: each.threshold for each in card.classes},
        "mm_per_px": list(card.input.mm_per_px),
        "sha256": model.sha256,
    }
