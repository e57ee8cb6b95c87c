from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.belt.plausibility import Finding
from detector.ingest import CameraState
from detector.runtime.vision_state import LATE_HOLD_NS, START_NS, Sight
from detector.wire.messages import VisionState

MS = 1_000_000
SLIPS = Finding("slips", "the encoder says 400 mm/s, the picture 300")


class Watched:
    """A line's sight, and what people were told of it."""

    def __init__(self) -> None:
        self.now_ns, self.told = 0, list[str]()
        self.sight = Sight(0, self.told.append)

    def looks(
        self, after_ms: float, late_ms: float = 0, unseen_mm: float = 0, belt: Finding | None = None
    ) -> bool:
        """A look is over `after_ms` after the last word, `late_ms` after its picture; 300 ms are in
        time."""
        self.now_ns += round(after_ms * MS)
        return self.sight.looked(
            self.now_ns,
            late_ns=round(late_ms * MS),
            most_ns=300 * MS,
            unseen_mm=unseen_mm,
            belt=belt or Finding(),
        )


@pytest.fixture
def line() -> Watched:
    return Watched()


def test_before_the_first_look_nobody_sees(line: Watched) -> None:
    assert (line.sight.vision, line.sight.sees) == (VisionState.STARTING, False)
    assert line.sight.reason == "no frame yet"


def test_each_change_is_news_once(line: Watched) -> None:
    assert [line.looks(100), line.looks(100), line.looks(100, late_ms=301)] == [True, False, True]
    assert [line.sight.lost("no frame", starting=False) for _ in range(2)] == [True, False]
    assert [line.looks(2000), line.looks(100)] == [True, False]
    assert [each.partition(":")[0] for each in line.told] == [
        "watching",
        "the look was over 301 ms after the picture, later than 300 ms",
        "unavailable",
        "watching",
    ]


def test_another_reason_to_be_blind_is_told_to_programs_and_not_to_people_again(
    line: Watched,
) -> None:
    assert line.sight.lost("frozen", starting=False)
    assert line.sight.lost("no frame", starting=False)
    assert (line.sight.reason, line.told) == ("no frame", ["unavailable: frozen"])


def test_a_camera_may_take_its_time_to_start_and_no_longer(line: Watched) -> None:
    assert line.sight.starts(START_NS - 1, CameraState.STARTING)
    assert not line.sight.starts(START_NS, CameraState.STARTING)
    assert not line.sight.starts(0, CameraState.STALLED)


def test_a_doubtful_belt_is_degraded_sight_once_the_line_has_started(line: Watched) -> None:
    line.looks(100, belt=SLIPS)
    assert (line.sight.vision, line.sight.reason) == (VisionState.READY, None)
    line.looks(START_NS / MS, belt=SLIPS)
    assert (line.sight.vision, line.sight.late) == (VisionState.DEGRADED, False)
    assert line.sight.reason == SLIPS.reason


def test_all_reasons_are_given_together(line: Watched) -> None:
    line.looks(START_NS / MS + 1, unseen_mm=80, belt=SLIPS)
    assert line.sight.reason is not None
    assert line.sight.reason.startswith(f"{SLIPS.reason}; the belt runs faster than it is looked")
    assert "by 80 mm" in line.sight.reason


def test_while_sight_stays_degraded_the_reason_is_the_look_that_was_late(line: Watched) -> None:
    line.looks(START_NS / MS + 1, late_ms=400)
    line.looks(100, late_ms=20, belt=SLIPS)
    assert line.sight.reason is not None
    assert line.sight.reason.startswith(f"{SLIPS.reason}; the look was over 400 ms after")


LOOKS = st.tuples(st.floats(1, 1500), st.sampled_from([0.0, 300.0, 301.0]), st.sampled_from([0, 5]))


@given(st.lists(LOOKS | st.booleans(), max_size=40))
def test_sight_is_ready_if_and_only_if_the_last_word_was_a_look_and_none_was_late_for_a_second(
    words: list[tuple[float, float, float] | bool],
) -> None:
    line, late_ns = Watched(), -LATE_HOLD_NS - 1
    for word in words:
        if isinstance(word, bool):
            line.sight.lost("no frame", starting=word)
            assert not line.sight.sees
            continue
        after_ms, late_ms, unseen_mm = word
        line.looks(after_ms, late_ms, unseen_mm)
        if late_ms > 300 or unseen_mm:
            late_ns = line.now_ns
        in_time = line.now_ns - late_ns > LATE_HOLD_NS
        assert line.sight.vision is (VisionState.READY if in_time else VisionState.DEGRADED)
        assert line.sight.late is not in_time
    line.sight.ends("stopped")
    assert (line.sight.sees, line.sight.reason) == (False, "stopped")
