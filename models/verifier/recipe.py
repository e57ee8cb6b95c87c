"""The recipe of a verifier: which crops, how many, and how long it trains."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.workshop import WorkshopError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CropRecipe(_Part):
    """Which crops are made of the training side; a fifth as many of each other side."""

    laid: dict[str, Annotated[int, Field(ge=0)]] = Field(description="by hazard: cut-outs laid on "
                                                         "belts and harmless pictures")  # fmt: skip
    computed: dict[str, Annotated[int, Field(ge=0)]] = Field(
        {}, description="the same, only of path-traced and drawn objects"
    )
    drawn_per_kind: int = Field(6, ge=1, description="objects that the twin draws of each kind")
    labelled_copies: int = Field(2, ge=0, description="crops of each labelled box, at a size each")
    strip_copies: int = Field(2, ge=1, description="crops of each object on a traced strip")
    mined_score: float = Field(0.03, gt=0, lt=1, description="lowest score of mined false boxes")
    background: int = Field(0, ge=0, description="crops of belts and harmless pictures anywhere")


class TrainingRecipe(_Part):
    """How the network is trained."""

    passes: int = Field(ge=1, description="crops shown in all")
    batch: int = Field(64, ge=2)
    peak_lr: float = Field(gt=0, lt=0.1)
    weight_decay: float = Field(0.02, ge=0)
    smoothing: float = Field(0.05, ge=0, lt=1)
    hazard_loss: float = Field(1.0, ge=0, description="weight of the loss over summed hazards")


class VerifierRecipe(_Part):
    """A whole verifier."""

    seed: int = Field(ge=0)
    input_px: int = Field(128, ge=32, multiple_of=32)
    context: float = Field(1.3, ge=1, le=2, description="side of a crop / longest side of the box")
    features: int = Field(192, ge=2)
    tuning_sources: tuple[str, ...] = ()
    tuning_places: tuple[str, ...] = ()
    crops: CropRecipe
    training: TrainingRecipe

    def shrunk(self) -> VerifierRecipe:
        """The same with few crops and passes, to check that every step runs."""
        crops = self.crops.model_copy(
            update={
                "laid": dict.fromkeys(self.crops.laid, 8),
                "computed": dict.fromkeys(self.crops.computed, 8),
                "labelled_copies": 1,
                "background": 4,
            }
        )
        training = self.training.model_copy(update={"passes": 16, "batch": 4})
        return self.model_copy(update={"crops": crops, "training": training})


def read_verifier_recipe(path: Path) -> VerifierRecipe:
    """Read and validate a recipe. Raises `WorkshopError`, one line with the key."""
    try:
        return VerifierRecipe.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise WorkshopError(f"{path}: cannot be read ({error.strerror})") from error
    except tomllib.TOMLDecodeError as error:
        raise WorkshopError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        wrong = error.errors()[0]
        key = ".".join(str(part) for part in wrong["loc"])
        raise WorkshopError(f"{path}: {key}: {wrong['msg']}") from error
