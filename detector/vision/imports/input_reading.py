"""The input of an ONNX file: size, layout, precision and how pixels become numbers."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from detector.vision.catalogue import Layout, ModelError, ModelInput
from detector.vision.imports.notes import Notes

Pixels = Literal["rgb-1", "bgr-255", "imagenet"]
"""`rgb-1`: RGB, 0 to 1. `bgr-255`: BGR, 0 to 255. `imagenet`: RGB, ImageNet's mean and deviation
subtracted and divided."""
_MEAN = (123.675, 116.28, 103.53)
_STD = (58.395, 57.12, 57.375)
_STRIDE = 32
_ANY_SIZE_MM_PER_PX = (0.1, 10.0)


@dataclass(frozen=True, slots=True)
class _Node:
    name: str
    type: str
    shape: list[int | str | None]


def read_input(
    session: Any, metadata: Mapping[str, str], pixels: Pixels | None, where: str, notes: Notes
) -> ModelInput:
    """The card's section `input`. `pixels`: None: as such files usually have it.

    Raises `ModelError`: no line could feed it.
    """
    nodes = [_Node(each.name, each.type, list(each.shape)) for each in session.get_inputs()]
    images = [node for node in nodes if len(node.shape) == 4]
    sizes = [node for node in nodes if node not in images]
    if len(images) != 1 or len(sizes) > 1 or (sizes and sizes[0].type != "tensor(int64)"):
        raise ModelError(
            f"{where}: takes {[f'{node.name} {node.shape}' for node in nodes]}; supported is one "
            "image, and for RT-DETR and D-FINE its size beside it"
        )
    image = images[0]
    batch = image.shape[0]
    if isinstance(batch, int) and batch != 1:
        raise ModelError(
            f"{where}: takes {batch} images at once, a line has one. Export it with batch=1"
        )
    layout, sides = _layout(image, where)
    usual, why = _usual_pixels(session, metadata, image)
    chosen = pixels or usual
    if layout != "nhwc_bgr_u8":
        if chosen == "bgr-255":
            layout = "nchw_bgr_f16" if layout.endswith("f16") else "nchw_bgr_f32"
        asked = "--pixels" if pixels else why
        is_sure = pixels is not None or "stride" in metadata
        (notes.found if is_sure else notes.assumed).append(f"pixels are {_SAID[chosen]} ({asked})")
    size = _fixed(sides)
    image_px = _written_size(metadata) or (size if all(size) else (640, 640))
    stride = _stride(metadata, notes)
    notes.found.append(
        f"input {image.name}: {layout}, "
        + (f"{size[1]} x {size[0]} px" if all(size) else f"any multiple of {stride} px")
    )
    notes.assumed.append(
        "the belt scales that it was trained for are not in the file: 0.1 to 10 mm/px"
    )
    return ModelInput(
        name=image.name,
        layout=layout,
        mean=_MEAN if chosen == "imagenet" and layout != "nhwc_bgr_u8" else (0.0, 0.0, 0.0),
        std={"imagenet": _STD, "bgr-255": (1.0, 1.0, 1.0)}.get(chosen, (255.0, 255.0, 255.0))
        if layout != "nhwc_bgr_u8"
        else (255.0, 255.0, 255.0),
        fit="stretch" if sizes or _is_detr(session, metadata) else "letterbox",
        size_input=sizes[0].name if sizes else "",
        stride=stride,
        size=size,
        mm_per_px=_ANY_SIZE_MM_PER_PX,
        photo_sizes_px=(max(image_px),),
    )


_SAID = {
    "rgb-1": "RGB, 0 to 1",
    "bgr-255": "BGR, 0 to 255",
    "imagenet": "RGB, normalised as ImageNet",
}


def _layout(image: _Node, where: str) -> tuple[Layout, list[int | str | None]]:
    channels_first = image.shape[1] == 3
    channels_last = image.shape[3] == 3 and not channels_first
    if channels_first and image.type == "tensor(float)":
        return "nchw_rgb_f32", image.shape[2:]
    if channels_first and image.type == "tensor(float16)":
        return "nchw_rgb_f16", image.shape[2:]
    if channels_last and image.type == "tensor(uint8)":
        return "nhwc_bgr_u8", image.shape[1:3]
    raise ModelError(
        f"{where}: takes {image.type} {image.shape}; supported are float and float16 with three "
        "channels first, and bytes with three channels last. Export it as float32 ONNX"
    )


def _fixed(sides: list[int | str | None]) -> tuple[int, int]:
    height, width = (side if isinstance(side, int) and side > 0 else 0 for side in sides)
    return height, width


def _written_size(metadata: Mapping[str, str]) -> tuple[int, int] | None:
    """`imgsz` as Ultralytics writes it: height, width."""
    try:
        height, width = ast.literal_eval(metadata.get("imgsz", ""))
        return int(height), int(width)
    except (SyntaxError, ValueError, TypeError, OverflowError, MemoryError, RecursionError):
        return None


def _stride(metadata: Mapping[str, str], notes: Notes) -> int:
    written = metadata.get("stride", "")
    if written.isdecimal() and int(written) > 0:
        return int(written)
    notes.assumed.append(f"stride {_STRIDE}")
    return _STRIDE


def _is_detr(session: Any, metadata: Mapping[str, str]) -> bool:
    outputs = {each.name for each in session.get_outputs()}
    return (
        metadata.get("head") == "RTDETRDecoder"
        or {"dets", "labels"} <= outputs
        or {"pred_boxes", "logits"} <= outputs
    )


def _usual_pixels(session: Any, metadata: Mapping[str, str], image: _Node) -> tuple[Pixels, str]:
    """How such files are usually fed, and what shows it."""
    outputs = [each.name for each in session.get_outputs()]
    if "stride" in metadata:
        return "rgb-1", "as Ultralytics trains"
    if {"dets", "labels"} <= set(outputs):
        return "imagenet", "outputs dets and labels: as RF-DETR trains; else give --pixels"
    if image.name == "images" and outputs == ["output"] and not metadata:
        return "bgr-255", "input images, output output: as YOLOX trains; else give --pixels"
    return "rgb-1", "as most are trained; else give --pixels"
