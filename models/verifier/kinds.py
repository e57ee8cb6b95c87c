"""The kinds that the verifier tells apart, and what the data's own names mean among them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.workshop import WorkshopError

HAZARDS = ("gas", "battery", "none")
"""In the order of a card's `[[verifier.kinds]]`: hazards first."""
_LIST = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Kinds:
    """names: the kinds, in the order of the outputs; hazards: the hazard of each.

    meanings: a kind, a group or a name of the data, to the kinds that it allows.
    """

    names: tuple[str, ...]
    hazards: tuple[str, ...]
    meanings: dict[str, frozenset[str]]

    def allowed(self, name: str) -> NDArray[np.bool_]:
        """(k,) bool: the kinds that a thing of this name may be. Raises `WorkshopError`."""
        if name not in self.meanings:
            raise WorkshopError(f"{_LIST.name}: [names] has no {name!r}; add it to a kind or group")
        return np.array([kind in self.meanings[name] for kind in self.names])

    def hazard(self, name: str) -> str:
        """The hazard of a name of the data; all kinds of a name have the same one."""
        return self.hazards[int(self.allowed(name).argmax())]

    def members(self, hazard: str) -> NDArray[np.bool_]:
        """(k,) bool: the kinds of one hazard."""
        return np.array([each == hazard for each in self.hazards])

    def shares(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, k) probabilities of kinds, summed by hazard: (n, 3), in the order of `HAZARDS`."""
        columns = [probabilities[:, self.members(hazard)].sum(1) for hazard in HAZARDS]
        return np.stack(columns, 1)


def read_kinds(path: Path = _LIST) -> Kinds:
    """Read `kinds.toml`."""
    listed = tomllib.loads(path.read_text())
    names = tuple(kind for hazard in HAZARDS for kind in listed["kinds"][hazard])
    hazards = tuple(hazard for hazard in HAZARDS for _ in listed["kinds"][hazard])
    meanings = {kind: frozenset({kind}) for kind in names}
    for group, members in {**listed["kinds"], **listed.get("groups", {})}.items():
        meanings[group] = _known(path, names, group, members)
    for name, meaning in listed.get("names", {}).items():
        if meaning not in meanings:
            raise WorkshopError(f"{path.name}: {name} = {meaning!r}: no such kind or group")
        meanings[name] = meanings[meaning]
    return Kinds(names, hazards, meanings)


def _known(path: Path, names: Sequence[str], group: str, members: Sequence[str]) -> frozenset[str]:
    unknown = sorted(set(members) - set(names))
    if unknown:
        raise WorkshopError(f"{path.name}: {group}: {unknown[0]!r} is no kind")
    return frozenset(members)
