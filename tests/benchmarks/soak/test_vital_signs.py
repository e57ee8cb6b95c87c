from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.soak.vital_signs import VitalSigns, growth, slope_per_h


def hours(mib: Callable[[float], float], *, pid: int = 1, from_h: float = 0.0) -> list[VitalSigns]:
    """Two hours of a process."""
    times_s = np.arange(0, 7200, 60)
    return [
        VitalSigns(from_h * 3600 + t_s, "bridge", pid, mib(t_s / 3600), 0.0, 9, 3, t_s / 10)
        for t_s in times_s
    ]


def test_a_leak_is_found_beneath_noise_and_a_step() -> None:
    noise = np.random.default_rng(1).normal(0, 0.2, 121)
    grown = hours(lambda h: 100 + 3 * h + 5 * (h > 1.3) * (h < 1.35) + noise[round(h * 60)])
    assert growth(grown, 7200)["bridge"]["rss_mib_per_h"] == pytest.approx(3, abs=0.3)


def test_what_fills_during_warm_up_is_no_leak() -> None:
    filled = hours(lambda h: 100 + 20 * min(h, 0.5))
    figures = growth(filled, 7200)["bridge"]
    assert figures["rss_mib_per_h"] == 0
    assert figures["rss_mib_most"] == 110
    assert figures["cpu_share"] == 0.1


def test_a_restart_with_less_memory_hides_no_leak() -> None:
    first = hours(lambda h: 100 + 2 * h)
    second = hours(lambda h: 60 + 2 * h, pid=2, from_h=2.0)
    figures = growth([*first, *second], 4 * 3600)["bridge"]
    assert figures["starts"] == 2
    assert figures["rss_mib_per_h"] == pytest.approx(2, abs=0.01)


def test_a_start_that_was_too_short_has_no_slope() -> None:
    assert slope_per_h([[(0.0, 1.0)], [(0.0, 1.0), (60.0, 2.0)]]) is None


def test_a_process_has_signs_and_an_ended_one_has_none() -> None:
    here = VitalSigns.of("tests", os.getpid())
    assert here is not None
    assert here.rss_mib > here.anon_mib > 1
    assert here.handles > 2
    assert VitalSigns.of("nothing", 2**22 + 1) is None  # above the greatest process id
