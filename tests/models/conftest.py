"""A small data folder, drawn by the tests."""

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.sources import Sources, read_sources
from models.data.wide_sources import WideSources, read_wide

HELD_BACK = 0.3


def _cutout(rng: np.random.Generator, length: int, width: int) -> np.ndarray:
    image = np.zeros((width + 8, length + 8, 4), np.uint8)
    image[..., :3] = rng.integers(0, 256, 3, np.uint8)
    image[4:-4, 4:-4, 3] = 255
    return image


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten cut-outs of each kind, nine belt frames, and a photograph of each sort."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    rows = [("file", "split", "background", "src")]
    for kind, length in (("battery", 120), ("gas", 160), ("distractor", 140)):
        (folder / "cutouts" / kind).mkdir(parents=True)
        for number in range(10):
            name = f"cutouts/{kind}/{kind}_{number:03d}.webp"
            cv2.imwrite(str(folder / name), _cutout(rng, length, 40 + 4 * number))
            rows.append((name, "train", "cutout", f"{kind}/{number}.jpg"))
    (folder / "belt").mkdir()
    corners = [[122, 0], [1062, 0], [1140, 720], [98, 720]]
    (folder / "belt" / "belt_roi.json").write_text(json.dumps({"belt_polygon": corners}))
    for number in range(9):
        frame = rng.integers(40, 80, (720, 1280, 3), np.uint8)
        cv2.imwrite(str(folder / "belt" / f"belt_{number:03d}.jpg"), frame)
    for part in ("images", "labels"):
        (folder / "photos" / part).mkdir(parents=True)
    photographs = {
        "train_battery_000": ("white", "1 0.5 0.5 0.5 0.2"),
        "train_gas_000": ("real", "0 0.3 0.5 0.3 0.6\n0 0.7 0.5 0.3 0.6\n9 0.5 0.05 1 0.1"),
        "train_negative_000": ("real", ""),
        "dev_battery_000": ("white", "1 0.5 0.5 0.5 0.2"),
    }
    for stem, (background, label) in photographs.items():
        image = np.full((300, 400, 3), 250, np.uint8)
        image[120:180, 100:300] = (30, 90, 160)
        cv2.imwrite(str(folder / "photos" / "images" / f"{stem}.jpg"), image)
        (folder / "photos" / "labels" / f"{stem}.txt").write_text(label)
        name = f"photos/images/{stem}.jpg"
        rows.append((name, stem.split("_", maxsplit=1)[0], background, f"{stem}.png"))
    with (folder / "MANIFEST.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


@pytest.fixture(scope="session")
def sources(data: Path) -> Sources:
    return read_sources(data, HELD_BACK, held=False)


@pytest.fixture(scope="session")
def wide_data(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small data folder with the parts that are split by source and place."""
    folder = tmp_path_factory.mktemp("wide") / "data"
    shutil.copytree(data, folder)
    rng = np.random.default_rng(1)
    sources = {"a/maker@1": "train", "ohitz/3d-models@2": "held out"}
    hazards, cut, shop = [], [], []
    for part in ("hazards/images", "hazards/labels", "harmless/belt"):
        (folder / part).mkdir(parents=True)
    for number, source in enumerate(sources):
        name = f"hz_cell_{number:03d}"
        image = np.full((120, 200, 3), 240, np.uint8)
        image[40:70, 60:140] = (40, 120, 30)
        cv2.imwrite(str(folder / "hazards" / "images" / f"{name}.jpg"), image)
        (folder / "hazards" / "labels" / f"{name}.txt").write_text("1 0.5 0.45 0.4 0.25")
        hazards.append({"file": f"{name}.jpg", "source_repo": source, "background": "white"})
    for kind, length_mm in (("gas", 500), ("battery", 60), ("distractor", 150)):
        for number, source in enumerate((*sources, "a/maker@1")):
            for part, rows, column, owner in (
                ("cutouts2", cut, "source_repo", source),
                ("cutouts3", shop, "source", source.replace("ohitz/3d-models", "BRANDEMMA/2mg")),
            ):
                name = f"{kind}/{kind}_{number}.webp"
                (folder / part / kind).mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / part / name), _cutout(rng, 100, 40))
                file = f"cutouts/{name}" if part == "cutouts3" else name
                rows.append(
                    {"file": file, column: owner, "class": kind, "subclass": f"{kind}_{number}",
                     "longest_mm": length_mm, "source_file": f"hazards/images/{number}.jpg"}
                )  # fmt: skip
    cut[-1]["source_file"] = "harmless/belt/intel_bottles_0.jpg"
    harmless = []
    for place in ("parcel_green_lab", "lab_floor", "intel_bottles"):
        for number in range(2):
            file = f"belt/{place}_{number}.jpg"
            frame = rng.integers(30, 90, (240, 320, 3), np.uint8)
            cv2.imwrite(str(folder / "harmless" / file), frame)
            harmless.append({"file": file, "place": place, "kind": "belt", "source": "a/home"})
    for part, rows in (
        ("hazards", hazards), ("cutouts2", cut), ("cutouts3", shop), ("harmless", harmless)
    ):  # fmt: skip
        with (folder / part / "MANIFEST.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0], "licence"])
            writer.writeheader()
            writer.writerows(row | {"licence": "MIT"} for row in rows)
    return folder


@pytest.fixture(scope="session")
def wide(wide_data: Path) -> WideSources:
    return read_wide(wide_data, HELD_BACK, held=False)
