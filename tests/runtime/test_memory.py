from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.runtime.memory import settle_memory


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_is_alive_is_not_collected_again_and_what_is_made_later_is() -> None:
    gc.unfreeze()
    loaded = [[] for _ in range(100)]  # type: ignore[var-annotated]
    settle_memory()
    assert gc.get_freeze_count() > len(loaded)
    tracked = {id(each) for each in gc.get_objects()}
    assert not tracked & {id(each) for each in loaded}
    later: list[object] = [[]]
    assert id(later) in {id(each) for each in gc.get_objects()}


def test_memory_that_was_released_goes_back_to_the_system() -> None:
    def resident_kib() -> int:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line)

    # Blocks too small to be mapped by themselves, and one behind them that stays.
    blocks = [bytearray(100_000) for _ in range(1000)]
    last = bytearray(100_000)
    before = resident_kib()
    blocks.clear()
    settle_memory()
    assert resident_kib() < before - 50_000
    assert len(last) == 100_000
