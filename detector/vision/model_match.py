"""Compares an ONNX file with its card: inputs, outputs, and what Ultralytics wrote into it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from detector.vision.catalogue import ModelError, ModelFolder
from detector.vision.heads import HeadError, HeadReader

TYPES: dict[str, tuple[str, type[Any]]] = {
    "u8": ("tensor(uint8)", np.uint8),
    "f32": ("tensor(float)", np.float32),
    "f16": ("tensor(float16)", np.float16),
}
"""By the end of a layout's name: onnxruntime's name of the type, and numpy's."""


def check_against_card(session: Any, model: ModelFolder) -> None:
    """`session`: onnxruntime's, of the model. Raises `ModelError`."""
    card, where = model.card, model.onnx_path
    inputs = {node.name: node for node in session.get_inputs()}
    named = [card.input.name, *filter(None, [card.input.size_input])]
    if list(inputs) != named:
        raise ModelError(f"{where}: takes {list(inputs)}, the card has {named}")
    node = inputs[card.input.name]
    flat = card.input.layout == "nhwc_bgr_u8"
    kind, dtype = TYPES[card.input.layout.rsplit("_", 1)[1]]
    channels = node.shape[3 if flat else 1] if len(node.shape) == 4 else None
    if node.type != kind or channels != 3:
        raise ModelError(
            f"{where}: takes {node.type} {node.shape}, the card's layout is {card.input.layout}"
        )
    if isinstance(node.shape[0], int) and node.shape[0] != 1:
        raise ModelError(
            f"{where}: takes {node.shape[0]} images at once, a line has one. Export it with batch=1"
        )
    sides = node.shape[1:3] if flat else node.shape[2:4]
    for side, expected in zip(sides, card.input.size, strict=True):
        if isinstance(side, int) and side != expected:
            raise ModelError(f"{where}: takes {sides}, the card has size {card.input.size}")
    outputs = [each.name for each in session.get_outputs()]
    if not card.outputs and len(outputs) != 1:
        raise ModelError(f"{where}: gives {len(outputs)} outputs, a YOLO head gives one")
    if lacking := [name for name in card.outputs if name not in outputs]:
        raise ModelError(f"{where}: gives {outputs}, the card also reads {lacking}")
    _check_metadata(metadata_of(session, where), model)
    side_h, side_w = (size or 4 * card.input.stride for size in card.input.size)
    shape = (1, side_h, side_w, 3) if flat else (1, 3, side_h, side_w)
    fed = {card.input.name: np.zeros(shape, dtype=dtype)}
    if card.input.size_input:
        fed[card.input.size_input] = np.array([[side_w, side_h]], dtype=np.int64)
    try:
        given = session.run(list(card.outputs) or None, fed)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{where}: can't be run on {shape}: {reason}") from None
    reader = HeadReader(
        card.head, len(card.classes), in_shares=False, logits=False, stride=card.input.stride
    )
    try:
        reader.check_shapes([each.shape for each in given])
    except HeadError as error:
        raise ModelError(f"{where}: {error}") from None


def metadata_of(session: Any, where: Path) -> Mapping[str, str]:
    """What the file's exporter wrote into it, as texts. Raises `ModelError`: it is not text."""
    try:
        written: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    except UnicodeDecodeError:
        raise ModelError(f"{where}: its metadata are not text (UTF-8). Export it again") from None
    return written


_NO_LITERAL = (SyntaxError, ValueError, TypeError, OverflowError, MemoryError, RecursionError)
"""What `ast.literal_eval` and `int` raise for text that is none."""


def class_names(metadata: Mapping[str, str]) -> list[str] | None:
    """The classes that Ultralytics wrote into the file, by index; None: it wrote none.

    A dictionary gives them by key, in whatever order. Raises `ValueError`.
    """
    if "names" not in metadata:
        return None
    try:
        names = ast.literal_eval(metadata["names"])
        by_key = {int(key): name for key, name in names.items()} if isinstance(names, dict) else {}
    except _NO_LITERAL:
        raise ValueError("its class list can't be read") from None
    if isinstance(names, dict):
        if sorted(by_key) != list(range(len(by_key))):
            raise ValueError(f"its class list has the keys {', '.join(map(str, names))}, not 0 on")
        names = [by_key[index] for index in range(len(by_key))]
    if not isinstance(names, list | tuple):
        raise ValueError("its class list can't be read")
    return [str(name) for name in names]


def refused_task(metadata: Mapping[str, str]) -> str:
    """Why a file whose metadata name another task can't be used; empty: it detects boxes."""
    task = metadata.get("task", "detect")
    return "" if task == "detect" else f"is a model for {_TASKS.get(task, task)}, not for detection"


_TASKS = {
    "segment": "segmentation (task segment)",
    "obb": "oriented boxes (task obb)",
    "pose": "poses (task pose)",
    "classify": "classification (task classify)",
}


def _check_metadata(metadata: Mapping[str, str], model: ModelFolder) -> None:
    """Class list and task that Ultralytics wrote into the file must match the card's."""
    where = model.onnx_path
    if wrong := refused_task(metadata):
        raise ModelError(f"{where}: {wrong}. Export a model of the task detect")
    ends = metadata.get("end2end") == "True"
    if ends and model.card.head != "end2end":
        raise ModelError(f"{where}: has an end2end head, the card has {model.card.head}")
    try:
        in_file = class_names(metadata)
    except ValueError as error:
        raise ModelError(f"{where}: {error}") from None
    on_card = [known.name for known in model.card.classes]
    if in_file is not None and in_file != on_card:
        raise ModelError(
            f"{where}: was trained for {in_file}, the card has {on_card}. Fix the card"
        )
