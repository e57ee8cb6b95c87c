"""A float model with most convolutions in 8 bits, for OpenVINO, which fuses the layers between.

Only the inputs of convolutions are rounded. SiLU, additions and concatenations stay float: rounding
them too halves recall (`docs/experiments.md` lists what was tried). So does the head in 8 bits, for
batteries; the first and finest layers cost a little recall of gas and save hardly any time.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detector.vision.catalogue import ModelError, find_model, write_card
from detector.vision.onnx_runtime import quantization
from models.card import derived, evaluated
from models.data.composites import compose
from models.data.photographs import at_belt_size
from models.data.sources import HELD_BACK, Image, read_sources
from models.evaluation import evaluate
from models.evaluation.comparison import RULES, regressions
from models.evaluation.image_sets import photo_set
from models.evaluation.thresholds import HOW, operating_thresholds
from models.export.timing import median_ms
from models.workshop import WorkshopError

FLOAT_LAYERS = ("0", "1", "2", "15", "16", "head", "attn")
"""Layers of YOLO26: the first, those at an eighth of the image's scale after the second upsampling,
the head, and attention."""
_ENGINE = "openvino"


def calibration_images(data: Path, held_back: float, count: int, seed: int) -> list[Image]:
    """(416, 416, 3) uint8 BGR: scenes and photographs of the training part, never of dev."""
    sources = read_sources(data, held_back, held=False)
    labelled = [photograph for photograph in sources.photographs if len(photograph.boxes)]
    images = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        if number % 3:
            images.append(compose(rng, sources).image)
        else:
            chosen = labelled[int(rng.integers(len(labelled)))]
            images.append(at_belt_size(rng, chosen, sources, busy=()).image)
    return images


def quantised(
    source: Path, target: Path, images: Sequence[Image], float_layers: Sequence[str]
) -> int:
    """Write `source` with its convolutions in 8 bits as `target`; returns how many are in 8 bits.

    float_layers: numbers of layers, `head` for the last one, or parts of names.
    Raises `WorkshopError` if the tools are missing or the graph is already quantised.
    """
    try:
        import onnx

        tools = quantization()
    except ImportError as error:
        raise WorkshopError(
            f"quantising needs the train extra ({error.name} is missing): pip install '.[train]'"
        ) from error
    nodes = onnx.load(str(source)).graph.node
    if any(node.op_type == "QuantizeLinear" for node in nodes):
        raise WorkshopError(
            f"{source}: already quantised; name the float model that it was made from"
        )
    names = [node.name for node in nodes if node.op_type == "Conv"]
    layers = [int(number) for name in names for number in re.findall(r"/model\.(\d+)/", name)]
    if not layers:
        raise WorkshopError(f"{source}: its convolutions have no layer numbers; export it again")
    keep = [
        re.compile(rf"/model\.{max(layers) if each == 'head' else each}/")
        if each == "head" or each.isdigit()
        else re.compile(re.escape(each))
        for each in float_layers
    ]
    excluded = [name for name in names if any(pattern.search(name) for pattern in keep)]

    class Reader(tools.CalibrationDataReader):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.rest: Iterator[Image] = iter(images)

        def get_next(self) -> dict[str, Any] | None:
            image = next(self.rest, None)
            return None if image is None else {"images": image[None]}

    tools.quantize_static(
        str(source), str(target), Reader(),
        op_types_to_quantize=["Conv"], nodes_to_exclude=excluded, per_channel=True,
        activation_type=tools.QuantType.QUInt8, weight_type=tools.QuantType.QInt8,
        extra_options={"OpTypesToExcludeOutputQuantization": ["Conv"]},
    )  # fmt: skip
    return len(names) - len(excluded)


def run(
    model: str,
    data: Path,
    out: Path,
    *,
    runs: Path = Path("runs"),
    images: int = 60,
    scenes: int = 100,
    seed: int = 1,
    held_back: float = HELD_BACK,
    float_layers: Sequence[str] = FLOAT_LAYERS,
) -> list[str]:
    """Quantise a model of the catalogue into the folder `out`, if it is faster and as good.

    Returns the reasons against it, one line each; if there are any, `out` is not written and the
    candidate stays in `runs`. Raises `WorkshopError` on unusable input.
    """
    if not data.is_dir():
        raise WorkshopError(f"{data}: no such data folder; give it with --data")
    try:
        parent = find_model(model)
    except ModelError as error:
        raise WorkshopError(str(error)) from error
    reference = evaluate.open_model(f"{parent.path.resolve()}/", _ENGINE)
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "model.onnx"
        count = quantised(
            parent.onnx_path,
            made,
            calibration_images(data, held_back, images, seed),
            float_layers,
        )
        candidate = runs / out.resolve().name / "candidate"
        candidate.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, candidate / "model.onnx")
    draft = derived(
        candidate,
        parent,
        out.resolve().name,
        precision=f"{count} convolutions in 8 bits, the rest float; with engine "
        f"= {_ENGINE!r} the rest in bfloat16 where the CPU has it. Slower than its parent in "
        "onnxruntime",
        calibrated_on=f"{images} images of the training part, seed {seed}",
        float_layers=list(float_layers),
    )
    write_card(candidate, draft)
    int8 = evaluate.open_model(f"{candidate.resolve()}/", _ENGINE)
    ours = evaluate.detect_on_sets(int8, data, held_back, scenes, ())
    thresholds = operating_thresholds(ours, draft.input.photo_sizes_px)
    report = evaluate.build_report(draft.name, ours, thresholds)
    before = evaluate.build_report(
        parent.card.name,
        evaluate.detect_on_sets(reference, data, held_back, scenes, ()),
        [known.threshold for known in parent.card.classes],
    )
    ms = median_ms({
        "onnxruntime_float_ms": evaluate.open_model(f"{parent.path.resolve()}/"),
        "openvino_float_ms": reference,
        "openvino_8_bits_ms": int8,
    })  # fmt: skip
    against = regressions(before["sets"], report["sets"], "one box", list(report["sets"]))
    if ms["openvino_8_bits_ms"] >= ms["openvino_float_ms"]:
        against.append(
            f"not faster: {ms['openvino_8_bits_ms']:.1f} ms, "
            f"its parent {ms['openvino_float_ms']:.1f} ms in OpenVINO"
        )
    photographs = photo_set(draft.input.photo_sizes_px)
    metrics = {
        "how": evaluate.HOW,
        "thresholds": HOW,
        "kept_if": RULES["one box"],
        "speed": {
            "how": "448 x 800, 2 threads, median of 40, runs interleaved",
            **{name: round(value, 2) for name, value in ms.items()},
        },
        **evaluate.for_card(report, photographs),
        "parent": evaluate.for_card(before, photographs),
    }
    write_card(candidate, evaluated(draft, thresholds, metrics))
    table = evaluate.table({parent.card.name: before, draft.name: report})
    (candidate / "comparison.md").write_text(f"{table}\n")
    if not against:
        shutil.copytree(candidate, out, dirs_exist_ok=True)
    return against
