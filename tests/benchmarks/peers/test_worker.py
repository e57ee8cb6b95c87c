from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.peers import own_pipeline, worker
from benchmarks.peers.bench import LINE, peers_view
from benchmarks.peers.contenders import contenders
from benchmarks.peers.network import NetworkError, write_network
from detector.profile.line import DEPLOYED_MODEL
from detector.profile.loading import load_profile
from detector.vision.catalogue import find_model
from detector.vision.engine import OnnxEngine
from tests.benchmarks.small_footage import write_footage
from tests.small_line import passing, write_model

SIZE_PX = (96, 128)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("peers")
    return {
        "engine": "onnxruntime",
        "tracker": None,
        "network": str(write_network(find_model(DEPLOYED_MODEL), SIZE_PX, folder)),
        "clip": str(write_footage(folder, 4)),
        "frames": 4,
        "warm_up": 1,
        "area_px": [0, 0, 320, 240],
        "size_px": list(SIZE_PX),
        "fps": 5.0,
        "threads": 1,
        "min_score": 0.02,
        "spawned_ns": time.monotonic_ns(),
    }


def test_the_bare_networks_measure_each_frame_and_find_the_same(task: dict[str, Any]) -> None:
    measured = {
        peer: worker.measure({**task, "peer": peer}) for peer in ("onnxruntime", "opencv-dnn")
    }
    for peer, each in measured.items():
        assert len(each["frame_ms"]) == 3, peer  # of four frames, without the warm-up
        assert all(ms > 0 for ms in each["frame_ms"])
        assert each["cpu_s"] > 0
        assert each["memory_mib"] > 10
        assert 0 < each["start_s"] < 600
        assert each["versions"]
        json.dumps(each)
    found = {peer: np.array(each["rows"]) for peer, each in measured.items()}
    assert found["opencv-dnn"] == pytest.approx(found["onnxruntime"], abs=0.1)


def test_a_peer_s_network_is_the_deployed_one(task: dict[str, Any]) -> None:
    image = np.zeros((*SIZE_PX, 3), np.uint8)
    image[:] = passing(4)[3][: SIZE_PX[0], : SIZE_PX[1]]
    ours = OnnxEngine(find_model(DEPLOYED_MODEL), threads=1).detect(image, 0.02)
    rows = worker.PEERS["onnxruntime"](task)(image)
    scores = np.array([row[2] for row in rows])
    assert scores == pytest.approx(ours.scores, abs=1e-3)
    assert np.array([row[3:] for row in rows]).reshape(-1, 4) == pytest.approx(
        ours.boxes_px, abs=0.05
    )


def test_a_model_that_peers_cannot_run_is_refused_in_one_line(tmp_path: Path) -> None:
    own = find_model(f"{write_model(tmp_path / 'white-and-red')}/.")
    with pytest.raises(NetworkError, match=r"white-and-red: .* Choose another"):
        write_network(own, SIZE_PX, tmp_path)


def test_peers_see_the_belt_at_the_line_s_scale() -> None:
    area_px, (height, width) = peers_view(
        load_profile(LINE), (1280, 720), find_model(DEPLOYED_MODEL)
    )
    assert area_px == [0, 38, 1279, 681]
    assert (height, width) == (416, 800)  # 600 x 1198 mm at 1.5 mm per px, in whole cells


def test_vigitri_s_own_pipeline_is_measured_on_the_same_frames(
    task: dict[str, Any], tmp_path: Path
) -> None:
    model = write_model(tmp_path / "white-and-red")
    line = tmp_path / "line.toml"
    line.write_text(
        f"""
line = "small"
camera.source = "{task["clip"]}"
model = {{ name = "{model}/.", engine = "onnxruntime", threads = 1 }}
[belt]
polygon_px = [[0, 0], [319, 0], [319, 239], [0, 239]]
travel = "right"
px_per_mm = 0.5
speed_mm_s = 160
"""
    )
    measured = own_pipeline.measure({**task, "line": str(line)})
    assert len(measured["frame_ms"]) == 3
    assert set(measured["pass_ms"]) <= set(measured["frame_ms"])
    assert measured["cpu_s"] > 0
    json.dumps(measured)


def test_each_contender_says_what_it_lacks() -> None:
    for each in contenders():
        assert bool(each.lacks) is not each.is_own
        assert each.is_own or each.peer in worker.PEERS
