"""A bank of cut-outs: single objects, path-traced from straight above, with alpha.

    make(Path("bank"), per_kind={"aa_cell": 40}, seed=1)

writes `bank/KIND/KIND_00000.webp` (BGRA, lossy colour, exact alpha) and `bank/index.jsonl`, one
line per image. An interrupted run is resumed: existing images are kept, and the same seed gives the
same objects. Images are written atomically, through a temporary name.
"""

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from twin.drawn.shading import Image
from twin.traced.bodies import Body
from twin.traced.light import hall_light
from twin.traced.objects import HAZARDS, MAKERS, build, pose
from twin.traced.stage import Stage, Window

INDEX = "index.jsonl"
SCALES = ((120.0, 2.0), (400.0, 1.2), (float("inf"), 0.7))
"""(longest side up to this many mm, px per mm) of the rendering."""
MARGIN_PX = 2


@dataclass(frozen=True)
class Entry:
    """One line of a bank's index. `hazard` is the class, None for waste and look-alikes."""

    file: str
    kind: str
    hazard: str | None
    length_mm: float
    width_mm: float
    height_mm: float
    px_per_mm: float
    seed: int
    number: int


class BankError(ValueError):
    """A bank that cannot be made or read; one line."""


def px_per_mm_for(longest_mm: float) -> float:
    return next(scale for limit, scale in SCALES if longest_mm <= limit)


def cutout(stage: Stage, body: Body, rng: np.random.Generator, px_per_mm: float) -> Image:
    """The body alone under random light: uint8 BGRA `(h, w, 4)`, colour also below clear pixels."""
    stage.clear()
    stage.light(hall_light(rng))
    stage.add(body, rng)
    points = body.points()
    low, high = points.min(axis=0), points.max(axis=0)
    pad = MARGIN_PX / px_per_mm
    window = Window(
        left_mm=float(low[0]) - pad,
        top_mm=-float(high[1]) - pad,
        width_px=int(np.ceil((high[0] - low[0] + 2 * pad) * px_per_mm)),
        height_px=int(np.ceil((high[1] - low[1] + 2 * pad) * px_per_mm)),
        px_per_mm=px_per_mm,
    )
    image = stage.render(window, seed=int(rng.integers(2**31)))
    if body.clear > 0:  # few light paths leave the alpha of clear plastic grainy
        image[..., 3] = cv2.medianBlur(np.ascontiguousarray(image[..., 3]), 3)
    return bleed_colour(image)


def bleed_colour(image: Image) -> Image:
    """Extends colour into transparent pixels, so that scaling adds no dark rim; uint8 BGRA."""
    alpha = image[..., 3]
    solid = (alpha > 24).astype(np.float32)
    colour = image[..., :3].astype(np.float32)
    spread, weight = colour * solid[..., None], solid.copy()
    for size in (3, 7, 15, 31):
        wide, share = cv2.blur(spread, (size, size)), cv2.blur(weight, (size, size))
        missing = (weight < 1e-3) & (share > 1e-3)
        spread[missing] = wide[missing] / share[missing][:, None]
        weight[missing] = 1
    filled = np.where((solid > 0)[..., None], colour, spread)
    return np.asarray(np.dstack((np.clip(filled, 0, 255), alpha)), np.uint8)


def _plan(per_kind: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Every (kind, number), alternating kinds, so that an incomplete bank is useful."""
    for number in range(max(per_kind.values(), default=0)):
        yield from ((kind, number) for kind, count in per_kind.items() if number < count)


def make(
    out: Path,
    per_kind: dict[str, int],
    *,
    seed: int = 0,
    samples: int = 8,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Renders the missing images of the bank; returns how many are new.

    Raises `BankError` for an unknown kind or a bank of another seed.
    """
    unknown = [kind for kind in per_kind if kind not in MAKERS]
    if unknown:
        raise BankError(f"unknown kind {unknown[0]!r}; known are {', '.join(MAKERS)}")
    out.mkdir(parents=True, exist_ok=True)
    here = {entry.file: entry for entry in (read(out) if (out / INDEX).exists() else ())}
    if any(entry.seed != seed for entry in here.values()):
        raise BankError(f"{out}: contains a bank of another seed; give that seed or another folder")
    plan = list(_plan(per_kind))
    made = 0
    with Stage(samples=samples, threads=threads) as stage:
        for done, (kind, number) in enumerate(plan):
            name = f"{kind}/{kind}_{number:05d}.webp"
            if name not in here or not (out / name).exists():
                _one(stage, out, name, kind, number, seed)
                made += 1
            if progress is not None:
                progress(done + 1, len(plan))
    return made


def _one(stage: Stage, out: Path, name: str, kind: str, number: int, seed: int) -> None:  # noqa: PLR0917
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), number])
    body = build(kind, rng)
    length, width, height = body.size_mm()
    scale = px_per_mm_for(max(length, width, height))
    image = cutout(stage, pose(body, rng), rng, scale)
    done, code = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 95])
    if not done:
        raise BankError(f"{out / name}: OpenCV cannot write WebP here")
    target = out / name
    target.parent.mkdir(exist_ok=True)
    draft = target.with_suffix(".part")
    draft.write_bytes(code.tobytes())
    draft.replace(target)
    entry = Entry(
        name,
        kind,
        HAZARDS.get(kind),
        round(length, 1),
        round(width, 1),
        round(height, 1),
        scale,
        seed,
        number,
    )
    with (out / INDEX).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(entry)) + "\n")


def read(bank: Path) -> list[Entry]:
    """A bank's index; a truncated last line is ignored, an invalid line raises `BankError`."""
    path = bank / INDEX
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError as error:
        raise BankError(f"{path}: cannot be read ({error.strerror})") from error
    found: dict[str, Entry] = {}
    for number, line in enumerate(lines, 1):
        try:
            record: dict[str, Any] = json.loads(line)
            entry = Entry(**record)
        except (ValueError, TypeError) as error:
            if number == len(lines) and not line.endswith("\n"):
                break
            raise BankError(f"{path}:{number}: not a valid bank entry ({error})") from error
        found[entry.file] = entry
    return list(found.values())
