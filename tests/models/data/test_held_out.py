import csv
import os
from pathlib import Path

import pytest

from models.data.held_out import PARTS, HeldOut, held_out, split_by_source, unknown_names
from models.workshop import WorkshopError

LISTED = HeldOut(
    photographed=frozenset({"a/photographer"}),
    shops=frozenset({"a/shop"}),
    places=frozenset({"hall"}),
    divisor=5,
    clips=frozenset({"belt.mp4"}),
)


def _manifest(data: Path, part: str, column: str, names: list[str]) -> None:
    (data / part).mkdir(parents=True)
    with (data / part / "MANIFEST.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("file", column), *((f"{number}.jpg", name) for number, name in enumerate(names))]
        )


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    for part in ("hazards", "cutouts2"):
        _manifest(tmp_path, part, PARTS[part], ["a/photographer@1234", "another/one@5678"])
    _manifest(tmp_path, "cutouts3", PARTS["cutouts3"], ["a/shop@1234", "a/photographer@1234"])
    single = [f"home_{number}" for number in range(50)]
    _manifest(tmp_path, "harmless", "place", ["hall", "hall", "yard", "yard", *single])
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "belt.mp4").touch()
    return tmp_path


@pytest.mark.parametrize("part", PARTS)
def test_a_source_is_held_out_whole_whatever_its_commit(manifests: Path, part: str) -> None:
    train, held = split_by_source(manifests, part, LISTED)
    assert [row["file"] for row in held] == ["0.jpg"]
    assert [row["file"] for row in train] == ["1.jpg"]


def test_a_place_is_held_out_by_name_and_single_pictures_by_chance(manifests: Path) -> None:
    train, held = split_by_source(manifests, "harmless", LISTED)
    places = [row["place"] for row in held]
    assert places.count("hall") == 2
    assert [row["place"] for row in train].count("yard") == 2
    assert 3 <= len(places) - 2 <= 20


def test_a_name_that_no_manifest_has_is_reported(manifests: Path) -> None:
    assert unknown_names(manifests, LISTED) == []
    wrong = HeldOut(
        frozenset({"a/typo"}), LISTED.shops, frozenset({"hal"}), 5, frozenset({"b.mp4"})
    )
    assert unknown_names(manifests, wrong) == ["a/typo", "b.mp4", "hal"]


def test_a_missing_manifest_is_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match=r"hazards/MANIFEST\.csv: missing; .*--data"):
        split_by_source(tmp_path, "hazards")


def test_the_list_names_each_source_once_and_without_its_commit() -> None:
    listed = held_out()
    names = [*listed.photographed, *listed.shops]
    assert len(names) == len(set(names)) == 28
    assert not [name for name in names if "@" in name]


@pytest.mark.skipif("VIGITRI_DATA" not in os.environ, reason="VIGITRI_DATA: the data folder")
def test_every_name_of_the_list_is_in_the_data_folder() -> None:
    assert unknown_names(Path(os.environ["VIGITRI_DATA"])) == []
