"""Compare two models on the same images: which figures are worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from models.data.sources import CLASS_NAMES

POINT = 0.01
Slack = Literal["one box", "interval"]
RULES: dict[Slack, str] = {
    "one box": "no recall at 0.2 false boxes per image, nor at each model's operating thresholds, "
    "may fall by more than a point and one box, no AP50 by more than a point and a box's share, "
    "and without a hazard at most one more false box is allowed",
    "interval": "no recall at 0.2 false boxes per image, nor at each model's operating thresholds, "
    "may fall more than a point below the old one's exact 95 % interval, no AP50 by more than the "
    "lower half of the first of these intervals and a point, and without a hazard at most one more "
    "false box is allowed",
}


def regressions(
    old: dict[str, Any], new: dict[str, Any], slack: Slack, sets: Sequence[str]
) -> list[str]:
    """One line for each figure that is worse than `RULES` allow. old, new: `sets` of reports."""
    lines = []
    for key in sets:
        for name in CLASS_NAMES:
            before, after = old[key][name], new[key][name]
            if not before["boxes"]:
                more = after["false_per_image"] - before["false_per_image"]
                if more * old[key]["images"] > 1.001:
                    lines.append(
                        f"{key}, {name}: false boxes per image {before['false_per_image']} -> "
                        f"{after['false_per_image']}"
                    )
                continue
            for figure, key_of, room_of in (
                ("recall at 0.2 false", "recall_at_0.2", "recall_at_0.2"),
                ("recall at its thresholds", "recall", "recall"),
                ("AP50", "ap50", "recall_at_0.2"),
            ):
                share, low, _ = before[room_of]
                room = POINT + (1 / before["boxes"] if slack == "one box" else share - low)
                was, now = (
                    row[key_of] if key_of == "ap50" else row[key_of][0] for row in (before, after)
                )
                if now < was - room - 5e-4:
                    lines.append(
                        f"{key}, {name}: {figure} {was:.3f} -> {now:.3f}, "
                        f"{room:.3f} is allowed ({before['boxes']} boxes)"
                    )
    return lines
