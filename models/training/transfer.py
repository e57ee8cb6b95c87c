"""One network's weights into another that has other levels or fewer channels.

Every channel of the new network is followed to the old network's channel that it starts as, through
joins, splits and residual sums, so that a kernel meets the inputs that it was trained on. Where a
convolution is narrower, the output channels with the largest kernels stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.data.sources import CLASS_NAMES, Image
from models.export.onnx import plain_input
from models.training.architectures import difference, layers
from models.training.restore import settle, write_checkpoint

Channels = NDArray[np.int64]
"""(n,) int64: which old channel each new one starts as; -1 where it starts from noise."""
_LAYER = 100_000  # a channel's code in the whole network is layer * _LAYER + channel


def start_checkpoint(name: str, source: Path, out: Path, pictures: Sequence[Image]) -> Path:
    """Write the checkpoint `out` (.pt) of an architecture, its weights taken from another's.

    source: a checkpoint of the architecture that it is like. pictures: as `restore` takes
    them. What tells classes starts from noise, unless the source has as many as we have.
    """
    plan, differs = layers(name), difference(name)
    import torch
    from ultralytics import YOLO
    from ultralytics.nn.tasks import DetectionModel

    old = YOLO(str(source), task="detect").model.float()
    settle(old, pictures)
    width = differs.class_width
    if differs.like == name:
        width = old.model[-1].cv3[0][-1].in_channels
    torch.manual_seed(0)  # what starts from noise starts from the same
    net = DetectionModel(plan, ch=3, nc=width or len(CLASS_NAMES), verbose=False)
    head = net.model[-1]
    for branch in head.cv3:
        branch[-1] = torch.nn.Conv2d(branch[-1].in_channels, len(CLASS_NAMES), 1)
    head.nc = len(CLASS_NAMES)
    head.no = head.nc + head.reg_max * 4
    head.bias_init()
    transfer(old, net, differs.taken_from)
    _normalise(net, pictures)
    return write_checkpoint(net, name, out)


def _normalise(net: Any, pictures: Sequence[Image]) -> None:
    """Give each norm the mean and variance of what comes in, so that its output has those it had.

    A convolution that lost inputs gives less than it gave; its norm makes up for it.
    """
    import torch

    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    net.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all pictures
        norm.train()
    with torch.inference_mode():
        for picture in pictures:
            net(torch.from_numpy(plain_input(picture)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    net.eval()


def transfer(old: Any, new: Any, taken_from: Sequence[int] | None = None) -> None:
    """Fill `new` from `old`, two of ultralytics' `DetectionModel`s.

    taken_from: for each layer of `new` the layer of `old` that it starts as, -1 for one that stays
    as it is; without, layer by layer. Class scores are taken where both have the same classes.
    """
    import torch

    sources = list(range(len(new.model)) if taken_from is None else taken_from)
    were = _outputs(old)
    codes: list[Channels] = []
    with torch.no_grad():
        for layer, source in zip(new.model, sources, strict=True):
            comes = _joined(layer, codes)
            if source >= 0 and hasattr(layer, "cv3") and hasattr(layer, "nl"):
                _head(old.model[source], layer, comes, _joined(old.model[source], were))
            elif not list(layer.parameters()):
                codes.append(np.concatenate(comes))
            elif source < 0:
                codes.append(np.full(_width(layer), -1, np.int64))
            else:
                known = _places(np.concatenate(comes), _joined(old.model[source], were))
                kept = _block(old.model[source], layer, known)
                codes.append(np.where(kept < 0, -1, source * _LAYER + kept))


def _outputs(net: Any) -> list[Channels]:
    """Codes of what each layer but the head gives; joins and enlargements pass theirs on."""
    codes: list[Channels] = []
    for number, layer in enumerate(net.model[:-1]):
        if list(layer.parameters()):
            codes.append(number * _LAYER + np.arange(_width(layer)))
        else:
            codes.append(np.concatenate(_joined(layer, codes)))
    return codes


def _joined(layer: Any, codes: list[Channels]) -> list[Channels]:
    """Codes of what goes into a layer, one array for each layer that it comes from."""
    if layer.i == 0:
        return [-_LAYER - np.arange(3)]  # the picture's colours
    sources = [layer.f] if isinstance(layer.f, int) else layer.f
    return [codes[number if number >= 0 else layer.i + number] for number in sources]


def _places(codes: Channels, among: Sequence[Channels]) -> Channels:
    """Where each code stands in the joined inputs of an old layer; -1 where it does not."""
    places = {int(code): place for place, code in enumerate(np.concatenate(among)) if code != -1}
    return np.array([places.get(int(code), -1) for code in codes], np.int64)


def _width(layer: Any) -> int:
    """Output channels of a layer, those of the convolution that it ends with."""
    last = getattr(layer, "cv2", None) or layer
    return int(last.conv.out_channels)


def _head(old: Any, new: Any, comes: list[Channels], came: list[Channels]) -> None:
    """Each level's branches from those of the same level; a new level's from the finest."""
    for level, codes in enumerate(comes):
        shared = [len(np.intersect1d(codes[codes != -1], each)) for each in came]
        match = int(np.argmax(shared))
        known = _places(codes, [came[match]])
        for branch in ("cv2", "cv3"):
            theirs, mine = getattr(old, branch)[match], getattr(new, branch)[level]
            kept = _block(theirs[:-1], mine[:-1], known)
            if theirs[-1].out_channels == mine[-1].out_channels:
                _convolution(theirs[-1], mine[-1], kept, np.arange(mine[-1].out_channels))


def _block(old: Any, new: Any, comes: Channels, keep: Channels | None = None) -> Channels:
    """Fill one module; returns the old channel of each of its outputs.

    comes: of its inputs. keep: of its outputs, where a residual sum has settled them already.
    """
    for part, fill in _KINDS.items():
        if hasattr(new, part):
            return fill(old, new, comes, keep)
    for theirs, mine in zip(old, new, strict=True):
        comes = _block(theirs, mine, comes)
    return comes


def _conv(old: Any, new: Any, comes: Channels, keep: Channels | None) -> Channels:
    return _convolved(old, new, comes, keep)


def _attention(old: Any, new: Any, comes: Channels, _: Channels | None) -> Channels:
    """The first heads, where they are as wide as before; else it starts by adding nothing."""
    if (old.head_dim, old.key_dim) != (new.head_dim, new.key_dim):
        new.proj.bn.weight.data[:] = 0
        return comes
    rows = np.arange(new.qkv.conv.out_channels)
    values = np.arange(new.num_heads * new.head_dim)
    _convolved(old.qkv, new.qkv, comes, rows)
    _convolved(old.pe, new.pe, values, values)
    return _convolved(old.proj, new.proj, values, comes)


def _attending(old: Any, new: Any, comes: Channels, _: Channels | None) -> Channels:
    """PSABlock: attention and two convolutions, each added to what came."""
    _block(old.attn, new.attn, comes)
    _block(old.ffn[1], new.ffn[1], _block(old.ffn[0], new.ffn[0], comes), comes)
    return comes


def _c3k(old: Any, new: Any, comes: Channels, _: Channels | None) -> Channels:
    """A chain, and a convolution past it."""
    kept = _block(old.m, new.m, _block(old.cv1, new.cv1, comes))
    beside = _block(old.cv2, new.cv2, comes)
    return _block(old.cv3, new.cv3, _stacked([kept, beside], old.cv1.conv.out_channels))


def _halves(old: Any, new: Any, comes: Channels, _: Channels | None) -> Channels:
    """C3k2, C2PSA: one half of the channels goes through the chain."""
    first, last = np.split(_convolved(old.cv1, new.cv1, comes, None, parts=2), 2)
    parts = [first, last - old.c]
    for theirs, mine in zip(old.m, new.m, strict=True):
        parts.append(_block(theirs, mine, parts[-1]))
    if type(new).__name__ == "C2PSA":
        parts = [parts[0], parts[-1]]
    return _block(old.cv2, new.cv2, _stacked(parts, old.c))


def _pooling(old: Any, new: Any, comes: Channels, _: Channels | None) -> Channels:
    """SPPF: the same channels, pooled ever wider."""
    kept = _block(old.cv1, new.cv1, comes)
    stacked = _stacked([kept] * (new.n + 1), old.cv1.conv.out_channels)
    return _block(old.cv2, new.cv2, stacked, comes if new.add else None)


def _bottleneck(old: Any, new: Any, comes: Channels, _: Channels | None) -> Channels:
    kept = _block(old.cv1, new.cv1, comes)
    return _block(old.cv2, new.cv2, kept, comes if new.add else None)


_KINDS = {  # by a part that only it has, or those below it
    "conv": _conv, "qkv": _attention, "ffn": _attending, "cv3": _c3k, "c": _halves, "n": _pooling,
    "add": _bottleneck,
}  # fmt: skip


def _stacked(parts: Sequence[Channels], width: int) -> Channels:
    """Old channels of joined parts, each of which was `width` wide."""
    moved = [np.where(part < 0, -1, part + n * width) for n, part in enumerate(parts)]
    return np.concatenate(moved)


def _convolved(
    old: Any, new: Any, comes: Channels, keep: Channels | None, parts: int = 1
) -> Channels:
    """A convolution with its batch norm. parts: the outputs are split into so many afterwards."""
    if new.conv.groups > 1:
        keep = comes
    elif keep is None:
        strength = old.conv.weight.flatten(1).norm(dim=1)
        strength *= old.bn.weight.abs() / (old.bn.running_var + old.bn.eps).sqrt()
        keep = _strongest(strength.numpy(), new.conv.out_channels, parts)
    _convolution(old.conv, new.conv, comes, keep)
    mine = np.flatnonzero(keep >= 0)
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(new.bn, name).data[mine] = getattr(old.bn, name).data[keep[mine]]
    return keep


def _strongest(strength: NDArray[np.float32], count: int, parts: int) -> Channels:
    """(count,) the strongest channels of each of `parts` equal parts, in their old order."""
    width = len(strength) // parts
    order = np.argsort(-strength.reshape(parts, width), axis=1, kind="stable")
    kept = np.sort(order[:, : count // parts], axis=1) + np.arange(parts)[:, None] * width
    return kept.ravel().astype(np.int64)


def _convolution(old: Any, new: Any, comes: Channels, keep: Channels) -> None:
    """Kernel and bias, from the old outputs `keep` and, where not by channel, inputs `comes`."""
    import torch

    outs, ins = np.flatnonzero(keep >= 0), np.flatnonzero(comes >= 0)
    if new.groups > 1:
        new.weight.data[outs] = old.weight.data[keep[outs]]
    elif len(outs) and len(ins):
        chosen = old.weight.data[keep[outs]][:, comes[ins]]
        new.weight.data[torch.from_numpy(outs)[:, None], torch.from_numpy(ins)] = chosen
    if new.bias is not None and old.bias is not None:
        new.bias.data[outs] = old.bias.data[keep[outs]]
