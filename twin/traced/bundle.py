"""A traced strip on disk: pictures, who lies where, and what is true about each thing.

    strip = load_strip(Path("strips/mixed"))

A bundle is a folder: `picture.png` (BGR), `owners.png` (uint16, the id of the topmost thing, 0 is
belt), `seen.png` (the same, looking through clear film and bottles), `height.png` (uint16, 0.1 mm
above the belt) and `strip.json`, which is written last and names the version. Rows and columns are
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

from twin.line.strip import Lying, Strip

FACTS = "strip.json"
HEIGHT_UNITS_PER_MM = 10

Above0 = Annotated[float, Field(gt=0)]


class BundleError(ValueError):
    """A strip's bundle that cannot be used; one line."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Thing(_Part):
    """One thing on the strip; `class` is its hazard class, null for waste.

    pixels_alone: px it would cover with nothing on top; pixels_seen: px of it that are seen.
    """

    id: int = Field(ge=1, le=65535)
    kind: str
    hazard: Literal["gas_canister", "battery"] | None = Field(alias="class")
    at_mm: float
    x_mm: float
    angle_deg: float
    length_mm: Above0
    width_mm: Above0
    height_mm: float = Field(ge=0)
    pixels_alone: float = Field(ge=0)
    pixels_seen: float = Field(ge=0)
    outline_mm: list[tuple[float, float]]


class Facts(_Part):
    """`strip.json`: places are `at_mm` along and `x_mm` across the belt, as in `twin.line.strip`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True
    )
    schema_: Literal["vigitri-twin-strip/1"] = Field("vigitri-twin-strip/1", alias="schema")
    start_mm: float
    end_mm: float
    width_mm: Above0
    px_per_mm: Above0
    seed: int
    belt: str
    things: list[Thing]


def read_facts(folder: Path) -> Facts:
    """The strip's facts; raises `BundleError` where they are missing or wrong."""
    path = folder / FACTS
    try:
        return Facts.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(
            f"{path}: cannot be read ({error.strerror}); a strip still being traced has none yet"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{path}: {key + ': ' if key else ''}{first['msg']}") from error


def load_strip(folder: Path) -> Strip:
    """The strip of a bundle, ready for `BeltCamera`; raises `BundleError`."""
    facts = read_facts(folder)
    picture = read_layer(folder, facts, "picture")
    owners = read_layer(folder, facts, "owners")
    seen = read_layer(folder, facts, "seen")
    strip = Strip(facts.start_mm, facts.end_mm, facts.width_mm, facts.px_per_mm, picture)
    strip.picture = picture  # a loop would have been turned to its seam
    strip.covered = owners > 0
    strip.lying = [_lying(thing, seen) for thing in facts.things]
    return strip


def read_layer(
    folder: Path, facts: Facts, name: Literal["picture", "owners", "seen"]
) -> NDArray[Any]:
    """One of a bundle's pictures; raises `BundleError` where it is not of the strip's size."""
    shape = (
        round(facts.width_mm * facts.px_per_mm),
        ceil((facts.end_mm - facts.start_mm) * facts.px_per_mm),
    )
    if name == "picture":
        return _read(folder / "picture.png", (*shape, 3), np.uint8)
    return _read(folder / f"{name}.png", shape, np.uint16)


def _lying(thing: Thing, seen: NDArray[np.uint16]) -> Lying:
    lying = Lying(
        id=thing.id,
        kind=thing.kind,
        hazard=thing.hazard,
        at_mm=thing.at_mm,
        x_mm=thing.x_mm,
        angle_deg=thing.angle_deg,
        length_mm=thing.length_mm,
        width_mm=thing.width_mm,
        height_mm=thing.height_mm,
        outline_mm=np.array(thing.outline_mm, np.float32).reshape(-1, 2),
    )
    if thing.hazard is not None:
        own = (seen == thing.id).astype(np.uint8)
        left, top, wide, high = cv2.boundingRect(own)
        lying.left, lying.top = left, top
        lying.shown = own[top : top + high, left : left + wide].astype(np.float32)
        lying.whole = max(thing.pixels_alone, float(lying.shown.sum()), 1.0)
    return lying


def _read(path: Path, shape: tuple[int, ...], kind: type[np.generic]) -> NDArray[Any]:
    try:
        code = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    picture = cv2.imdecode(code, cv2.IMREAD_UNCHANGED) if code.size else None
    if picture is None:
        raise BundleError(f"{path}: is not a picture that can be decoded; trace the strip again")
    if picture.shape != shape or picture.dtype != kind:
        raise BundleError(
            f"{path}: is {picture.shape} {picture.dtype}, but {FACTS} says {shape} "
            f"{np.dtype(kind).name}; they are not of one strip"
        )
    return picture


def write_picture(path: Path, picture: NDArray[Any]) -> None:
    """Writes one PNG under another name first."""
    done, code = cv2.imencode(".png", picture)
    if not done:
        raise BundleError(f"{path}: OpenCV cannot write PNG here")
    draft = path.with_suffix(".part")
    draft.write_bytes(code.tobytes())
    draft.replace(path)


def write_facts(folder: Path, facts: Facts) -> None:
    """Writes `strip.json`, which makes the bundle whole."""
    draft = folder / "strip.part"
    record = facts.model_dump(by_alias=True)
    draft.write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")
    draft.replace(folder / FACTS)
