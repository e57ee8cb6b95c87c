from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.soak.faults import CAMERA, DISK, OTHERS, RESTARTS, schedule


@given(st.integers(0, 1000), st.floats(0.2, 4))
def test_a_schedule_is_in_order_and_begins_with_the_restarts(seed: int, hours: float) -> None:
    planned = schedule(hours * 3600, random.Random(seed), with_disk=True)
    at_s = [each for each, _ in planned]
    assert at_s == sorted(at_s)
    assert at_s[-1] < hours * 3600
    restarts = {kind: [s for s, each in planned if each == kind] for kind in RESTARTS}
    assert all(len(each) >= 1 for each in restarts.values())
    assert max(s for each in restarts.values() for s in each) < hours * 3600 / 4


def test_every_kind_comes_in_an_hour_and_a_camera_fails_most_often() -> None:
    kinds = [kind for _, kind in schedule(3600, random.Random(1), with_disk=True)]
    assert {*CAMERA, *OTHERS, *RESTARTS, DISK} == set(kinds)
    assert sum(kind in CAMERA for kind in kinds) > len(kinds) / 2 - 5


def test_a_disk_that_is_not_there_is_never_full() -> None:
    assert DISK not in {kind for _, kind in schedule(3600, random.Random(1), with_disk=False)}
