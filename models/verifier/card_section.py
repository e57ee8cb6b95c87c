"""The verifier's part of a model's card."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.card import sha256
from models.verifier.bank import BANK
from models.verifier.export import FEATURES, HEAD
from models.verifier.kinds import Kinds
from models.verifier.recipe import VerifierRecipe
from models.verifier.verdicts import HAZARD_NAMES, Fusion
from models.workshop import WorkshopError

BATCHES = (4, 16)
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

    proposal_threshold: by hazard. made: data, training and figures, for `[metrics.verifier]`.
    """
    path = folder / "card.toml"
    if not path.is_file():
        raise WorkshopError(f"{path}: missing; give the folder of the detector's model")
    text = _without(path.read_text(), "verifier")
    text = _without(text, "metrics.verifier")
    text = _with_files(text, folder)
    text = _with_proposals(text, proposal_threshold)
    lines = _section(recipe, kinds, fusions)
    text = text.replace("\n[training]", "\n".join(["", *lines[1:], "", "[training]"]), 1)
    text = text.rstrip("\n") + "\n" + "\n".join(_table("metrics.verifier", dict(made))) + "\n"
    tomllib.loads(text)
    path.write_text(text)
    return path


def _section(recipe: VerifierRecipe, kinds: Kinds, fusions: tuple[Fusion, Fusion]) -> list[str]:
    lines = _table(
        "verifier",
        {
            "features": FEATURES,
            "head": HEAD,
            "input_px": recipe.input_px,
            "context": recipe.context,
            "batches": list(BATCHES),
            "max_crops_per_pass": MAX_CROPS_PER_PASS,
        },
    )
    for name, hazard in zip(kinds.names, kinds.hazards, strict=True):
        lines += ["", "[[verifier.kinds]]", f'name = "{name}"', f'hazard = "{hazard}"']
    for hazard, fusion in zip(HAZARD_NAMES, fusions, strict=True):
        lines += _table(f"verifier.fusion.{hazard}", asdict(fusion))
    return lines


def _table(name: str, values: Mapping[str, Any]) -> list[str]:
    """A TOML table with its subtables; strings, numbers and lists are written as in JSON."""
    lines = ["", f"[{name}]"]
    lines += [f"{_key(k)} = {json.dumps(v)}" for k, v in values.items() if not isinstance(v, dict)]
    for key, inner in values.items():
        if isinstance(inner, dict):
            lines += _table(f"{name}.{_key(key)}", inner)
    return lines


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key) else json.dumps(key)


def _without(text: str, table: str) -> str:
    """The card without a table and its subtables."""
    header = rf"^\[\[?{re.escape(table)}(\.[^\]]*)?\]\]?\n"
    return re.sub(rf"{header}(?:(?!\[).*\n)*", "", text, flags=re.MULTILINE)


def _with_files(text: str, folder: Path) -> str:
    files = "".join(
        f'"{name}" = "{sha256(folder / name)}"\n'
        for name in ("model.onnx", FEATURES, HEAD, BANK)
        if (folder / name).is_file()
    )
    return re.sub(r"\n\[files\]\n(?:(?!\[).+\n)*", f"\n[files]\n{files}", text, count=1)


def _with_proposals(text: str, thresholds: Mapping[str, float]) -> str:
    text = re.sub(r"proposal_threshold = .*\n", "", text)
    for hazard, value in thresholds.items():
        text = re.sub(
            rf'(hazard = "{hazard}"\n(?:(?!\[).+\n)*?threshold = [^\n]*\n)',
            rf"\g<1>proposal_threshold = {value:g}\n", text, count=1,
        )  # fmt: skip
    return text
