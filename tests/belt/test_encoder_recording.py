from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.belt.encoder_recording import (
    EncoderFileError,
    EncoderTrack,
    RecordedBelt,
    read_encoder,
)

SECOND_NS = 1_000_000_000


def recorded_belt() -> RecordedBelt:
    """1000 counts per second for 20 s."""
    t_ns = np.arange(201, dtype=np.int64) * SECOND_NS // 10
    return RecordedBelt(EncoderTrack(t_ns, t_ns / 1e6, np.ones(201)), fps=30.0)


def test_the_recording_starts_where_a_frames_own_position_places_it() -> None:
    """The line may see the film only from its 40th frame, 2 s after its start at a varying rate."""
    belt = recorded_belt()
    belt.anchor(40, 500 * SECOND_NS, 2 * SECOND_NS)
    assert belt.counts_at(500 * SECOND_NS) == pytest.approx(2000)
    assert belt.counts_at(503 * SECOND_NS) == pytest.approx(5000)


def test_a_frame_without_a_position_is_placed_by_its_number() -> None:
    belt = recorded_belt()
    belt.anchor(60, 500 * SECOND_NS, None)
    assert belt.counts_at(500 * SECOND_NS) == pytest.approx(2000)


@pytest.mark.parametrize(
    "line",
    [
        '{"t_mono_ns": Infinity, "counts": 1}',
        '{"t_mono_ns": 9223372036854775808, "counts": 1}',
        '{"t_mono_ns": -9223372036854775807, "counts": 1}',  # the time between two overflows
        '{"t_mono_ns": 1, "counts": 1e999}',
        "[" * 3000,
        "3",
    ],
)
def test_a_line_that_is_no_reading_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "encoder.jsonl"
    path.write_text(f'{{"t_mono_ns": 0, "counts": 0}}\n{line}\n', encoding="utf-8")
    with pytest.raises(EncoderFileError, match=r"encoder.jsonl:2: not a reading"):
        read_encoder(path, 65536)
