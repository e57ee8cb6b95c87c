"""Scattering: places waste until a stretch of belt has the coverage that the scenario asks for."""

from collections.abc import Mapping, Sequence

import numpy as np

from twin.drawn.objects import LOOKALIKES, SIZE_MM
from twin.line.scenario import Scenario, Stretch
from twin.line.strip import Strip

# Relative frequency of each kind on a belt of light packaging, by eye from belt images; look-alikes
# share one eighth.
FREQUENCY: dict[str, float] = {
    "pet_bottle": 6,
    "pet_bottle_crushed": 9,
    "drink_can": 4,
    "drink_can_crushed": 5,
    "drink_can_end": 1,
    "carton_box": 4,
    "drink_carton": 6,
    "tray": 5,
    "milk_jug": 5,
    "tin_can": 4,
    "tin_can_end": 1,
    "cardboard_sheet": 5,
    "newspaper": 3,
    "paper_crumpled": 5,
    "plastic_bag": 6,
    "plastic_film": 4,
    "snack_wrapper": 6,
    "textile": 2,
    "cable": 2,
    "leaflet": 4,
    **dict.fromkeys(LOOKALIKES, 1.5),
}
COVERS = ("plastic_bag", "plastic_film", "cardboard_sheet", "newspaper", "textile", "leaflet")
HEAPED = 0.6  # from this coverage on, objects overlap up to the belt's edges
ENDS_CLEAR_MM = 90.0  # two strips are blended over 80 mm
TRIES = 400  # per stretch, which needs about 10 to 150


def scatter(
    strip: Strip,
    stretch: Stretch,
    rng: np.random.Generator,
    waste: Mapping[str, float] = FREQUENCY,
) -> None:
    """Places waste on `stretch` until its coverage is reached; low coverages without heaping.

    waste: kind to weight.
    """
    kinds = list(waste)
    weights = np.array([waste[kind] for kind in kinds])
    heap = stretch.coverage > HEAPED
    if heap:  # only large objects can fill a belt
        weights = weights * np.array([SIZE_MM[kind][0] * SIZE_MM[kind][1] for kind in kinds]) ** 0.5
    weights = weights / weights.sum()
    for _ in range(TRIES):
        if strip.coverage(stretch.from_mm, stretch.to_mm) >= stretch.coverage:
            return
        kind = str(rng.choice(kinds, p=weights))
        at, x = _emptiest_place(strip, stretch, SIZE_MM[kind][:2], heap, rng)
        strip.lay(kind, at, x, float(rng.uniform(0, 360)), rng)


def _emptiest_place(
    strip: Strip,
    stretch: Stretch,
    size_mm: tuple[float, ...],
    heap: bool,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """The emptiest of eight random places (at_mm, x_mm), to spread objects and fill heaps."""
    reach = (size_mm[0] + size_mm[1]) / 4
    inset = min(0.8 * reach, strip.width_mm / 2) if not heap else 0.0
    keep = 0.0 if heap else min(reach, (stretch.to_mm - stretch.from_mm) / 2)
    best, best_full = (0.0, 0.0), 2.0
    for _ in range(8):
        at = rng.uniform(stretch.from_mm + keep, stretch.to_mm - keep)
        x = rng.uniform(inset, strip.width_mm - inset)
        half = 0.8 * reach * strip.px_per_mm
        column, row = strip.column(at), x * strip.px_per_mm
        spot = strip.covered[
            max(0, int(row - half)) : int(row + half) + 1,
            max(0, int(column - half)) : int(column + half) + 1,
        ]
        full = float(spot.mean()) if spot.size else 1.0
        if full < best_full:
            best, best_full = (float(at), float(x)), full
    return best


def lay_out(scenario: Scenario, strip: Strip, rng: np.random.Generator) -> None:
    """Places everything on the strip: objects below, then waste, then objects on top."""
    for item in (each for each in scenario.objects if each.lies == "under"):
        angle = rng.uniform(0, 360) if item.angle_deg is None else item.angle_deg
        strip.lay(item.kind, item.at_mm, item.x_mm, float(angle), rng)
    for stretch in scenario.stretches:
        scatter(strip, stretch, rng)
    for item in (each for each in scenario.objects if each.lies == "on top"):
        angle = rng.uniform(0, 360) if item.angle_deg is None else item.angle_deg
        strip.lay(item.kind, item.at_mm, item.x_mm, float(angle), rng)


def fill_strip(
    strip: Strip,
    coverage: float,
    below: Sequence[str],
    on_top: Sequence[str],
    rng: np.random.Generator,
    *,
    waste: Mapping[str, float] = FREQUENCY,
) -> None:
    """Fills a strip at random: objects to be covered, then waste, then uncovered objects.

    All objects keep clear of the strip's ends, so that strips can be joined.
    """
    start_mm = strip.end_mm - strip.image.shape[1] / strip.px_per_mm
    clear = ENDS_CLEAR_MM if coverage <= HEAPED else 0.0
    stretch = Stretch(from_mm=start_mm + clear, to_mm=strip.end_mm - clear, coverage=coverage)

    def lay(kind: str) -> tuple[float, float]:
        at, x = _emptiest_place(strip, stretch, SIZE_MM[kind][:2], False, rng)
        strip.lay(kind, at, x, float(rng.uniform(0, 360)), rng)
        return at, x

    for kind in below:
        at, x = lay(kind)
        # On a sparse belt, random placement would leave the object uncovered.
        cover = str(rng.choice(COVERS))
        aside = rng.uniform(-0.4, 0.4, 2) * SIZE_MM[cover][0]
        strip.lay(cover, at + aside[0], x + aside[1], float(rng.uniform(0, 360)), rng)
    scatter(strip, stretch, rng, waste)
    for kind in on_top:
        lay(kind)
