"""Sources of the parts that are split by source and place: many makes, many belts.

`hazards/`, `cutouts2/`, `cutouts3/` and `harmless/` of the data folder, each without (or only) what
`held_out.toml` lists.
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.data.held_out import bare, split_by_source
from models.data.real_belts import RealBelt, real_belts
from models.data.sized_cutouts import SizedCutout, sized_cutouts
from models.data.sources import BATTERY, GAS, Photograph, read_labels

_SHARES = {GAS: 0.3, BATTERY: 0.34, -1: 0.36}
"""Of the objects on a scene's belt."""


@dataclass(frozen=True)
class WideSources:
    """Everything of one part. chances: of each cut-out, summing to 1.

    photographs: with hazards, or looked at without one; harmless: pictures without any.
    """

    photographs: tuple[Photograph, ...]
    harmless: tuple[Photograph, ...]
    cutouts: tuple[SizedCutout, ...]
    chances: NDArray[np.float64]
    belts: dict[str, list[RealBelt]]


def read_wide(data: Path, held_back: float, *, held: bool) -> WideSources:
    """Read the training part (`held=False`) or the held-out sources and places."""
    cutouts = sized_cutouts(data, held_back, held=held)
    return WideSources(
        hazard_photographs(data, held=held),
        harmless_pictures(data, held=held),
        cutouts,
        chances_of(cutouts),
        real_belts(data, held=held),
    )


def hazard_photographs(data: Path, *, held: bool) -> tuple[Photograph, ...]:
    """The photographs of hazards/ of one part."""
    folder = data / "hazards"
    return tuple(
        Photograph(
            folder / "images" / row["file"],
            read_labels(folder / "labels" / f"{Path(row['file']).stem}.txt"),
            row["background"] == "white",
            bare(row["source_repo"]),
        )
        for row in split_by_source(data, "hazards")[held]
    )


def harmless_pictures(data: Path, *, held: bool) -> tuple[Photograph, ...]:
    """The pictures of harmless/ of one part, `source` their place."""
    nothing = np.zeros((0, 5), np.float32)
    return tuple(
        Photograph(data / "harmless" / row["file"], nothing, False, row["place"])
        for row in split_by_source(data, "harmless")[held]
    )


def family(cutout: SizedCutout) -> str:
    """The kind without its variant: aerosol_paint is an aerosol, lpg_composite an lpg."""
    return cutout.kind.partition("_")[0]


def chances_of(cutouts: tuple[SizedCutout, ...]) -> NDArray[np.float64]:
    """The chance of each cut-out: a family's grows with the root of its size, not with its size."""
    sizes = Counter((each.label, family(each)) for each in cutouts)
    weights = np.array([sizes[each.label, family(each)] ** -0.5 for each in cutouts])
    labels = np.array([each.label for each in cutouts])
    for label, share in _SHARES.items():
        mine = labels == label
        weights[mine] *= share / max(weights[mine].sum(), 1e-9)
    return np.asarray(weights / weights.sum())


def digest(sources: WideSources) -> str:
    """Short digest of names and labels, to recognise a dataset made from other sources."""
    facts = [
        [each.path.name, each.boxes.tolist()] for each in (*sources.photographs, *sources.harmless)
    ]
    names = [(each.part, each.path.name, each.longest_mm) for each in sources.cutouts]
    return f"{zlib.crc32(repr((facts, names)).encode()):08x}"
