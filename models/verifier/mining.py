"""What today's detector proposes in harmless pictures: all of it is false."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detector.vision.detections import Detections
from detector.vision.engine import Engine
from detector.vision.photograph import detect_in_photograph
from models.data.sources import Image, read_image
from models.verifier.material import Picture
from models.workshop import WorkshopError, progress_on_stderr


def proposals(engine: Engine, image: Image, min_score: float) -> Detections:
    """Boxes in a photograph, at the card's sizes."""
    return detect_in_photograph(engine, image, min_score)


def mine(engine: Engine, pictures: Sequence[Picture], min_score: float, out: Path) -> Path:
    """Write the proposals of each picture as JSON: path to rows `x0, y0, x1, y1, score, class`.

    An interrupted run goes on.
    """
    found = read_mined(out) if out.is_file() else {}
    show = progress_on_stderr()
    for number, picture in enumerate(pictures, 1):
        key = f"{picture.path.parent.name}/{picture.path.name}"
        if key not in found:
            boxes = proposals(engine, read_image(picture.path), min_score)
            rows = np.column_stack([boxes.boxes_px, boxes.scores, boxes.classes])
            found[key] = [[round(float(value), 3) for value in row] for row in rows]
            if number % 50 == 0:
                _write(out, found)
        show("mined pictures", number, len(pictures))
    _write(out, found)
    return out


def read_mined(path: Path) -> dict[str, list[list[float]]]:
    """What `mine` has written. Raises `WorkshopError`."""
    try:
        return {str(key): list(rows) for key, rows in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise WorkshopError(
            f"{path}: can't be read as mined boxes ({error}); delete it, and they are mined again"
        ) from error


def _write(out: Path, found: dict[str, list[list[float]]]) -> None:
    partial = out.with_suffix(".part")
    partial.write_text(json.dumps(found))
    partial.replace(out)
