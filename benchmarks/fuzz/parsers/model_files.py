"""Model files: ONNX, and the arrays of a verifier."""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import Any, Self

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.fuzz.changes.of_bytes import changed_bytes
from benchmarks.fuzz.changes.of_protobuf import changed_message
from benchmarks.fuzz.parser import IN_MEMORY, FileParser, Parser, UnsoundError
from detector.adaptation.feature_bank import load_bank
from detector.commands.import_model import ImportOptions, _read
from detector.vision.catalogue import ModelError
from detector.vision.imports.class_choice import Choices
from detector.vision.imports.notes import Notes
from detector.vision.onnx_file import OnnxFileError, external_files
from detector.vision.verifier import load_head

SIDE_PX = 32
_CHOICES = Choices(classes=["0=gas"], others_harmless=True)
_OPTIONS = ImportOptions(_CHOICES, pixels=None, picture=None, threshold=0.25)


def _model(*, external: bool = False) -> bytes:
    """A detector of a few nodes that gives one box, with its classes as Ultralytics writes them."""
    rows = np.zeros((1, 6, 21), np.float32)
    rows[0, :, 3] = (16, 16, 16, 8, 0, 0.8)
    constant = numpy_helper.from_array(rows, "rows")
    if external:
        onnx.external_data_helper.set_external_data(constant, location="weights.data")
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["seen"], strides=[8, 8]),
        helper.make_node("ReduceMax", ["seen"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "zero"], ["none"]),
        helper.make_node("Add", ["rows", "none"], ["output0"]),
    ]
    constants = [
        constant,
        numpy_helper.from_array(np.ones((1, 3, 1, 1), np.float32), "kernel"),
        numpy_helper.from_array(np.zeros((), np.float32), "zero"),
    ]
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE_PX, SIDE_PX])
    output = helper.make_tensor_value_info("output0", TensorProto.FLOAT, rows.shape)
    graph = helper.make_graph(nodes, "head", [image], [output], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    facts = {"names": "{0: 'gas', 1: 'tin'}", "stride": "8", "imgsz": "[32, 32]", "task": "detect"}
    helper.set_model_props(made, facts)
    return bytes(made.SerializeToString())


def _changed_model(rng: Random, seeds: list[bytes]) -> bytes:
    if rng.random() < 0.1:
        return changed_bytes(rng, seeds)
    case = rng.choice(seeds)
    for _ in range(rng.randint(1, 2)):
        case = changed_message(rng, case)
    return case


class Weights(FileParser):
    """Which files beside an ONNX file hold its weights."""

    refusals = (OnnxFileError,)

    def valid(self) -> list[bytes]:
        return [_model(), _model(external=True)]

    def changed(self, rng: Random) -> bytes:
        return _changed_model(rng, list(self.seeds))

    def read(self, path: Path) -> None:
        external_files(path)


class OnnxModel(Parser):
    """An ONNX file, read and run on drawn images as `vigitri model import` does."""

    refusals = (ModelError,)

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="onnx-", dir=IN_MEMORY))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)

    def valid(self) -> list[bytes]:
        return [_model()]

    def changed(self, rng: Random) -> bytes:
        return _changed_model(rng, list(self.seeds))

    def parse(self, case: bytes) -> None:
        (self._folder / "model.onnx").write_bytes(case)
        _read(self._folder, "x", _OPTIONS, Notes("model.onnx"))


def _arrays(**arrays: Any) -> bytes:
    data = io.BytesIO()
    np.savez(data, **arrays)
    return data.getvalue()


_WORDS = (
    *(b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\x93NUMPY", b"'descr': '|O'", b"'<f8'"),
    *(b"'shape': (", b"True", b"99999999", b"-1", b", )", b"{", b"}", b"\x08\0", b"\0\0\0\0"),
)


class Head(FileParser):
    """The head of a verifier."""

    refusals = (ModelError,)

    def valid(self) -> list[bytes]:
        bias = np.zeros(2, np.float32)
        return [_arrays(weights=np.ones((2, 3), np.float32), bias=bias)]

    def changed(self, rng: Random) -> bytes:
        return changed_bytes(rng, self.seeds, words=_WORDS)

    def read(self, path: Path) -> None:
        head = load_head(path)
        if head.weights.dtype != np.float32 or head.weights.ndim != 2:
            raise UnsoundError(f"weights {head.weights.dtype} {head.weights.shape}")


class Bank(FileParser):
    """The feature bank of a verifier."""

    refusals = (ModelError,)

    def valid(self) -> list[bytes]:
        return [
            _arrays(
                features=np.ones((4, 3), np.float16),
                kind=np.array([0, 1, 1, 0], np.uint8),
                group=np.arange(4, dtype=np.int16),
                held=np.array([True, False, False, True]),
                verifier_sha256=np.array("5b"),
            )
        ]

    def changed(self, rng: Random) -> bytes:
        return changed_bytes(rng, self.seeds, words=_WORDS)

    def read(self, path: Path) -> None:
        bank = load_bank(path, "5b", 2, 3)
        if not (len(bank.features) == len(bank.kind) == len(bank.held) == len(bank.group)):
            raise UnsoundError("the arrays differ in length")
