from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from benchmarks.soak.evaluation import figures, verdict
from benchmarks.soak.footage import write_profile
from benchmarks.soak.passages import Film, evaluate
from benchmarks.soak.readings import READING, ReadingsFile, read_readings
from benchmarks.soak.report import show
from detector.bridge.register_words import HazardWord, VisionWord
from detector.wire import samples

S = 1_000_000_000
BLIND_S = 60.2, 66.0
"""When the PLC reads unseen; the camera hangs from 60 to 65 s."""


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was killed after 100 s, in the middle of a line."""
    folder = tmp_path_factory.mktemp("soak")
    write_profile(folder / "line.toml", "rtsp://127.0.0.1/belt")
    about = {"machine": {"processor": "p", "cores": 2}, "seed": 1, "start_ns": 0}
    _write(folder / "run.jsonl", about)
    hung = {"kind": "camera hangs", "from_ns": 60 * S, "until_ns": 65 * S}
    _write(folder / "faults.jsonl", hung, end='{"kind": "camera goes d')
    alert = json.loads(samples.ALERT.model_dump_json())
    alerts = [{**alert, "revision": number} for number in (1, 2)]
    _write(folder / "journalled.jsonl", *alerts)
    noted = {"id": [alert["boot_id"], alert["event_id"], 1], "how": "published"}
    _write(folder / "notes.jsonl", noted)
    _write(folder / "latencies.jsonl", *({"t_s": t_s, "ms": [20.0] * 600} for t_s in (30, 90)))
    t_s = np.arange(0, 100, 0.02)
    readings = np.zeros(len(t_s), READING)
    readings["asked_ns"] = readings["t_ns"] = (t_s * S).astype(np.int64)
    seen = (t_s < BLIND_S[0]) | (t_s >= BLIND_S[1])
    readings["state"] = np.where(seen, VisionWord.READY, VisionWord.UNAVAILABLE)
    readings["gas"] = np.where(seen, HazardWord.CLEAR, HazardWord.UNKNOWN)
    (folder / "readings.bin").write_bytes(readings.tobytes() + b"torn")
    return folder


def _write(path: Path, *records: dict[str, Any], end: str = "") -> None:
    path.write_text("".join(f"{json.dumps(each)}\n" for each in records) + end)


def test_a_run_that_was_cut_off_is_reported(cut_off: Path) -> None:
    found = figures(cut_off)
    assert not found["whole"]
    assert found["hours"] == pytest.approx(100 / 3600, abs=0.001)
    assert found["faults"] == {"camera hangs": 1}
    assert found["blind"]["camera hangs"]["seen"] == 0
    assert found["blind"]["camera hangs"]["to_sight_s"]["max"] == 1.0
    assert found["latency"]["p99_last_to_first"] == 1.0


def test_a_revision_that_the_consumer_never_noted_is_lost(cut_off: Path) -> None:
    found = figures(cut_off)
    assert [each.rpartition("/")[2] for each in found["alerts"]["lost"]] == ["2"]
    assert verdict(found) == {"alerts_lost": 1, "wrong_clear": 0, "leak_mib_per_h": None}


def test_the_report_says_that_it_was_cut_off_and_that_a_leak_is_unknown(cut_off: Path) -> None:
    found = figures(cut_off)
    text = io.StringIO()
    show({**found, "verdict": verdict(found)}, Console(file=text, width=110))
    assert "CUT OFF" in text.getvalue()
    assert "unknown" in text.getvalue()


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no run of `vigitri bench soak`"):
        figures(tmp_path)


def test_readings_are_read_as_they_were_written(tmp_path: Path) -> None:
    values = dict.fromkeys((name for name in READING.names or ()), 7)
    with ReadingsFile(tmp_path / "readings.bin") as readings:
        readings.add(1, 2, values)
    (reading,) = read_readings(tmp_path / "readings.bin")
    assert reading.item() == (1, 2, 7, 7, 7, 7, 7, 7, 7, 7)


def test_a_hazard_is_found_by_an_alert_where_it_is_and_missed_without_one(cut_off: Path) -> None:
    film = Film(cut_off / "line.toml")
    run = 0, 10 * film.period_ns
    spans = film.spans(*run)
    alerts = [_alert_on(film, key, span) for key, span in spans.items()]
    found = evaluate(film, alerts, [], run)
    assert found["undisturbed_found"] == found["undisturbed"] == len(spans) > 100
    assert found["alerts_on_no_hazard"] == 0
    assert found["under_a_second_id"] == []
    missed = evaluate(film, alerts[1:], [], run)
    assert missed["sure_missed"] == [next(iter(spans))]
    blind = evaluate(film, alerts[1:], [next(iter(spans.values()))], run)
    assert blind["sure_missed"] == []
    assert blind["disturbed"] >= 1


def _alert_on(film: Film, key: tuple[int, int], span: tuple[int, int]) -> dict[str, Any]:
    """Raised in the middle of the hazard's passage."""
    passage = film.passages[key[1]]
    frames = sorted(passage.boxes_mm)
    frame = frames[len(frames) // 2]
    x_mm, y_mm = passage.centres_mm[frame]
    t_ns = key[0] * film.period_ns + round(frame / 30 * S)
    hazard = {"gas_canister": "gas", "battery": "battery"}[passage.class_name]
    assert span[0] <= t_ns <= span[1]
    return {
        "kind": "raised",
        "hazard": hazard,
        "boot_id": "b",
        "event_id": f"{key}",
        "t_capture_mono_ns": t_ns,
        "t_capture_utc_ns": 5 * S,
        "place": {"x_mm": x_mm, "y_mm": y_mm, "t_utc_ns": 5 * S},
    }
