"""The model catalogue: each model is a folder with `model.onnx` and its card."""

from __future__ import annotations

import datetime
import hashlib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import detector
from detector.errors import VigitriError
from detector.vision.onnx_file import OnnxFileError, external_files
from detector.vision.score_curve import ScoreCurve
from detector.vision.signature import SignatureError, check_signature
from detector.vision.verifier_card import VerifierCard

# In a checkout the deployed models are in models/; the wheel installs them inside `vigitri`.
_BESIDE = Path(detector.__file__).parent.parent
CATALOGUE = _BESIDE / ("models" if (_BESIDE / "pyproject.toml").is_file() else "vigitri/models")


class ModelError(VigitriError, ValueError):
    """A model is refused: one line with the file, the reason and the fix."""


class CardSection(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Layout = Literal["nhwc_bgr_u8", "nchw_rgb_f32", "nchw_bgr_f32", "nchw_rgb_f16", "nchw_bgr_f16"]
Head = Literal["end2end", "raw", "objectness", "yolox", "queries", "labelled"]
NotZero = Annotated[float, Field(gt=0)]


class ModelInput(CardSection):
    """The model's input."""

    name: str
    layout: Layout
    """`nhwc_bgr_u8`: `(1, h, w, 3)` uint8 BGR as from a camera, normalised inside the graph.
    `nchw_rgb_f32`: `(1, 3, h, w)` float32 RGB, 0 to 1, as Ultralytics exports it; `bgr` for
    YOLOX, `f16` for half precision."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[NotZero, NotZero, NotZero] = (255.0, 255.0, 255.0)
    """A float layout holds `(pixel - mean) / std`, per channel in the layout's order."""
    fit: Literal["letterbox", "stretch"] = "letterbox"
    """How a photograph is fitted into a fixed size: with a grey margin, or stretched."""
    size_input: str = ""
    """A second input that takes width and height of the image, `(1, 2)` int64; empty: none."""
    stride: Annotated[int, Field(ge=1)]
    size: tuple[int, int]
    """Height, width in px; 0, 0: any multiple of the stride."""
    mm_per_px: tuple[float, float]
    """Range of belt scales that it was trained for, from, to."""
    photo_sizes_px: Annotated[tuple[int, ...], Field(min_length=1)]
    """Longest sides to which a photograph without belt geometry is resized, one pass each."""


class ModelClass(CardSection):
    """One class that the model detects."""

    index: Annotated[int, Field(ge=0)]
    name: str
    hazard: Literal["gas", "battery", "none"]
    """`none`: harmless; such detections end in the engine."""
    plausible_length_mm: tuple[float, float]
    """Plausible longest side of such an object, from, to."""
    threshold: Annotated[float, Field(gt=0, lt=1)]
    """Operating threshold."""
    proposal_threshold: Annotated[float | None, Field(gt=0, lt=1)] = None
    """Score from which a detection is proposed to the verifier; None: the operating threshold."""
    calibration: ScoreCurve | None = None
    """From a track's best score to a probability; None: the score itself is reported."""

    @model_validator(mode="before")
    @classmethod
    def _harmless_needs_no_figures(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("hazard") == "none":
            return {"plausible_length_mm": (0.0, 1e5), "threshold": 0.99, **given}
        return given

    @model_validator(mode="after")
    def _from_to(self) -> ModelClass:
        shortest, longest = self.plausible_length_mm
        if not 0 <= shortest < longest:
            raise ValueError("plausible_length_mm must rise from 0 or more")
        if self.proposal_threshold is not None and self.proposal_threshold > self.threshold:
            raise ValueError("proposal_threshold must not be above threshold")
        return self


class Training(CardSection):
    """How the model was made; further keys are facts of one model, e.g. its parent."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str | int | float | datetime.date | list[str]]

    start_from: str = ""
    """Checkpoint."""
    recipe: str = ""
    data: list[str] = []
    """Training data with licences."""
    licence: str = ""
    date: datetime.date | None = None
    architecture: str = ""


class Sample(CardSection):
    """An image with an object that the model must find."""

    file: str
    """In the model's folder."""
    class_name: str
    box_px: tuple[float, float, float, float]
    """x0, y0, x1, y1."""
    min_score: Annotated[float, Field(gt=0, lt=1)]


class Imported(CardSection):
    """What `vigitri model import` read in a file, and what it had to assume."""

    file: str
    found: list[str]
    assumed: list[str]


class Card(CardSection):
    """A model's card, `card.toml`: read and written here, made by `models.card`. Keys that are at
    their default are not written, so a new one needs a default to read earlier cards."""

    name: str
    version: Annotated[int, Field(ge=1)]
    head: Head
    """The outputs, `n` candidates of one image; see `detector.vision.heads`."""
    outputs: tuple[str, ...] = ()
    """Names of the outputs to read, in the head's order; empty: the only one."""
    box_unit: Literal["px", "share"] = "px"
    """`share`: boxes are in shares of the input's width and height."""
    scores: Literal["probability", "logit"] = "probability"
    input: ModelInput
    classes: Annotated[tuple[ModelClass, ...], Field(min_length=1)]
    files: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]]
    training: Training
    metrics: dict[str, Any]
    operating: dict[str, Any] = {}
    """How thresholds and calibrations were determined, as written by `vigitri calibrate scores`."""
    verifier: VerifierCard | None = None
    """The network that decides on each object; None: the detector decides alone."""
    sample: Sample | None = None
    imported: Imported | None = None

    @property
    def operating_thresholds(self) -> dict[str, float]:
        """By class: the score from which an object is raised, or with a verifier the probability
        of its hazard."""
        if self.verifier is None:
            return {each.name: each.threshold for each in self.classes if each.hazard != "none"}
        fusion = self.verifier.fusion
        return {
            known.name: fusion[known.hazard].threshold
            for known in self.classes
            if known.hazard in fusion
        }

    @model_validator(mode="after")
    def _classes_in_order(self) -> Card:
        if [known.index for known in self.classes] != list(range(len(self.classes))):
            raise ValueError("classes must be listed by index, from 0, without a gap")
        names = [known.name for known in self.classes]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"classes must differ in name; {', '.join(twice)} is there twice")
        if all(known.hazard == "none" for known in self.classes):
            raise ValueError("at least one class must be a hazard: gas or battery")
        if "model.onnx" not in self.files:
            raise ValueError("files must give the sha256 of model.onnx")
        if self.sample is not None and self.sample.file not in self.files:
            raise ValueError(f"files must give the sha256 of {self.sample.file}, the sample")
        if self.verifier is not None:
            self.verifier.check(self.files, {known.hazard for known in self.classes})
        return self


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model whose card is valid and whose files match the card's hashes."""

    path: Path
    card: Card

    @property
    def onnx_path(self) -> Path:
        return self.path / "model.onnx"

    @property
    def sha256(self) -> str:
        return self.card.files["model.onnx"]


def find_model(name: str, signed_by: Path | None = None) -> ModelFolder:
    """The model `name` of the catalogue, or, if `name` contains a `/`, the folder at that path.

    `signed_by`: public key that must have signed it; nothing of it is parsed before that is so.

    Raises:
        ModelError: The model does not exist, is not signed by that key, its card is invalid, or a
            file's hash differs.
    """
    path = Path(name) if "/" in name else CATALOGUE / name
    if not (path / "card.toml").is_file():
        known = ", ".join(folder.name for folder in model_folders()) or "none"
        here = f", or ./{name}" if (Path(name) / "card.toml").is_file() else ""
        raise ModelError(f"no model {name!r}: {path} has no card.toml. Known models: {known}{here}")
    card = read_card(path / "card.toml", signed_by)
    for file, expected in card.files.items():
        _check_hash(path / file, expected)
        if file.endswith(".onnx"):
            _check_sealed(path / file, card)
    return ModelFolder(path, card)


def model_folders() -> list[Path]:
    """The folders of the catalogue that have a card, by name."""
    return sorted(card.parent for card in CATALOGUE.glob("*/card.toml"))


def read_card(path: Path, signed_by: Path | None = None) -> Card:
    """The card of that path, signed by that key if one is given. Raises `ModelError`."""
    try:
        content = path.read_bytes()
        if signed_by is not None:
            check_signature(content, path.parent, signed_by)
        return Card.model_validate(tomllib.loads(content.decode("utf-8")))
    except SignatureError as error:
        raise ModelError(str(error)) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ModelError(f"{path}: can't be read: {error}. Restore the card from git") from None
    except ValidationError as error:
        detail = error.errors()[0]
        key = ".".join(str(part) for part in detail["loc"]) or "card"
        reason = detail["msg"].removeprefix("Value error, ")
        raise ModelError(
            f"{path}: {key}: {reason}. Fix the card, or export the model again"
        ) from None


def write_card(folder: Path, card: Card) -> Path:
    """Write `card.toml`, atomically; returns its path. Comments of an earlier card are not kept.

    Raises `pydantic.ValidationError` if the runtime could not read it, `OSError`.
    """
    import tomlkit

    document = card.model_dump(exclude_defaults=True)
    for known in document["classes"]:
        if known["hazard"] == "none":
            del known["plausible_length_mm"], known["threshold"]
    Card.model_validate(document)
    path = folder / "card.toml"
    partial = path.with_suffix(".part")
    with partial.open("w", encoding="utf-8") as file:
        file.write(tomlkit.dumps(document))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return path


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_sealed(path: Path, card: Card) -> None:
    """Weights in files of their own must be among the card's files, or they could be exchanged."""
    try:
        outside = external_files(path)
    except OnnxFileError:
        return  # the engine refuses it
    if unsealed := sorted(outside - set(card.files)):
        raise ModelError(
            f"{path}: has weights in {', '.join(unsealed)}, whose sha256 the card does not give. "
            "Import the model again: `vigitri model import`"
        )


def _check_hash(path: Path, expected: str) -> None:
    if not path.is_file():
        raise ModelError(f"{path}: is missing, though the card names it. Restore it")
    actual = sha256(path)
    if actual != expected:
        raise ModelError(
            f"{path}: its sha256 is {actual[:12]}..., the card has {expected[:12]}... "
            "It is not the file that was tested: restore the right one, or export again"
        )
