"""The networks that can be trained, by name.

A name is one of ultralytics' own (`yolo26n`, `yolo11n`) or a file in `models/architectures`, which
says how it differs from one of those.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from models.errors import WorkshopError
from models.training.stages import quiet_tools

FOLDER = Path(__file__).parents[1] / "architectures"
STOCK = "yolo26n"


class Difference(BaseModel):
    """What a file in `models/architectures` says.

    backbone, head: layers as ultralytics writes them, where they are not those of `like`.
    width_multiple: channels, as a share of the unscaled network's. class_width: channels of the
    branch that tells classes. taken_from: the layer of `like` that each layer starts as, -1 for
    none; without, layer by layer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    like: str
    backbone: list[list[Any]] | None = None
    head: list[list[Any]] | None = None
    width_multiple: float | None = None
    class_width: int | None = None
    taken_from: list[int] | None = None


def shipped() -> list[str]:
    """Names of the architectures that the workshop describes itself."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def difference(name: str) -> Difference:
    """How an architecture differs from one of ultralytics'; one of theirs differs in nothing."""
    if name not in shipped():
        return Difference(like=name)
    return Difference.model_validate(tomllib.loads((FOLDER / f"{name}.toml").read_text()))


def layers(name: str) -> dict[str, Any]:
    """An architecture as ultralytics' `DetectionModel` takes it, with the one-to-many head alone.

    Raises `WorkshopError` with the known names if there is none of this name.
    """
    quiet_tools()
    from ultralytics.nn.tasks import yaml_model_load

    differs = difference(name)
    try:
        plan: dict[str, Any] = yaml_model_load(f"{differs.like}.yaml")
    except FileNotFoundError as error:
        raise WorkshopError(
            f"architecture = {name!r}: is neither ultralytics' nor one of {', '.join(shipped())}"
        ) from error
    if differs.width_multiple is not None:
        depth, _, _ = plan.pop("scales")[plan.pop("scale")]
        plan |= {"depth_multiple": depth, "width_multiple": differs.width_multiple}
    for part in ("backbone", "head"):
        plan[part] = getattr(differs, part) or plan[part]
    return {**plan, "end2end": False}
