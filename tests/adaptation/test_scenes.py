from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from detector.adaptation.labels import LabelError
from detector.adaptation.scenes import copies_of, split_by_scene


@dataclass(frozen=True)
class _Image:
    path: Path


def _answers(*names: str) -> tuple[_Image, ...]:
    return tuple(_Image(Path(name)) for name in names)


def test_neighbours_are_held_back_together_and_no_image_is_in_both_parts() -> None:
    answers = _answers(*(f"{number:03d}.jpg" for number in range(40)))
    learned, held = split_by_scene(answers, 0.3)
    assert len(held) == 12
    assert {*learned, *held} == {*answers}
    assert not {*learned} & {*held}
    numbers = [int(each.path.stem) for each in held]
    assert sum(b - a > 1 for a, b in pairwise(numbers)) == 2


def test_each_folder_is_a_scene() -> None:
    answers = _answers(*(f"{hall}/{n}.jpg" for hall in "abcde" for n in range(3)))
    learned, held = split_by_scene(answers, 0.3)
    assert not {each.path.parent for each in learned} & {each.path.parent for each in held}
    assert len({each.path.parent for each in held}) == 2


def test_neighbours_are_found_by_number_and_not_by_the_folders_of_a_random_split() -> None:
    answers = _answers(*(f"{('train', 'valid', 'test')[n % 3]}/f{n}.jpg" for n in range(120)))
    _, held = split_by_scene(answers, 0.3)
    numbers = sorted(int(each.path.stem[1:]) for each in held)
    assert len(numbers) == 36
    assert sum(b - a > 1 for a, b in pairwise(numbers)) == 2


def test_augmented_copies_of_one_original_are_held_back_together() -> None:
    answers = _answers(*(f"f{n}_jpg.rf.{copy}.jpg" for n in range(25) for copy in "abc"))
    learned, held = split_by_scene(answers, 0.3)
    originals = [{each.path.name.split(".rf.")[0] for each in part} for part in (learned, held)]
    assert not originals[0] & originals[1]
    assert len(learned) + len(held) == 75


def test_two_images_are_too_few() -> None:
    with pytest.raises(LabelError, match="too few"):
        split_by_scene(_answers("a.jpg", "b.jpg"), 0.3)


def test_a_copy_of_a_held_back_image_under_another_name_is_found(tmp_path: Path) -> None:
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"another")):
        (tmp_path / f"{name}.jpg").write_bytes(content)
    a, b, c = _answers(*(str(tmp_path / f"{name}.jpg") for name in "abc"))
    assert copies_of((a,), (b, c)) == (b,)
