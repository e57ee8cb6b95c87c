from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from benchmarks.speed.line_scan import LineScan
from benchmarks.speed.lines import _row, resolved_model, settings_of
from benchmarks.speed.uncompressed import uncompressed
from benchmarks.subscription import RunMessages
from detector.ingest import Recording, SourceError
from detector.wire.messages import VisionState
from detector.wire.samples import STATE
from tests.small_line import FPS, SIZE_PX, passing, write_video


def images(clip: Path) -> list[np.ndarray]:
    with Recording(str(clip)) as recording:
        assert recording.fps == FPS
        return [frame.image for frame in recording]


def test_an_uncompressed_clip_shows_the_same(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "belt.avi", passing(6))
    large = uncompressed(clip)
    assert large.stat().st_size > 6 * SIZE_PX[0] * SIZE_PX[1] * 3 / 2
    shown, as_sent = images(clip), images(large)
    assert len(as_sent) == 6
    for ours, theirs in zip(as_sent, shown, strict=True):
        assert np.abs(ours.astype(int) - theirs).mean() < 4  # MJPEG and 4:2:0 round differently
    made = large.stat().st_mtime_ns
    assert uncompressed(clip).stat().st_mtime_ns == made  # once


def test_a_missing_clip_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        uncompressed(tmp_path / "missing.mp4")


def test_a_line_of_the_bench_is_the_clip_s_profile_with_absolute_paths(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "belt.avi", passing(2))
    profile = tmp_path / "belt.line.toml"
    profile.write_text(
        'line = "lines"\n[camera]\nsource = "belt.avi"\n[view]\nmm_per_px = 1.0\n'
        '[overload]\nempty_belt = "empty.png"\n'
    )
    for compressed, source in ((True, clip), (False, tmp_path / "belt-uncompressed.avi")):
        line = tomllib.loads(settings_of(profile, 1.2, compressed=compressed))
        assert line["camera"]["source"] == str(source)
        assert line["view"]["mm_per_px"] == 1.2
        assert line["overload"]["empty_belt"] == str(tmp_path / "empty.png")


def test_a_profile_without_a_scale_is_refused(tmp_path: Path) -> None:
    profile = tmp_path / "belt.line.toml"
    profile.write_text('line = "lines"\n[camera]\nsource = "belt.avi"\n')
    with pytest.raises(ValueError, match="mm_per_px"):
        settings_of(profile, 1.2, compressed=True)


def test_a_model_given_by_its_path_is_found_from_any_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolved_model("vigitri-n7") == "vigitri-n7"
    assert Path(resolved_model("models/mine")) == tmp_path / "models" / "mine"
    assert "/" in resolved_model("./mine")


@pytest.mark.parametrize(
    ("slow_ms", "vision", "fits"),
    [
        (30.0, VisionState.READY, True),
        (80.0, VisionState.READY, False),
        (30.0, VisionState.DEGRADED, False),
    ],
)
def test_lines_fit_if_the_slowest_is_in_time_and_none_is_degraded(
    slow_ms: float, vision: VisionState, fits: bool
) -> None:
    second = 1_000_000_000
    states = [STATE.model_copy(update={"vision": each}) for each in (VisionState.DEGRADED, vision)]
    received = [RunMessages(states=states, states_ns=[second, 5 * second])] * 2
    scan = LineScan("127.0.0.1", 1, 2)
    for unit, usual_ms in zip(scan.units, (20.0, slow_ms), strict=True):
        unit.captured_ns = [n * second / 10 for n in range(80)]  # the engine's warm-up, 3 s
        unit.latencies_ms = [3000.0] * 25 + [usual_ms] * 55
    row = _row(received, scan, {})
    assert row["in_budget"] is fits
    assert (row["lines"], row["passes"], row["states"]) == (2, 100, 2)
    assert row["capture_to_register_ms"]["p99"] == slow_ms
    assert not _row(received, LineScan("127.0.0.1", 1, 2), {})["in_budget"]
