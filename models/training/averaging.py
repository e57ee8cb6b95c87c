"""Weights part of the way from one checkpoint to another.

What was fine-tuned lies near what it was tuned from, and what lies between them often has nearly
all of the new and loses less of the old (Wortsman et al., Robust fine-tuning of zero-shot models,
2022).
"""

from __future__ import annotations

from pathlib import Path

from models.training.restore import write_checkpoint


def between(old: Path, new: Path, reach: float, out: Path, *, layout: str) -> Path:
    """Write the checkpoint `out`, every weight at old + reach * (new - old); returns `out`.

    Both are of the architecture `layout`. reach: 0 is the old one, 1 the new one.
    """
    from ultralytics import YOLO

    nets = [YOLO(str(path), task="detect").model.float() for path in (old, new)]
    before, after = (net.state_dict() for net in nets)
    for name, value in after.items():
        if value.is_floating_point():
            value.copy_(before[name] + reach * (value - before[name]))
    return write_checkpoint(nets[1], layout, out)
