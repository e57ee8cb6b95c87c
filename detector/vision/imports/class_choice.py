"""Which of a file's classes is which hazard: what the user says, nothing guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from detector.vision.catalogue import ModelClass, ModelError
from detector.vision.imports.notes import Notes
from detector.vocabulary import PLAUSIBLE_MM, Hazard

MEANINGS: dict[str, Literal["gas", "battery", "none"]] = {
    "gas": "gas",
    "battery": "battery",
    "harmless": "none",
}
_LISTED = 8


@dataclass(frozen=True, slots=True)
class Choices:
    """The options --class, --others and --names."""

    classes: Sequence[str]
    """`NAME=gas`; NAME may be the class's index."""
    others_harmless: bool = False
    given_names: Sequence[str] = ()
    """The classes in the file's order, for a file that does not name them."""

    def names(self, in_file: list[str] | None, where: str, notes: Notes) -> list[str] | None:
        """The classes by index; None: neither the file nor the user names them."""
        given = list(self.given_names) or None
        if in_file is None:
            if given is not None:
                notes.assumed.append(f"{len(given)} classes in the order of --names")
            return given
        if given is not None and given != in_file:
            raise ModelError(
                f"--names: {where} names its classes itself: {listed(in_file)}. Leave --names out"
            )
        notes.found.append(f"classes {listed(in_file)}")
        return in_file


def chosen_classes(
    choices: Choices, names: Sequence[str], threshold: float, where: str, notes: Notes
) -> list[ModelClass]:
    """The card's classes. Raises `ModelError`: a class is unknown, or not spoken for."""
    chosen: dict[int, Literal["gas", "battery", "none"]] = {}
    for said in choices.classes:
        name, _, meaning = said.rpartition("=")
        if not name or meaning not in MEANINGS:
            raise ModelError(f"--class {said}: is not NAME=gas, NAME=battery or NAME=harmless")
        index = _index(name, names, where)
        if chosen.get(index, MEANINGS[meaning]) != MEANINGS[meaning]:
            raise ModelError(f"--class {said}: {name} has another meaning before. Remove one")
        chosen[index] = MEANINGS[meaning]
    silent = [name for index, name in enumerate(names) if index not in chosen]
    if silent and not choices.others_harmless:
        raise ModelError(
            f"{where}: what is {listed(silent)}? Say it for each, as --class "
            f"'{silent[0]}=gas' (or =battery, =harmless), or for all of them --others harmless"
        )
    if not set(chosen.values()) - {"none"}:
        raise ModelError(
            f"{where}: no class is a hazard. Name at least one: --class '{names[0]}=battery'"
        )
    notes.assumed.append(
        f"threshold {threshold:g} of each hazard, and the sizes that such objects have: measure "
        "the threshold on your footage (`vigitri calibrate scores`)"
    )
    return [
        ModelClass.model_validate(_class(index, name, chosen.get(index, "none"), threshold))
        for index, name in enumerate(names)
    ]


def _class(index: int, name: str, hazard: str, threshold: float) -> dict[str, object]:
    known: dict[str, object] = {"index": index, "name": name, "hazard": hazard}
    if hazard != "none":
        known |= {"plausible_length_mm": PLAUSIBLE_MM[Hazard(hazard)], "threshold": threshold}
    return known


def _index(name: str, names: Sequence[str], where: str) -> int:
    if name in names:
        return list(names).index(name)
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    raise ModelError(f"--class {name}: {where} has no such class; it has {listed(names)}")


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more."""
    more = len(names) - _LISTED
    first = ", ".join(names[: _LISTED if more > 1 else len(names)])
    return f"{first} and {more} more" if more > 1 else first
