"""Rebuild a checkpoint for training from a deployed `model.onnx`.

A plant has only the deployed folder, and no checkpoint is committed; the graph contains every
weight. The export folded batch norms into the convolutions, and the input's scaling into the first
one. They are restored as norms without effect, with the real mean and variance of each convolution
on images: with any other they would change the model at the first training step, when they
normalise by the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.data.sources import CLASS_NAMES, Image
from models.export.onnx import plain_input, session
from models.training.stages import quiet_tools
from models.workshop import WorkshopError

TOLERANCE_PX = 0.05
STOCK = "yolo26n"
"""Architecture of a model whose card names none."""


def layers(name: str) -> dict[str, Any]:
    """An ultralytics architecture as `DetectionModel` takes it, with the one-to-many head only.

    name: for example `yolo26n`. Raises `WorkshopError` if ultralytics does not have it.
    """
    quiet_tools()
    from ultralytics.nn.tasks import yaml_model_load

    try:
        plan: dict[str, Any] = yaml_model_load(f"{name}.yaml")
    except FileNotFoundError as error:
        raise WorkshopError(
            f"architecture = {name!r}: unknown to ultralytics; yolo26n is the usual one"
        ) from error
    return {**plan, "end2end": False}


def restore(model: Path, out: Path, images: Sequence[Image], *, layout: str = STOCK) -> Path:
    """Write the checkpoint `out` (.pt) that `model` (an ONNX file) could be exported from.

    images: (h, w, 3) uint8 BGR, some dozens similar to the training images, sides multiples of
    32; the norms' statistics are measured on them. layout: architecture of the graph. The
    checkpoint has only the one-to-many head, like the graph.
    Raises `WorkshopError` if the graph has other layers, or if the result finds other boxes.
    """
    if not model.is_file():
        raise WorkshopError(f"{model}: no such model; name a folder of `vigitri model list`")
    quiet_tools()
    import onnx
    import torch
    from onnx import numpy_helper
    from ultralytics.nn.tasks import DetectionModel

    weights = {
        each.name: numpy_helper.to_array(each) for each in onnx.load(str(model)).graph.initializer
    }
    plan = layers(layout)
    net = DetectionModel(plan, ch=3, nc=len(CLASS_NAMES), verbose=False)
    _widen(net, plan, weights)
    convolutions = _convolutions(net)
    for name, (conv, norm) in convolutions.items():
        kernel, bias = _of(weights, name, tuple(conv.weight.shape), model)
        if name == "model.0.conv":  # contains the input's scaling
            kernel = kernel[:, ::-1] * np.float32(255)
        conv.weight.data = torch.from_numpy(kernel.copy())
        if norm is None:
            conv.bias.data = torch.from_numpy(bias.copy())
        else:
            norm.bias.data = torch.from_numpy(bias.copy())
            norm.weight.data = torch.full_like(norm.weight, (1 + norm.eps) ** 0.5)
    _settle(net, images)
    _check(net, model, images[0])
    return write_checkpoint(net, layout, out)


def write_checkpoint(net: Any, layout: str, out: Path) -> Path:
    """Write a network as a checkpoint for a trainer; returns `out`. layout: its architecture."""
    from ultralytics import YOLO

    net.yaml["nc"] = len(CLASS_NAMES)
    net.names = dict(enumerate(CLASS_NAMES))
    net.args = {"model": f"{layout}.yaml", "task": "detect"}
    out.parent.mkdir(parents=True, exist_ok=True)
    yolo = YOLO(f"{STOCK}.yaml", task="detect")
    yolo.model = net
    yolo.ckpt = {}
    yolo.save(out)
    return out


def _widen(net: Any, plan: dict[str, Any], weights: dict[str, Any]) -> None:
    """Make the class branch as wide as the graph's; ultralytics derives it from the classes.

    A model fine-tuned from 80 classes keeps 80 channels there.
    """
    import torch
    from ultralytics.nn.tasks import DetectionModel

    head = net.model[-1]
    last = weights.get(f"model.{len(net.model) - 1}.cv3.0.2.weight")
    if last is None or last.shape[1] == head.cv3[0][-1].in_channels:
        return
    head.cv3 = DetectionModel(plan, ch=3, nc=last.shape[1], verbose=False).model[-1].cv3
    for branch in head.cv3:
        branch[-1] = torch.nn.Conv2d(last.shape[1], len(CLASS_NAMES), 1)


def _convolutions(net: Any) -> dict[str, tuple[Any, Any]]:
    """Each convolution by its name in the graph, with the batch norm after it or None."""
    import torch

    modules = dict(net.named_modules())
    return {
        name: (module, modules.get(f"{name.rpartition('.')[0]}.bn"))
        for name, module in modules.items()
        if isinstance(module, torch.nn.Conv2d)
    }


def _of(
    weights: dict[str, Any], name: str, shape: tuple[int, ...], model: Path
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    kernel, bias = weights.get(f"{name}.weight"), weights.get(f"{name}.bias")
    if kernel is None or bias is None or kernel.shape != shape:
        held = "nothing" if kernel is None else f"{kernel.shape}"
        raise WorkshopError(
            f"{model}: {name} should be {shape}, the graph has {held}: another "
            "architecture, or quantised. Restore from the float32 model that it was made from"
        )
    return kernel, bias


def _settle(net: Any, images: Sequence[Image]) -> None:
    """Set each norm's mean and variance to those of its input, without changing its output."""
    import torch

    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    sums: dict[Any, list[Any]] = {norm: [0.0, 0.0, 0] for norm in norms}

    def note(norm: Any, inputs: tuple[Any, ...], _: Any) -> None:
        values = inputs[0].double()
        total = sums[norm]
        total[0] += values.sum((0, 2, 3))
        total[1] += (values**2).sum((0, 2, 3))
        total[2] += values.numel() // values.shape[1]

    hooks = [norm.register_forward_hook(note) for norm in norms]
    net.eval()
    with torch.inference_mode():
        for image in images:
            net(torch.from_numpy(plain_input(image)))
    for hook in hooks:
        hook.remove()
    for norm, (first, second, count) in sums.items():
        if not count:  # of an unused head
            continue
        mean = first / count
        variance = (second / count - mean**2).clamp_min(1e-6)
        slope = norm.weight.data / (norm.running_var + norm.eps).sqrt()
        norm.bias.data += slope * (mean.float() - norm.running_mean)
        norm.weight.data = slope * (variance + norm.eps).sqrt().float()
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)


def _check(net: Any, model: Path, image: Image) -> None:
    import torch

    with torch.inference_mode():
        ours = net(torch.from_numpy(plain_input(image)))[0].numpy()
    theirs = session(model).run(None, {"images": image[None]})[0]
    if ours.shape != theirs.shape:
        raise WorkshopError(f"{model}: output is {theirs.shape}, not {ours.shape}: not a raw head")
    largest = float(np.abs(ours - theirs).max())
    if not largest <= TOLERANCE_PX:
        raise WorkshopError(f"{model}: the restored checkpoint differs by {largest:.3g}")
