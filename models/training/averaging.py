"""Interpolate between the weights of two checkpoints.

Fine-tuned weights are near the original ones, and weights between them often keep nearly all of the
new and lose less of the old (Wortsman et al., Robust fine-tuning of zero-shot models,
2022).
"""

from __future__ import annotations

from pathlib import Path

from models.training.restore import write_checkpoint


def interpolated(old: Path, new: Path, reach: float, out: Path, *, layout: str) -> Path:
    """Write the checkpoint `out`, every weight at old + reach * (new - old); returns `out`.

    layout: the architecture of both. reach: 0 is the old one, 1 the new one.
    """
    from ultralytics import YOLO

    nets = [YOLO(str(path), task="detect").model.float() for path in (old, new)]
    before, after = (net.state_dict() for net in nets)
    for name, value in after.items():
        if value.is_floating_point():
            value.copy_(before[name] + reach * (value - before[name]))
    return write_checkpoint(nets[1], layout, out)
