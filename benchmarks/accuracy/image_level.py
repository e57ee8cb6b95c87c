"""Single images: precision and recall of the model alone, on the workshop's own sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from detector.vision.engine import Engine
from models.data.sources import CLASS_NAMES
from models.evaluation.image_sets import at_belts, at_photographs, photo_set
from models.evaluation.scoring import average_precision, tally

HELD_BACK = 0.08
"""Share of the cut-outs that recipes hold back."""
SCENES = 100


def precision_recall(engine: Engine, data: Path) -> dict[str, Any]:
    """Per set and class that has boxes: AP50 and the curve, thinned to 200 points for plotting."""
    sizes = engine.card.input.photo_sizes_px
    results = at_photographs(engine, data, (sizes,)) | at_belts(engine, data, HELD_BACK, SCENES)
    report: dict[str, Any] = {}
    for name in (photo_set(sizes), "scenes"):
        found, truths = results[name]
        for label, class_name in enumerate(CLASS_NAMES):
            t = tally(found, truths, label)
            if not t.truths or not len(t.scores):
                continue
            right = np.cumsum(t.hits)
            keep = np.unique(np.linspace(0, len(right) - 1, 200).astype(int)).tolist()
            report.setdefault(name, {})[class_name] = {
                "boxes": t.truths,
                "images": t.images,
                "ap50": round(average_precision(t), 4),
                "recall": [round(float(right[n] / t.truths), 4) for n in keep],
                "precision": [round(float(right[n] / (n + 1)), 4) for n in keep],
                "score": [round(float(t.scores[n]), 3) for n in keep],
            }
    return report
