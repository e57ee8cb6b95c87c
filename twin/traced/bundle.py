"""A traced strip on disk: images, object ownership per pixel and ground truth per object.

    strip = load_strip(Path("strips/mixed"))

A bundle is a folder: `picture.png` (BGR), `owners.png` (uint16, id of the topmost object, 0 is
belt), `seen.png` (the same, but through transparent film and bottles), `height.png` (uint16, 0.1 mm
above the belt) and `strip.json`, which is written last and holds the version. Rows and columns are
those of `twin.line.strip`.
"""

import json
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from twin.line.strip import PlacedObject, Strip

FACTS = "strip.json"
HEIGHT_UNITS_PER_MM = 10

Positive = Annotated[float, Field(gt=0)]


class BundleError(ValueError):
    """A bundle that cannot be used; one line."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class StripObject(_Model):
    """One object on the strip; `class` is its hazard class, null for waste.

    pixels_alone: px that it would cover if nothing were on top; pixels_seen: px that are visible.
    """

    id: int = Field(ge=1, le=65535)
    kind: str
    hazard: Literal["gas_canister", "battery"] | None = Field(alias="class")
    at_mm: float
    x_mm: float
    angle_deg: float
    length_mm: Positive
    width_mm: Positive
    height_mm: float = Field(ge=0)
    pixels_alone: float = Field(ge=0)
    pixels_seen: float = Field(ge=0)
    outline_mm: list[tuple[float, float]]


class Facts(_Model):
    """Content of `strip.json`; `at_mm` is along and `x_mm` across the belt, as in `Strip`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True
    )
    schema_: Literal["vigitri-twin-strip/1"] = Field("vigitri-twin-strip/1", alias="schema")
    start_mm: float
    end_mm: float
    width_mm: Positive
    px_per_mm: Positive
    seed: int
    belt: str
    objects: list[StripObject] = Field(alias="things")


def read_facts(folder: Path) -> Facts:
    """The strip's facts; raises `BundleError` if they are missing or invalid."""
    path = folder / FACTS
    try:
        return Facts.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(
            f"{path}: cannot be read ({error.strerror}); an unfinished strip has none yet"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{path}: {key + ': ' if key else ''}{first['msg']}") from error


def load_strip(folder: Path) -> Strip:
    """The strip of a bundle, ready for `BeltCamera`; raises `BundleError`."""
    facts = read_facts(folder)
    image = read_layer(folder, facts, "picture")
    owners = read_layer(folder, facts, "owners")
    seen = read_layer(folder, facts, "seen")
    strip = Strip(facts.start_mm, facts.end_mm, facts.width_mm, facts.px_per_mm, image)
    strip.image = image  # the constructor rolls a loop to its splice; this image is used unchanged
    strip.covered = owners > 0
    strip.objects = [_placed_object(obj, seen) for obj in facts.objects]
    return strip


def read_layer(
    folder: Path, facts: Facts, name: Literal["picture", "owners", "seen"]
) -> NDArray[Any]:
    """One layer of a bundle, uint8 BGR or uint16; raises `BundleError` if its size is wrong."""
    shape = (
        round(facts.width_mm * facts.px_per_mm),
        ceil((facts.end_mm - facts.start_mm) * facts.px_per_mm),
    )
    if name == "picture":
        return _read(folder / "picture.png", (*shape, 3), np.uint8)
    return _read(folder / f"{name}.png", shape, np.uint16)


def _placed_object(obj: StripObject, seen: NDArray[np.uint16]) -> PlacedObject:
    placed = PlacedObject(
        id=obj.id,
        kind=obj.kind,
        hazard=obj.hazard,
        at_mm=obj.at_mm,
        x_mm=obj.x_mm,
        angle_deg=obj.angle_deg,
        length_mm=obj.length_mm,
        width_mm=obj.width_mm,
        height_mm=obj.height_mm,
        outline_mm=np.array(obj.outline_mm, np.float32).reshape(-1, 2),
    )
    if obj.hazard is not None:
        own = (seen == obj.id).astype(np.uint8)
        left, top, wide, high = cv2.boundingRect(own)
        placed.left, placed.top = left, top
        placed.visible_alpha = own[top : top + high, left : left + wide].astype(np.float32)
        placed.total_alpha = max(obj.pixels_alone, float(placed.visible_alpha.sum()), 1.0)
    return placed


def _read(path: Path, shape: tuple[int, ...], kind: type[np.generic]) -> NDArray[Any]:
    try:
        code = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    image = cv2.imdecode(code, cv2.IMREAD_UNCHANGED) if code.size else None
    if image is None:
        raise BundleError(f"{path}: cannot be decoded as an image; trace the strip again")
    if image.shape != shape or image.dtype != kind:
        raise BundleError(
            f"{path}: is {image.shape} {image.dtype}, but {FACTS} requires {shape} "
            f"{np.dtype(kind).name}; the files belong to different strips"
        )
    return image


def write_image(path: Path, image: NDArray[Any]) -> None:
    """Writes one PNG atomically, through a temporary name."""
    done, code = cv2.imencode(".png", image)
    if not done:
        raise BundleError(f"{path}: OpenCV cannot write PNG here")
    draft = path.with_suffix(".part")
    draft.write_bytes(code.tobytes())
    draft.replace(path)


def write_facts(folder: Path, facts: Facts) -> None:
    """Writes `strip.json`, which completes the bundle."""
    draft = folder / "strip.part"
    record = facts.model_dump(by_alias=True)
    draft.write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")
    draft.replace(folder / FACTS)
