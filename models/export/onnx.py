"""From a checkpoint to the engine's `model.onnx`, checked against the plain export."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from detector.vision.catalogue import find_model, write_card
from detector.vision.engine import OnnxEngine
from detector.vision.onnx_runtime import ort
from detector.vision.soundness import check_meaning
from detector.vocabulary import CLASSES
from models.card import new_card
from models.data.sources import Image
from models.export.folding import fold_input, free_top_k
from models.export.plain import export_plain, open_checkpoint
from models.workshop import WorkshopError

_TOLERANCE_PX = 0.05

Head = Literal["raw", "end2end"]


@dataclass(frozen=True)
class ExportReport:
    """The result of an export.

    largest_difference: over boxes (px), scores and classes, folded against plain, same images.
    folded_ms, plain_ms: median per run of 448 x 800, two threads, runs interleaved; plain includes
    converting a BGR image to float NCHW, in a reused buffer, as the engine does.
    """

    path: Path
    largest_difference: float
    folded_ms: float
    plain_ms: float

    def metrics(self) -> dict[str, Any]:
        """For the card."""
        return {
            "how": "448 x 800, 2 threads, median, runs interleaved; plain = float32 NCHW RGB "
            "input, including its preprocessing by numpy into a reused buffer",
            "folded_over_plain": round(self.folded_ms / self.plain_ms, 3),
            "folded_ms": round(self.folded_ms, 2),
            "plain_ms": round(self.plain_ms, 2),
            "largest_difference": float(f"{self.largest_difference:.2g}"),
        }


def plain_input(image: Image) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(h, w, 3) uint8 BGR to (1, 3, h, w) float32 RGB in 0..1, the input of a plain export."""
    turned = image[..., ::-1].transpose(2, 0, 1)[None]
    return np.ascontiguousarray(turned, np.float32) / np.float32(255)


def session(path: Path, threads: int = 2) -> Any:
    """An onnxruntime session on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as the engine
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def export_onnx(
    weights: Path, folder: Path, *, head: Head = "raw", rounds: int = 40
) -> ExportReport:
    """Write `folder/model.onnx` from a checkpoint; compare result and time with the plain export.

    head: YOLO26 has two. `raw`, (1, 4 + classes, cells), is trained one-to-many and needs NMS;
    `end2end`, (1, 300, 6), is trained one-to-one and needs none. The first model's raw head finds
    more at the same rate of false boxes, and its NMS takes 0.1 ms.
    """
    with tempfile.TemporaryDirectory() as scratch:
        names = list(open_checkpoint(weights, Path(scratch)).names.values())
        if names != list(CLASSES):
            raise WorkshopError(
                f"{weights}: was trained for {names[:8]}, not for {list(CLASSES)}. Say what its "
                f"classes are: vigitri model import {weights} --class NAME=gas"
            )
        plain = export_plain(weights, Path(scratch), end2end=head == "end2end")
        (output,) = session(plain).get_outputs()
        if (output.shape[2] == 6) != (head == "end2end"):
            raise WorkshopError(
                f"{weights}: has no {head} head; its export gives {output.shape}. Choose the other "
                "with --head"
            )
        folder.mkdir(parents=True, exist_ok=True)
        if head == "end2end":
            free_top_k(plain)
        fold_input(plain, folder / "model.onnx")
        return _compared(plain, folder / "model.onnx", rounds)


def _compared(plain: Path, folded: Path, rounds: int) -> ExportReport:
    rng = np.random.default_rng(0)
    one, other = session(plain), session(folded)
    largest = 0.0
    for size in ((32, 32), (96, 160), (416, 416), (448, 800)):
        coarse = rng.integers(0, 256, (8, 8, 3), np.uint8)
        image = np.kron(coarse, np.ones((size[0] // 8, size[1] // 8, 1), np.uint8))
        a = one.run(None, {"images": plain_input(image)})[0][0]
        b = other.run(None, {"images": image[None]})[0][0]
        if a.shape[1] == 6:  # end2end: after the first, equal scores may be in another order
            a, b = np.append(a[0], a[:, 4]), np.append(b[0], b[:, 4])
        largest = max(largest, float(np.abs(a - b).max()))
    if not largest <= _TOLERANCE_PX:
        raise WorkshopError(f"{folded}: differs from the plain export by {largest:.3g}")
    image = rng.integers(0, 256, (448, 800, 3), np.uint8)
    planar = np.empty((1, 3, 448, 800), np.float32)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        start = time.perf_counter()
        np.multiply(
            image[..., ::-1].transpose(2, 0, 1), np.float32(1 / 255),
            out=planar[0], casting="unsafe",
        )  # fmt: skip
        one.run(None, {"images": planar})
        middle = time.perf_counter()
        other.run(None, {"images": image[None]})
        times[0].append((middle - start) * 1e3)
        times[1].append((time.perf_counter() - middle) * 1e3)
    return ExportReport(folded, largest, statistics.median(times[1]), statistics.median(times[0]))


def run(
    weights: Path,
    out: Path,
    *,
    head: Head = "raw",
    thresholds: tuple[float, float] = (0.4, 0.35),
) -> Path:
    """Export a checkpoint into the model folder `out` with a card; returns the folder.

    thresholds: the baseline's, until `models.evaluation.evaluate` has measured the model's own.
    """
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch)
        report = export_onnx(weights, made, head=head)
        card = new_card(
            made,
            name=out.resolve().name,
            thresholds=thresholds,
            head=head,
            metrics={"export": report.metrics()},
            start_from=weights.name,
            recipe="none: exported without training",
            data=["not known: the checkpoint was exported without training"],
        )
        write_card(made, card)
        model = find_model(f"{made}/.")
        check_meaning(model, OnnxEngine(model))  # nothing is written that `check` would refuse
        out.mkdir(parents=True, exist_ok=True)
        for file in ("model.onnx", "card.toml"):
            shutil.copyfile(made / file, out / file)
    return out
