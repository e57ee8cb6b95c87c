"""A small data folder with all the parts that a verifier learns from."""

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.held_out import held_out
from models.verifier.kinds import Kinds, read_kinds
from models.verifier.material import Material
from models.verifier.recipe import VerifierRecipe, read_verifier_recipe

RECIPE = Path(__file__).parents[3] / "models/verifier/recipe.toml"
LISTED = held_out()
HELD_SOURCE, HELD_SHOP = min(LISTED.photographed), min(LISTED.shops)
HELD_PLACE = min(LISTED.places)


def _manifest(folder: Path, rows: Sequence[dict[str, object]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "MANIFEST.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _cutout(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.zeros((60, 140, 4), np.uint8)
    image[5:-5, 5:-5] = (level, 255 - level, 90, 255)
    cv2.imwrite(str(path), image)


def _photograph(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(level).integers(level, level + 40, (120, 160, 3), np.uint8)
    cv2.imwrite(str(path), image)


@pytest.fixture(scope="session")
def verifier_data(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verifier") / "data"
    shutil.copytree(data, folder)
    for path in (folder / "cutouts/distractor").glob("*.webp"):
        path.rename(path.with_name(path.name.replace("distractor", "metal")))
    manifest = folder / "MANIFEST.csv"
    manifest.write_text(manifest.read_text().replace("distractor/distractor", "distractor/metal"))
    for part, source in (("cutouts2", HELD_SOURCE), ("cutouts3", HELD_SHOP)):
        rows: list[dict[str, object]] = []
        for number, (kind, name) in enumerate(
            (("gas", "aerosol"), ("battery", "vape"), ("distractor", "jug"), ("gas", "aerosol"))
        ):
            file = f"{kind}/{name}_{number}.webp"
            _cutout(folder / part / file, 60 * number + 20)
            owner = source if number == 3 else "someone/else"
            rows.append(
                {
                    "file": f"cutouts/{file}" if part == "cutouts3" else file,
                    "class": kind, "subclass": name, "longest_mm": 150,
                    "source_repo": f"{owner}@1234", "source": f"{owner}@1234",
                    "source_path": f"{name}{number}.jpg", "source_file": "",
                }
            )  # fmt: skip
        _manifest(folder / part, rows)
    hazards: list[dict[str, object]] = []
    for number, owner in enumerate(("someone/else", HELD_SOURCE)):
        _photograph(folder / f"hazards/images/hz_vape_{number}.jpg", 50 + 60 * number)
        label = folder / f"hazards/labels/hz_vape_{number}.txt"
        label.parent.mkdir(exist_ok=True)
        label.write_text("1 0.5 0.5 0.4 0.3\n")
        hazards.append(
            {
                "file": f"hz_vape_{number}.jpg", "subclass": "vape",
                "source_repo": f"{owner}@1234", "source_path": f"vape{number}.jpg",
            }
        )  # fmt: skip
    _manifest(folder / "hazards", hazards)
    harmless: list[dict[str, object]] = []
    for number, place in enumerate(("a_hall", "a_hall", HELD_PLACE)):
        file = f"belt/place_{number}.jpg"
        _photograph(folder / "harmless" / file, 30 + 50 * number)
        harmless.append(
            {
                "file": file, "place": place, "kind": "belt", "source": "someone/else@1",
                "path": f"{number}.jpg",
            }
        )  # fmt: skip
    _manifest(folder / "harmless", harmless)
    return folder


@pytest.fixture(scope="session")
def renders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of seven traced nitrous cylinders."""
    folder = tmp_path_factory.mktemp("renders")
    lines = []
    for number in range(7):
        file = f"nitrous_cylinder/nitrous_cylinder_{number:05d}.webp"
        _cutout(folder / "bank" / file, 20 * number)
        entry = {"file": file, "kind": "nitrous_cylinder", "length_mm": 300.0, "number": number}
        lines.append(json.dumps(entry))
    (folder / "bank/index.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def kinds() -> Kinds:
    return read_kinds()


@pytest.fixture(scope="session")
def recipe() -> VerifierRecipe:
    return read_verifier_recipe(RECIPE).shrunk()


@pytest.fixture(scope="session")
def material(verifier_data: Path, recipe: VerifierRecipe, kinds: Kinds, renders: Path) -> Material:
    return Material(verifier_data, recipe, kinds, renders)
