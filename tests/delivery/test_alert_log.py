from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detector.delivery.alert_log import AlertLog, HeldAlert


def alert(boot_id: str, seq: int, *, is_open: bool = False) -> HeldAlert:
    return HeldAlert(boot_id, seq, (boot_id, f"a{seq}"), b"{}", is_open, 0)


def positions_after(
    log: AlertLog, boot_id: str | None, seq: int, limit: int = 100
) -> list[tuple[str, int]]:
    return [(each.boot_id, each.alert_seq) for each in log.after(boot_id, seq, limit)[0]]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=4), st.data())
def test_after_returns_all_alerts_published_after_a_position(
    counts: list[int], data: st.DataObject
) -> None:
    log, everything = AlertLog(), []
    for boot, count in enumerate(counts):
        log.begin_boot(f"b{boot}")
        for seq in range(1, count + 1):
            log.add(alert(f"b{boot}", seq))
            everything.append((f"b{boot}", seq))
    boot = data.draw(st.integers(0, len(counts) - 1))
    seq = data.draw(st.integers(0, counts[boot]))
    expected = [each for each in everything if (int(each[0][1:]), each[1]) > (boot, seq)]
    assert positions_after(log, f"b{boot}", seq) == expected
    assert log.after(f"b{boot}", seq, 100)[1], "the result must be complete"
    assert positions_after(log, None, 0) == everything
    assert log.after(f"b{boot}", seq, 2)[2] == (len(expected) > 2)


def test_an_unknown_boot_id_gets_all_alerts_marked_incomplete() -> None:
    log = AlertLog()
    log.add(alert("b", 1))
    found, complete, _ = log.after("unknown", 7, 10)
    assert (len(found), complete) == (1, False)


def test_dropped_alerts_make_the_result_incomplete() -> None:
    log = AlertLog(held_max=10)
    for seq in range(1, 100):
        log.add(alert("b", seq))
    found, complete, _ = log.after("b", 3, 100)
    assert found[-1].alert_seq == 99
    assert len(found) <= 20
    assert not complete


def test_open_alerts_are_kept_regardless_of_age() -> None:
    log = AlertLog(held_max=3)
    log.add(alert("b", 1, is_open=True))
    for seq in range(2, 30):
        log.add(alert("b", seq))
    assert [each.alert_seq for each in log.open.values()] == [1]
