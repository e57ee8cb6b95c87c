"""The parsers that are fuzzed, each with its valid input, and the table of their names."""

from __future__ import annotations

from importlib import import_module

from benchmarks.fuzz.parser import Parser

_ROOM = "benchmarks.fuzz.parsers."

PARSERS: dict[str, str] = {
    "jpeg": "images.Jpeg",
    "png": "images.Png",
    "tiff": "images.Tiff",
    "webp": "images.WebP",
    "gif": "images.Gif",
    "bmp": "images.Bmp",
    "jpeg2000": "images.Jpeg2000",
    "avif": "images.Avif",
    "heic": "images.Heic",
    "film": "films.Films",
    "profile": "settings.Profile",
    "card": "settings.ModelCard",
    "key": "settings.Key",
    "weights": "model_files.Weights",
    "onnx": "model_files.OnnxModel",
    "head": "model_files.Head",
    "bank": "model_files.Bank",
    "request": "messages.Requests",
    "published": "messages.Published",
    "reply": "messages.Replies",
    "evidence": "messages.EvidenceImages",
    "journal": "records.Journal",
    "encoder": "records.Encoder",
    "yolo": "labels.Yolo",
    "coco": "labels.Coco",
    "points": "records.Points",
    "accounts": "accounts.AccountFiles",
    "station": "station.Station",
    "modbus": "bridge.Modbus",
    "opcua": "bridge.OpcUa",
}
"""Class by the parser's name."""


def opened(name: str) -> Parser:
    """The parser of that name, not yet entered; or of a class given by its whole path."""
    path = f"{_ROOM}{PARSERS[name]}" if name in PARSERS else name
    module, _, kind = path.rpartition(".")
    made: Parser = getattr(import_module(module), kind)()
    return made
