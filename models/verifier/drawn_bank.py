"""A bank of the twin's drawn objects, in the form of `vigitri twin cutouts`.

Path-traced objects are few, and most are hazards: without drawn look-alikes beside them, whatever
looks computed would be a hazard.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from twin.drawn.objects import HAZARDS, SIZE_MM, draw

FOLDER = "bank_drawn"
_LONGEST_PX = 200.0
_PX_PER_MM = 2.0


def write_drawn_bank(out: Path, per_kind: int, seed: int) -> Path:
    """Draw objects of every kind; a finished bank is kept."""
    folder = out / FOLDER
    index = folder / "index.jsonl"
    if index.is_file():
        return index
    lines = []
    for place, kind in enumerate(SIZE_MM):
        scale = min(_PX_PER_MM, _LONGEST_PX / max(SIZE_MM[kind][:2]))
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(per_kind):
            image = draw(kind, np.random.default_rng([seed, place, number]), scale)
            file = f"{kind}/{kind}_{number:05d}.webp"
            cv2.imwrite(str(folder / file), image)
            entry = {
                "file": file, "kind": kind, "hazard": HAZARDS.get(kind), "number": number,
                "length_mm": max(image.shape[:2]) / scale, "px_per_mm": scale,
            }  # fmt: skip
            lines.append(json.dumps(entry))
    index.write_text("\n".join(lines) + "\n")
    return index
