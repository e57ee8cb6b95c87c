"""The recipe of a training: one TOML file, validated when it is read."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.data.sources import HELD_BACK
from models.workshop import WorkshopError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataRecipe(_Part):
    """Number of images of each kind in one stage."""

    scenes: int = Field(ge=0, description="cut-and-paste scenes")
    close_ups: int = Field(0, ge=0, description="... of them as close-up photographs")
    drawn_share: Share = Field(0.0, description="share of drawings among their objects")
    rendered_share: Share = Field(0.0, description="... and of path-traced ones among these")
    hazard_free: int = Field(0, ge=0, description="hazard-free scenes with the highest false "
        "scores of the last stage's model, of four times as many")  # fmt: skip
    strip_cuts: int = Field(0, ge=0, description="images cut from path-traced strips of belt")
    hard_cuts: int = Field(0, ge=0, description="... more with the largest errors of the last "
                           "stage's model, of four times as many")  # fmt: skip
    heap_copies: float = Field(10, ge=0, description="belt-size copies of each heap of bottles")
    upright_copies: float = Field(3, ge=0, description="... of each image of upright bottles")
    battery_copies: float = Field(2.5, ge=0, description="... of each battery on white")
    battery_scene_copies: float = Field(5, ge=0, description="... of each battery elsewhere")
    negative_copies: float = Field(2, ge=0, description="... of each image without a hazard")
    answer_copies: int = Field(1, ge=0, description="for `model adapt`: how often each of a site's "
                               "images is added to the photographs")  # fmt: skip
    as_is: int = Field(1, ge=0, description="copies of each photograph at its own size")
    belt_frames: int = Field(1, ge=0, description="copies of each empty belt frame, whole")
    belt_scenes: int = Field(0, ge=0, description="scenes of known scale on belts of many places")
    wide_copies: float = Field(
        0, ge=0, description="belt-size copies of each photograph of hazards/"
    )
    harmless_copies: float = Field(0, ge=0, description="... of each picture of harmless/")

    @property
    def is_wide(self) -> bool:
        """Whether it needs the parts that are split by source and place."""
        return bool(self.belt_scenes or self.wide_copies or self.harmless_copies)


class StageRecipe(_Part):
    """One training run over one dataset."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    epochs: int = Field(ge=1, description="at most, where the stage has a time limit")
    lr: float = Field(gt=0, lt=0.1, description="peak learning rate of AdamW")
    lr_end: float = Field(gt=0, lt=0.1, description="learning rate at the end of the cosine")
    mosaic: Share = 0.3
    mosaic_off_epochs: int = Field(1, ge=0, description="last epochs without mosaic")
    scale: Share = Field(0.4, description="random zoom, plus or minus")
    reach: Share = Field(1.0, description="share of the step from the start weights to the "
                         "trained ones, see models/training/averaging.py")  # fmt: skip
    frozen: int = Field(0, ge=0, description="first layers that keep their weights")
    minutes: float | None = Field(None, gt=0, description="stop after this time, wherever the "
        "epochs are; the learning rate then falls by time, if that is faster")  # fmt: skip
    data: DataRecipe


class Recipe(_Part):
    """A whole training, from the first checkpoint to the deployed folder's name."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: int = Field(ge=1)
    start_from: str = Field(description="file name of the checkpoint in the weights folder")
    seed: int = Field(ge=0)
    image_px: int = Field(416, multiple_of=32, ge=64)
    batch: int = Field(16, ge=1)
    head: Literal["raw", "end2end"] = Field("raw", description="the deployed one of YOLO26's heads")
    leave_out: tuple[str, ...] = Field(
        (), description="photographs to leave out: patterns of their names, train_gas_0[5-9]?"
    )
    held_back: Share = Field(HELD_BACK, description="share of cut-out sources kept for evaluation")
    photo_sizes_px: tuple[int, ...] = Field((416,), min_length=1)
    stages: tuple[StageRecipe, ...] = Field(min_length=1)

    def within(self, minutes: float) -> Recipe:
        """The same recipe with a time limit for all stages together, alike for each."""
        limit = minutes / len(self.stages)
        stages = tuple(
            stage.model_copy(update={"minutes": min(limit, stage.minutes or limit)})
            for stage in self.stages
        )
        return self.model_copy(update={"stages": stages})

    def shrunk(self) -> Recipe:
        """The same recipe with a few images, to check that every step runs."""
        data = DataRecipe(
            scenes=8, drawn_share=0.5, hazard_free=2, heap_copies=0.05, upright_copies=0.02,
            battery_copies=0.02, battery_scene_copies=0.05, negative_copies=0.02, as_is=0,
            belt_frames=0,
        )  # fmt: skip
        wide = {"belt_scenes": 4, "wide_copies": 0.02, "harmless_copies": 0.01}
        stages = tuple(
            stage.model_copy(
                update={
                    "epochs": 1,
                    "mosaic_off_epochs": 0,
                    "data": data.model_copy(update=wide) if stage.data.is_wide else data,
                }
            )
            for stage in self.stages
        )
        return self.model_copy(update={"stages": stages, "image_px": 128, "batch": 4})


def read_recipe(path: Path) -> Recipe:
    """Read and validate a recipe. Raises `WorkshopError`, one line with the key."""
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise WorkshopError(f"{path}: cannot be read ({error.strerror})") from error
    except tomllib.TOMLDecodeError as error:
        raise WorkshopError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        # A misspelt key is also missing: report unknown keys first.
        wrong = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        raise WorkshopError(f"{path}: {_mistake(wrong[0])}") from error


def _mistake(wrong: ErrorDetails) -> str:
    """One line: key, value, reason, fix."""
    key = ".".join(str(part) for part in wrong["loc"])
    if wrong["type"] == "missing":
        return f"{key}: missing"
    got = repr(wrong["input"])
    got = got if len(got) <= 60 else f"{got[:57]}..."
    if wrong["type"] != "extra_forbidden":
        return f"{key} = {got}: {wrong['msg']}"
    inside = [step for step in wrong["loc"][:-1] if isinstance(step, str)]
    parts: dict[str, type[_Part]] = {"data": DataRecipe, "stages": StageRecipe}
    part = parts.get(inside[-1] if inside else "", Recipe)
    known = list(part.model_fields)
    close = difflib.get_close_matches(str(wrong["loc"][-1]), known, n=1)
    fix = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
    return f"{key} = {got}: no such key; {fix}"
