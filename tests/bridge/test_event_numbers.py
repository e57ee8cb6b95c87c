"""Numbers of events over restarts of the bridge, clocks set back and unusable files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.bridge.event_numbers import EPOCH_S, MAX, EventNumbers

NOW_S = EPOCH_S + 50_000_000.0


@given(
    starts=st.lists(
        st.tuples(st.floats(0, EPOCH_S + 4e8), st.integers(0, 3000)), min_size=2, max_size=5
    )
)
def test_numbers_grow_over_restarts_whatever_the_clock_says(
    starts: list[tuple[float, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, before = tmp_path_factory.mktemp("state") / "bridge" / "b.seq", -1
    for clock_s, events in starts:
        numbers = EventNumbers(path, lambda clock_s=clock_s: clock_s)
        assert numbers.first > before
        before = numbers.first
        for _ in range(events):
            before += 1
            numbers.reserve(before)


def test_they_follow_the_clock_while_it_runs_on(tmp_path: Path) -> None:
    for clock_s in (NOW_S, NOW_S + 3600):
        numbers = EventNumbers(tmp_path / "b.seq", lambda clock_s=clock_s: clock_s)
        assert numbers.first == round((clock_s - EPOCH_S) * 10)


def test_after_the_highest_number_they_start_again(tmp_path: Path) -> None:
    numbers = EventNumbers(tmp_path / "b.seq", lambda: 0.0)
    numbers.reserve(MAX)
    numbers.reserve(1)
    assert EventNumbers(tmp_path / "b.seq", lambda: 0.0).first == 1001


def test_two_bridges_with_one_file_keep_the_higher_number(tmp_path: Path) -> None:
    path = tmp_path / "b.seq"
    one, other = (EventNumbers(path, lambda: 0.0) for _ in range(2))
    one.reserve(9000)
    other.reserve(1900)
    assert EventNumbers(path, lambda: 0.0).first == 10_000


def test_a_state_folder_of_another_user_is_named_and_the_bridge_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)  # root, who runs some tests, may read everything
    monkeypatch.setattr(Path, "read_text", refuse)
    assert EventNumbers(tmp_path / "b.seq", lambda: NOW_S).first == 500_000_000
    (record,) = caplog.records
    assert "can't read it: Permission denied" in record.message


@pytest.mark.parametrize("content", [b"", b"12\xff", b"many", b"-5", b"99999999999999"])
def test_a_file_that_holds_no_number_is_named_and_replaced(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "b.seq"
    path.write_bytes(content)
    assert EventNumbers(path, lambda: NOW_S).first == 500_000_000
    (record,) = caplog.records
    assert f"{path}: its content is no event number" in record.message
    assert EventNumbers(path, lambda: 0.0).first == 500_001_000


def test_a_folder_that_cannot_be_written_is_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    numbers = EventNumbers(tmp_path / "file" / "b.seq", lambda: NOW_S)
    for n in range(3000):
        numbers.reserve(numbers.first + n)
    (record,) = caplog.records
    assert "set STATE_DIRECTORY" in record.message
