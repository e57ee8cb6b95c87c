"""TOML files: profiles of lines, cards of models, CURVE keys."""

from __future__ import annotations

from pathlib import Path
from random import Random

import zmq

from benchmarks.fuzz.changes.of_toml import changed_toml
from benchmarks.fuzz.parser import FileParser, UnsoundError
from detector.profile.loading import ProfileError, load_profile
from detector.vision.catalogue import ModelError, read_card
from detector.wire.keys import KeyFileError, is_key, read_key_pair

LEAST_PROFILE = """line = "a"
[camera]
source = "rtsp://camera/x"
[belt]
polygon_px = [[320, 39.4], [960, 42.2], [960, 679.6], [320, 676.8]]
travel = "right"
"""
_SECTIONS = (
    """speed_mm_s = 400
px_per_mm = 1.07
encoder_counts_per_mm = 2.5
encoder_wraps_at = 65536
[[action_points]]
name = "picker 1"
y_mm = 2500
""",
    """px_per_mm = 1.07
[hazards.gas]
threshold = 0.4
[hazards.gas.kinds]
tin = "ignore"
[alarms]
pile_mm = 100
""",
    """px_per_mm = 1.07
[overload]
empty_belt = "empty.png"
marks_px = [[[1, 2], [30, 2], [30, 40], [1, 40]]]
raise_at = 0.8
[jam]
raise_at = 0.3
""",
    """px_per_mm = 1.07
[view]
mm_per_px = 1.5
tile_px = 640
[model]
name = "./mine"
thresholds = { battery = 0.5 }
[tracking]
hits = 3
""",
    """px_per_mm = 1.07
[wire]
publish = "tcp://127.0.0.1:5556"
requests = "tcp://127.0.0.1:5557"
detections = true
""",
)
"""Short, since most of a case's time is that of its lines."""
_CARD = f"""name = "a"
version = 1
head = "raw"
box_unit = "px"
scores = "probability"
[input]
name = "images"
layout = "nhwc_bgr_u8"
stride = 32
size = [0, 0]
mm_per_px = [0.6, 1.6]
photo_sizes_px = [416, 640]
[[classes]]
index = 0
name = "gas_canister"
hazard = "gas"
plausible_length_mm = [60.0, 1600.0]
threshold = 0.25
proposal_threshold = 0.07
calibration = {{ slope = 1.0, offset = 0.1 }}
[[classes]]
index = 1
name = "tin"
hazard = "none"
[files]
"model.onnx" = "{"0f" * 32}"
"v.onnx" = "{"0f" * 32}"
"v.npz" = "{"0f" * 32}"
[training]
date = 2026-11-30
data = ["a", "b"]
architecture = "x"
other = 5
[metrics.a.b]
recall = [0.1, 0.2, 0.3]
[verifier]
features = "v.onnx"
head = "v.npz"
input_px = 96
context = 1.5
batches = [1, 4, 8]
max_crops_per_pass = 8
kinds = [{{ name = "gas_bottle", hazard = "gas" }}, {{ name = "tin", hazard = "none" }}]
[verifier.fusion.gas]
verifier = 1.0
detector = 0.2
offset = -0.1
"""


class Profile(FileParser):
    """The profile of a line."""

    refusals = (ProfileError,)

    def valid(self) -> list[bytes]:
        return [f"{LEAST_PROFILE}{section}".encode() for section in _SECTIONS]

    def changed(self, rng: Random) -> bytes:
        return changed_toml(rng, self.seeds)

    def read(self, path: Path) -> None:
        load_profile(path)


class ModelCard(FileParser):
    """The card of a model with a verifier."""

    refusals = (ModelError,)

    def valid(self) -> list[bytes]:
        return [_CARD.encode()]

    def changed(self, rng: Random) -> bytes:
        return changed_toml(rng, self.seeds)

    def read(self, path: Path) -> None:
        read_card(path)


class Key(FileParser):
    """The file of a CURVE key pair."""

    refusals = (KeyFileError,)

    def valid(self) -> list[bytes]:
        public, secret = b"8ta}aa6RIK:Qtc@b0bJ!eD*2bq+Yiw9s#:q>-Aba", b"D" * 40
        public = zmq.curve_public(secret)
        return [b'name = "bridge"\npublic = "%s"\nsecret = "%s"' % (public, secret)]

    def changed(self, rng: Random) -> bytes:
        return changed_toml(rng, self.seeds)

    def read(self, path: Path) -> None:
        pair = read_key_pair(path)
        if not is_key(pair.public):
            raise UnsoundError(f"key {pair.public!r}")
