from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.speed_fit import ImageTrack, fit_speed, refuse_reverse_travel
from detector.belt.encoder_recording import EncoderFileError, read_encoder


def followed(speed_mm_s: float, seconds: float = 20.0, *, lost: slice | None = None) -> ImageTrack:
    t_s = np.arange(0, seconds, 0.05)
    speeds = np.full(len(t_s), float(speed_mm_s))
    if lost is not None:
        speeds[lost] = np.nan
    return ImageTrack((t_s * 1e9).astype(np.int64), t_s * speed_mm_s, speeds)


def write(path: Path, counts: list[int]) -> Path:
    lines = [json.dumps({"t_mono_ns": n * 10_000_000, "counts": c}) for n, c in enumerate(counts)]
    path.write_text("\n".join(lines))
    return path


@given(st.floats(100, 3000), st.sampled_from([-40.0, 0.5, 4.0, 100.0]), st.floats(0.98, 1.02))
def test_the_scale_between_image_and_encoder_is_fitted(
    speed_mm_s: float, per_mm: float, off: float
) -> None:
    seen = followed(speed_mm_s)
    counts = seen.travel_mm * per_mm * off
    free = fit_speed(seen, counts, None)
    assert free.counts_per_mm == pytest.approx(per_mm * off)
    assert all(each.verdict == "good" for each in free.quality()[1:])
    held = fit_speed(seen, counts, per_mm)
    assert np.median(held.residuals) == pytest.approx(1 / off - 1)
    worst = {each.what: each.verdict for each in held.quality()}["scale error (median)"]
    assert (worst == "good") is (abs(1 / off - 1) <= 0.005)


def test_the_held_back_error_is_measured_with_the_fitted_scale_not_the_profiles() -> None:
    seen = followed(400)
    fit = fit_speed(seen, seen.travel_mm * 4.03, 4.0)
    assert np.abs(fit.residuals) == pytest.approx(0.0075, rel=0.01)
    assert np.abs(fit.held_back).max() < 1e-6
    assert len(fit.held_back) < len(fit.residuals)


def test_a_belt_that_runs_against_its_travel_is_refused() -> None:
    with pytest.raises(ValueError, match=r"runs at 400 mm/s against belt\.travel: correct"):
        refuse_reverse_travel(followed(-400))
    refuse_reverse_travel(followed(400))
    refuse_reverse_travel(followed(0))


def test_the_encoder_is_unknown_in_a_gap_of_the_recording(tmp_path: Path) -> None:
    readings = [n for n in range(400) if not 150 <= n < 300]  # 1.5 s are missing
    lines = [json.dumps({"t_mono_ns": n * 10_000_000, "counts": n}) for n in readings]
    path = tmp_path / "encoder.jsonl"
    path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")  # as PowerShell writes it
    track = read_encoder(path, 2**32)
    counts = track.counts_at(np.array([1_000_000_000, 2_000_000_000, 3_500_000_000]))
    assert counts[[0, 2]].tolist() == [100, 350]
    assert np.isnan(counts[1])


def test_an_image_that_is_often_lost_is_poor_however_well_it_agrees() -> None:
    seen = followed(400, lost=slice(100, 200))
    fit = fit_speed(seen, seen.travel_mm * 4, 4.0)
    verdicts = {each.what: each.verdict for each in fit.quality()}
    assert fit.known == pytest.approx(0.75, abs=0.01)
    assert verdicts["image gives a speed"] == "poor"
    assert verdicts["image against encoder, 1 s (p95)"] == "good"


@pytest.mark.parametrize("speed_mm_s", [0.0, 20.0])
def test_a_stopped_belt_cannot_be_measured(speed_mm_s: float) -> None:
    seen = followed(speed_mm_s)
    with pytest.raises(ValueError, match="hardly moves"):
        fit_speed(seen, seen.travel_mm * 4, 4.0)


@given(st.integers(8, 32), st.integers(0, 2**32 - 1), st.integers(-9, 9))
def test_a_recorded_counter_of_any_width_is_unwrapped(
    tmp_path_factory: pytest.TempPathFactory, bits: int, start: int, step: int
) -> None:
    wraps_at = 2**bits
    counts = [(start + n * step) % wraps_at for n in range(200)]
    path = write(tmp_path_factory.mktemp("encoder") / "encoder.jsonl", counts)
    assert (np.diff(read_encoder(path, wraps_at).counts) == step).all()


def test_a_counter_that_wraps_unexpectedly_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", [(65_000 + 10 * n) % 65_536 for n in range(100)])
    with pytest.raises(EncoderFileError, match=r"write belt.encoder_wraps_at = 65536"):
        read_encoder(path, 2**32)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "0 readings"),
        ("{", "not a reading"),
        ('{"t_mono_ns": 0}', "counts"),
        ('{"t_mono_ns": 0, "counts": -1}', "encoder_wraps_at"),
        ('{"t_mono_ns": 5, "counts": 1}\n{"t_mono_ns": 5, "counts": 2}', "not later"),
    ],
)
def test_an_unusable_recording_is_one_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "encoder.jsonl"
    path.write_text(text)
    with pytest.raises(EncoderFileError, match=reason) as refused:
        read_encoder(path, 65_536)
    assert "\n" not in str(refused.value)
