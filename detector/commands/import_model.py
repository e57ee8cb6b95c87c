"""`vigitri model import`: from an exported detector to a checked model folder."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from detector.commands.models import check_folder
from detector.errors import VigitriError
from detector.ingest import read_image_file
from detector.vision.catalogue import (
    Card,
    Imported,
    ModelError,
    ModelFolder,
    ModelInput,
    Sample,
    Training,
    find_model,
    sha256,
    write_card,
)
from detector.vision.engine import OnnxEngine, open_session
from detector.vision.imports.class_choice import Choices, chosen_classes
from detector.vision.imports.head_reading import read_head
from detector.vision.imports.input_reading import Pixels, read_input
from detector.vision.imports.notes import Notes
from detector.vision.input_tensor import InputTensor
from detector.vision.model_match import class_names, metadata_of, refused_task
from detector.vision.onnx_file import OnnxFileError, external_files
from detector.vision.photograph import detect_in_photograph
from detector.vision.sound_boxes import drawn_images


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the command line says about a file."""

    choices: Choices
    pixels: Pixels | None
    """None: as such files usually have it."""
    picture: Path | None
    threshold: float


def import_model(file: Path, out: Path | None, options: ImportOptions) -> Path:
    """Write a model folder for `file`, checked; returns its path. Prints what was found.

    Nothing is left behind if it is refused. Raises `ModelError`, `EngineError`, `SourceError`.
    """
    folder = (out or Path(file.stem)).resolve()
    if folder.exists():
        raise ModelError(f"{folder}: exists already. Give another folder with -o, or remove it")
    if not file.is_file():
        raise ModelError(f"{file}: no such file. Check the path")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        onnx = _as_onnx(file, Path(scratch))
        _copy_with_weights(onnx, made)
        notes = Notes(file.name)
        try:
            card = _read(made, folder.name, options, notes)
            card = _with_sample(ModelFolder(made, card), options, notes)
            write_card(made, card)
            _print_notes(notes)
            check_folder(find_model(f"{made}/."))
        except VigitriError as error:
            # The folder is gone when the user reads this: name the file.
            said = str(error).replace(str(made / "model.onnx"), str(file))
            raise ModelError(said.replace(str(made), str(file))) from None
        made.rename(folder)
    print(f"wrote {_shown(folder)}; use it with --model {_shown(folder)}, or in a profile as")
    print(f'model.name = "{_shown(folder)}"')
    return folder


def _as_onnx(file: Path, scratch: Path) -> Path:
    if file.suffix == ".onnx":
        return file
    if file.suffix != ".pt":
        raise ModelError(
            f"{file}: is neither .onnx nor .pt. Export it: yolo export model=WEIGHTS.pt format=onnx"
        )
    try:
        from models.export.plain import export_plain
    except ModuleNotFoundError:
        raise ModelError(
            f"{file}: exporting a .pt needs a checkout with the extra train (pip install "
            "'.[train]'). Or export it where it was trained: yolo export model=WEIGHTS.pt "
            "format=onnx dynamic=True"
        ) from None
    exported: Path = export_plain(file, scratch)
    return exported


def _copy_with_weights(onnx: Path, folder: Path) -> None:
    """Copy the file and those beside it that hold its weights."""
    try:
        beside = external_files(onnx)
    except OnnxFileError as error:
        raise ModelError(f"{error}. Export it again") from None
    for name in sorted(beside):
        if Path(name).name != name or name in {"model.onnx", "card.toml"}:
            raise ModelError(
                f"{onnx}: keeps weights in {name!r}, not in a file beside it. Save it as one file"
            )
        if not (onnx.parent / name).is_file():
            raise ModelError(
                f"{onnx}: keeps weights in {name}, which is not beside it. Copy that file too"
            )
        shutil.copyfile(onnx.parent / name, folder / name)
    shutil.copyfile(onnx, folder / "model.onnx")


def _read(folder: Path, name: str, options: ImportOptions, notes: Notes) -> Card:
    """The card of the `model.onnx` in a folder."""
    path = folder / "model.onnx"
    session = open_session(path, ("CPUExecutionProvider",), 0)
    metadata = metadata_of(session, path)
    if wrong := refused_task(metadata):
        raise ModelError(f"{path}: {wrong}. Train or export a model of the task detect")
    try:
        in_file = class_names(metadata)
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None
    names = options.choices.names(in_file, str(path), notes)
    described = read_input(session, metadata, options.pixels, str(path), notes)
    described, passes, size_px = _run(session, described, str(path), notes)
    head = read_head(
        passes,
        size_px,
        notes,
        classes=None if names is None else len(names),
        stride=described.stride,
        metadata=metadata,
        where=str(path),
    )
    classes = chosen_classes(
        options.choices,
        names or [f"class_{index}" for index in range(head.classes)],
        options.threshold,
        str(path),
        notes,
    )
    return Card(
        name=name,
        version=1,
        head=head.head,
        outputs=head.outputs,
        box_unit=head.box_unit,
        scores=head.scores,
        input=described,
        classes=tuple(classes),
        files={each.name: sha256(each) for each in sorted(folder.iterdir())},
        training=Training(
            start_from=notes.file,
            architecture=metadata.get("description", "").strip(),
            licence=metadata.get("license", ""),
            date=date.today(),
        ),
        metrics={},
    )


def _run(
    session: Any, described: ModelInput, where: str, notes: Notes
) -> tuple[ModelInput, list[dict[str, Any]], tuple[int, int]]:
    """The outputs for drawn images, and their height and width.

    A file that says any size and runs at one only is described as fixed.
    """
    side = described.photo_sizes_px[0]
    other = (10 * described.stride, 12 * described.stride)
    sizes = [other, (side, side)] if not all(described.size) else [described.size]
    reason = ""
    for number, size in enumerate(sizes):
        height, width = (
            fixed or wanted for fixed, wanted in zip(described.size, size, strict=True)
        )
        try:
            passes = [
                dict(zip(_names(session), given, strict=True))
                for given in _outputs(session, described, height, width)
            ]
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            continue
        if number:
            notes.found.append(f"runs at {width} x {height} px only, though it says any size")
            described = described.model_copy(update={"size": (height, width)})
        return described, passes, (height, width)
    raise ModelError(f"{where}: can't be run: {reason}")


def _outputs(session: Any, described: ModelInput, height: int, width: int) -> list[Any]:
    tensor = InputTensor(described)
    return [session.run(None, tensor.feed(image)) for image in drawn_images(height, width)]


def _names(session: Any) -> list[str]:
    return [each.name for each in session.get_outputs()]


def _with_sample(model: ModelFolder, options: ImportOptions, notes: Notes) -> Card:
    """Try the picture; the best hazard in it becomes the card's sample."""
    card, picture = model.card, options.picture
    changes: dict[str, Any] = {}
    if picture is None:
        notes.assumed.append("that it finds hazards: not tried; give a --picture with one")
    else:
        image = read_image_file(picture)
        found = detect_in_photograph(OnnxEngine(model), image, options.threshold)
        if len(found):
            best, score = card.classes[found.classes[0]].name, float(found.scores[0])
            kept = f"sample{picture.suffix.lower()}"
            shutil.copyfile(picture, model.path / kept)
            x0, y0, x1, y1 = (round(float(side), 1) for side in found.boxes_px[0])
            changes["sample"] = Sample(
                file=kept, class_name=best, box_px=(x0, y0, x1, y1), min_score=round(score / 2, 3)
            )
            changes["files"] = {**card.files, kept: sha256(model.path / kept)}
            others = f", and {len(found) - 1} more" if len(found) > 1 else ""
            notes.found.append(f"in {picture.name}: {best} with {score:.2f}{others}")
        else:
            notes.assumed.append(
                f"that it finds hazards: none of {options.threshold:g} or more in {picture.name}"
            )
    said = Imported(file=notes.file, found=notes.found, assumed=notes.assumed)
    return card.model_copy(update={**changes, "imported": said})


def _print_notes(notes: Notes) -> None:
    for title, lines in (("found", notes.found), ("assumed", notes.assumed)):
        for line in lines:
            print(f"{title + ':':9}{line}")


def _shown(folder: Path) -> str:
    here = Path.cwd()
    return f"./{folder.relative_to(here)}" if folder.is_relative_to(here) else str(folder)
