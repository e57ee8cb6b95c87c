"""Labelled images of a site: a YOLO export, or COCO JSON.

YOLO: `data.yaml` with `names`, or `classes.txt`; images anywhere below; a label file of the same
name beside each, or in `labels/` if the image is in `images/`. COCO: one JSON with `images`,
`annotations` and `categories`; images by `file_name`, in the JSON's folder or its `images/`.
Classes are matched by name: gas_canister, battery, and ignore for regions that are neither learned
nor scored.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.data.sources import (
    CLASS_NAMES,
    GAS,
    IGNORE,
    Boxes,
    Photograph,
    matching,
    read_photographs,
    source_key,
)
from models.training.recipe import read_recipe
from models.workshop import WorkshopError

KNOWN = {name: label for label, name in enumerate(CLASS_NAMES)} | {"gas": GAS, "ignore": IGNORE}
_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


def read_answers(folder: Path) -> tuple[Photograph, ...]:
    """All labelled images of an export, by name; each is decoded once as a check.

    Raises `WorkshopError` with one line per mistake, with file and line number.
    """
    if not folder.is_dir():
        raise WorkshopError(f"{folder}: no such folder; give the labelled images with --answers")
    wrong: list[str] = []
    sizes_px: dict[Path, tuple[float, float]] = {}
    tables = sorted(folder.glob("*.json")) + sorted(folder.glob("annotations/*.json"))
    if (folder / "data.yaml").is_file() or (folder / "classes.txt").is_file():
        found = list(_yolo(folder, wrong))
    elif len(tables) == 1:
        found = list(_coco(tables[0], wrong, sizes_px))
    else:
        raise WorkshopError(
            f"{folder}: has neither data.yaml nor classes.txt (a YOLO export), nor one JSON of "
            f"annotations (COCO), but {len(tables)}"
        )
    for photograph in found:
        try:
            height, width = photograph.read().shape[:2]
        except WorkshopError as error:
            wrong.append(str(error))
            continue
        wide, high = sizes_px.get(photograph.path, (width, height))
        if abs(width * high - height * wide) > 0.02 * width * high:
            wrong.append(
                f"{photograph.path}: is {width} x {height} px, but {wide:g} x {high:g} in the "
                f"JSON: rotated (EXIF) or cropped after labelling; export both again"
            )
    if wrong:
        raise WorkshopError("\n".join(wrong))
    if not found:
        raise WorkshopError(f"{folder}: contains no image")
    return tuple(found)


def split_by_scene(
    answers: tuple[Photograph, ...], share: float, runs: int = 10
) -> tuple[tuple[Photograph, ...], tuple[Photograph, ...]]:
    """Split into (training, held back), so that no scene is in both.

    A scene is a folder, if there are four or more; else the images, by name (2 before 10), are
    divided into `runs` of neighbours, because consecutive images show the same objects. Augmented
    copies of one original stay together. Raises `WorkshopError` if there are too few to split.
    """
    folders: dict[Path, list[Photograph]] = {}
    for photograph in answers:
        folders.setdefault(photograph.path.parent, []).append(photograph)
    scenes = list(folders.values())
    if len(scenes) < 4:
        originals: dict[str, list[Photograph]] = {}
        for photograph in sorted(answers, key=_by_number):
            originals.setdefault(source_key(photograph.path.stem), []).append(photograph)
        each_of = list(originals.values())
        parts = np.array_split(np.arange(len(each_of)), max(1, min(runs, len(each_of) // 2)))
        scenes = [[copy for n in part for copy in each_of[n]] for part in parts]
    wanted = max(1, round(share * len(scenes)))
    if len(scenes) < 2:
        raise WorkshopError(
            f"{len(answers)} images are too few to hold some back: label at least four"
        )
    chosen = {int((n + 0.5) * len(scenes) / wanted) for n in range(wanted)}
    return (
        tuple(each for n, scene in enumerate(scenes) if n not in chosen for each in scene),
        tuple(each for n, scene in enumerate(scenes) if n in chosen for each in scene),
    )


def _by_number(photograph: Photograph) -> tuple[list[tuple[int, str]], Path]:
    """Sort key by file name with numbers in numerical order, in any folder."""
    words = re.findall(r"\d+|\D+", photograph.path.name)
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in words], photograph.path


def write_answers(photographs: tuple[Photograph, ...], folder: Path) -> Path:
    """Write photographs as a YOLO export, as a labelling tool does; returns the folder."""
    names = [*CLASS_NAMES, "ignore"]
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for photograph in photographs:
        lines = []
        for label, x0, y0, x1, y1 in photograph.boxes.tolist():
            number = len(CLASS_NAMES) if label == IGNORE else int(label)
            box = ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
            lines.append(" ".join([str(number), *(f"{value:.6f}" for value in box)]))
        (folder / "images" / photograph.path.name).write_bytes(photograph.path.read_bytes())
        (folder / "labels" / f"{photograph.path.stem}.txt").write_text("\n".join(lines))
    listed = "".join(f"  {number}: {name}\n" for number, name in enumerate(names))
    (folder / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{listed}")
    return folder


def _class_of(name: object, where: str, wrong: list[str]) -> int | None:
    known = KNOWN.get(str(name).strip().lower().replace(" ", "_").replace("-", "_"))
    if known is None:
        wrong.append(
            f"{where}: unknown class {str(name)!r}, known: {', '.join(CLASS_NAMES)}, ignore; "
            "rename it or leave it out of the export"
        )
    return known


def _yolo(folder: Path, wrong: list[str]) -> Iterator[Photograph]:
    names, source = _yolo_names(folder)
    for path in sorted(
        each for each in folder.rglob("*") if each.suffix.lower() in _IMAGE_SUFFIXES
    ):
        if path.name.startswith("."):  # "._a.jpg": macOS adds one for each file of an archive
            continue
        label = path.with_suffix(".txt")
        if not label.is_file() and "images" in label.parts:
            # The last one: the export itself may be in a folder of that name.
            last = len(label.parts) - 1 - label.parts[::-1].index("images")
            label = Path(*label.parts[:last], "labels", *label.parts[last + 1 :])
        if not label.is_file():
            wrong.append(f"{label}: label file is missing; an empty one means no objects")
            continue
        rows = []
        for number, line in enumerate(_text(label).splitlines(), 1):
            where = f"{label}:{number}"
            if not line.strip():
                continue
            try:
                index, cx, cy, w, h = (float(word) for word in line.split())
            except ValueError:
                wrong.append(f"{where}: expected 'class cx cy w h', got {line!r}")
                continue
            if index not in names:
                wrong.append(f"{where}: class {line.split()[0]} is not in {source}")
                continue
            known = _class_of(names[int(index)], where, wrong)
            box = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
            if not (w > 0 and h > 0 and all(-0.002 <= side <= 1.002 for side in box)):
                wrong.append(f"{where}: box is outside 0..1: {line!r}")
            elif known is not None:
                rows.append((known, *box))
        yield Photograph(path, _boxes(rows), False, path.stem)


def _text(path: Path) -> str:
    """A text file, with or without the byte order mark that Windows tools write."""
    return path.read_bytes().decode("utf-8-sig", errors="replace")


def _yolo_names(folder: Path) -> tuple[dict[int, str], Path]:
    path = folder / "data.yaml"
    if not path.is_file():
        path = folder / "classes.txt"
        return dict(enumerate(_text(path).splitlines())), path
    try:
        import yaml
    except ImportError as error:
        raise WorkshopError(
            "reading data.yaml needs the train extra (yaml is missing): pip install '.[train]'"
        ) from error
    try:
        names = yaml.safe_load(path.read_bytes())["names"]
        pairs = list(names.items() if isinstance(names, dict) else enumerate(names))
        return {int(index): str(name) for index, name in pairs}, path
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise WorkshopError(f"{path}: has no list of class names ({reason})") from None


def _coco(
    path: Path, wrong: list[str], sizes_px: dict[Path, tuple[float, float]]
) -> Iterator[Photograph]:
    """The JSON's photographs. sizes_px: receives the width and height of each in the JSON."""
    try:
        table: dict[str, Any] = json.loads(path.read_bytes())
        names = {each["id"]: each["name"] for each in table["categories"]}
        images = {each["id"]: each for each in table["images"]}
        rows: dict[Any, list[tuple[float, ...]]] = {number: [] for number in images}
        for number, each in enumerate(table["annotations"]):
            where = f"{path}: annotations[{number}]"
            image = images.get(each["image_id"])
            if image is None or each["category_id"] not in names:
                wrong.append(f"{where}: its image or category is not listed")
                continue
            known = _class_of(names[each["category_id"]], where, wrong)
            x, y, w, h = (float(value) for value in each["bbox"])
            wide, high = float(image["width"]), float(image["height"])
            inside = -2 <= x < x + w <= wide + 2 and -2 <= y < y + h <= high + 2
            if not inside:
                wrong.append(f"{where}: box {each['bbox']} is outside {wide:g} x {high:g} px")
            elif known is not None:
                rows[each["image_id"]].append(
                    (known, x / wide, y / high, (x + w) / wide, (y + h) / high)
                )
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise WorkshopError(f"{path}: not COCO JSON: {type(error).__name__}: {error}") from None
    for number, image in sorted(images.items(), key=lambda item: str(item[1]["file_name"])):
        places = [path.parent, path.parent / "images", path.parent.parent / "images"]
        files = [place / name for place in places for name in _spelt(str(image["file_name"]))]
        file = next((each for each in files if each.is_file()), None)
        if file is None:
            wrong.append(f"{path}: {image['file_name']} is neither beside it nor in images/")
            continue
        if "width" in image and "height" in image:
            sizes_px[file] = float(image["width"]), float(image["height"])
        yield Photograph(file, _boxes(rows[number]), False, file.stem)


def _spelt(name: str) -> dict[str, None]:
    """A file name as given, and as other systems write it: accents as combining characters (macOS),
    backslashes between folders (Windows)."""
    slashed = name.replace("\\", "/")
    composed = [unicodedata.normalize(form, slashed) for form in ("NFC", "NFD")]
    return dict.fromkeys((name, slashed, *composed))


def _boxes(rows: Sequence[tuple[float, ...]]) -> Boxes:
    boxes = np.array(rows, np.float32).reshape(-1, 5)
    boxes[:, 1:] = boxes[:, 1:].clip(0, 1)
    return boxes


def export_left_out(recipe: Path, data: Path, out: Path) -> Path:
    """Write the photographs that a recipe leaves out as a site's export; returns the folder."""
    plan = read_recipe(recipe)
    if not data.is_dir():
        raise WorkshopError(f"{data}: no such data folder; give it with --data")
    photographs = read_photographs(data, "train")
    chosen = matching(photographs, plan.leave_out)
    if not chosen:
        raise WorkshopError(f"{recipe}: leave_out matches none of the photographs in {data}")
    return write_answers(tuple(each for each in photographs if each in chosen), out)
