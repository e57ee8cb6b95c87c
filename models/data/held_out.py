"""Sources and places that no training sees (`held_out.toml`), so that figures are of unmet ones.

Random pictures of one source resemble each other: a model that has seen some of them is measured
too well on the rest.
"""

from __future__ import annotations

import csv
import tomllib
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from models.workshop import WorkshopError

PARTS = {"hazards": "source_repo", "cutouts2": "source_repo", "cutouts3": "source"}
"""Parts of the data folder that are split by source, and their manifest's column."""
_LIST = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class HeldOut:
    """What is held out. photographed: sources of hazards/ and cutouts2/; shops: of cutouts3/."""

    photographed: frozenset[str]
    shops: frozenset[str]
    places: frozenset[str]
    divisor: int
    clips: frozenset[str]

    def holds_source(self, part: str, source: str) -> bool:
        """Whether a part's source is held out; `source` may end in `@commit`."""
        listed = self.shops if part == "cutouts3" else self.photographed
        return bare(source) in listed

    def holds_place(self, place: str, pictures: int) -> bool:
        """Whether a place of harmless/ with this many pictures is held out."""
        by_name = pictures == 1 and zlib.crc32(place.encode()) % self.divisor == 0
        return place in self.places or by_name


def bare(source: str) -> str:
    """A source's name without its commit."""
    return source.partition("@")[0]


def held_out(path: Path = _LIST) -> HeldOut:
    """Read the list of what is held out."""
    listed = tomllib.loads(path.read_text())
    return HeldOut(
        frozenset(listed["photographed_sources"]),
        frozenset(listed["shop_sources"]),
        frozenset(listed["places"]),
        listed["single_picture_divisor"],
        frozenset(listed["clips"]),
    )


def part_rows(data: Path, part: str) -> list[dict[str, str]]:
    """The manifest of one part of the data folder."""
    path = data / part / "MANIFEST.csv"
    if not path.is_file():
        raise WorkshopError(f"{path}: missing; give the data folder with --data")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def split_by_source(
    data: Path, part: str, listed: HeldOut | None = None
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """A part's rows of the manifest: those to train on, and those held out."""
    listed = listed or held_out()
    rows = part_rows(data, part)
    if part == "harmless":
        pictures = Counter(row["place"] for row in rows)
        held = [listed.holds_place(row["place"], pictures[row["place"]]) for row in rows]
    else:
        held = [listed.holds_source(part, row[PARTS[part]]) for row in rows]
    return (
        [row for row, is_held in zip(rows, held, strict=True) if not is_held],
        [row for row, is_held in zip(rows, held, strict=True) if is_held],
    )


def unknown_names(data: Path, listed: HeldOut | None = None) -> list[str]:
    """Names of the list that no manifest of the data folder has."""
    listed = listed or held_out()
    sources = {
        part: {bare(row[column]) for row in part_rows(data, part)} for part, column in PARTS.items()
    }
    places = {row["place"] for row in part_rows(data, "harmless")}
    clips = {path.name for path in (data / "video").glob("*.mp4")}
    return sorted(
        (listed.photographed - sources["hazards"] - sources["cutouts2"])
        | (listed.shops - sources["cutouts3"])
        | (listed.places - places)
        | (listed.clips - clips)
    )
