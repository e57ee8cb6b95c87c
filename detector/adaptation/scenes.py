"""Splits images by scene, so that no object is both learned and measured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from detector.adaptation.labels import LabelError
from detector.vision.catalogue import sha256


class HasPath(Protocol):
    @property
    def path(self) -> Path: ...


T = TypeVar("T", bound=HasPath)


def source_key(src: str) -> str:
    """Name of the original image: Roboflow's `.rf.<hash>` marks augmented copies."""
    return src.split(".rf.", maxsplit=1)[0]


def split_by_scene(
    images: Sequence[T], share: float, runs: int = 10, neighbours: int = 2
) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """Split into (training, held back), so that no scene is in both.

    A scene is a folder, if there are four or more; else the images, by name (2 before 10), are
    divided into `runs` of `neighbours` or more, because consecutive images show the same
    objects. Augmented copies of one original stay together. Raises `LabelError` if there are too
    few to split.
    """
    folders: dict[Path, list[T]] = {}
    for image in images:
        folders.setdefault(image.path.parent, []).append(image)
    scenes = list(folders.values())
    if len(scenes) < 4:
        originals: dict[str, list[T]] = {}
        for image in sorted(images, key=_by_number):
            originals.setdefault(source_key(image.path.stem), []).append(image)
        each_of = list(originals.values())
        parts = np.array_split(
            np.arange(len(each_of)), max(1, min(runs, len(each_of) // neighbours))
        )
        scenes = [[copy for n in part for copy in each_of[n]] for part in parts]
    wanted = max(1, round(share * len(scenes)))
    if len(scenes) < 2:
        raise LabelError(
            f"{len(images)} images are too few to hold some back: label at least {2 * neighbours}"
        )
    chosen = {int((n + 0.5) * len(scenes) / wanted) for n in range(wanted)}
    return (
        tuple(each for n, scene in enumerate(scenes) if n not in chosen for each in scene),
        tuple(each for n, scene in enumerate(scenes) if n in chosen for each in scene),
    )


def copies_of(held: Sequence[T], images: Sequence[T]) -> tuple[T, ...]:
    """Those of `images` that are identical to a held-back one, byte for byte."""
    digests = {sha256(each.path) for each in held}
    return tuple(each for each in images if sha256(each.path) in digests)


def _by_number(image: HasPath) -> tuple[list[tuple[int, str]], Path]:
    """Sort key by file name with numbers in numerical order, in any folder."""
    words = re.findall(r"\d+|\D+", image.path.name)
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in words], image.path
