"""Deliveries to consumers and their expiry; no sockets, no clock."""

from __future__ import annotations

from detector.delivery.alert_log import AlertLog, HeldAlert
from detector.delivery.consumers import CONSUMERS_MAX, FORGOTTEN_NS, Consumers

ALICE = (b"alice",)
SECOND = 1_000_000_000


def log_of(alerts: int, expires_ns: int = SECOND) -> AlertLog:
    log = AlertLog()
    log.begin_boot("b1")
    for seq in range(1, alerts + 1):
        log.add(HeldAlert("b1", seq, ("b1", f"a{seq}"), b"{}", True, expires_ns))
    return log


def test_a_consumer_that_repeats_an_old_position_gets_its_current_one() -> None:
    """Its alerts expire and are counted once, not again with each of its messages."""
    consumers = Consumers(log_of(alerts=5))
    consumers.register("mes", ("b1", 2), ALICE, now_ns=0)
    assert consumers.expire(2 * SECOND) == {"mes": 3}
    for second in range(3, 6):
        consumer, moved = consumers.register("mes", ("b1", 2), ALICE, second * SECOND)
        assert (consumer.boot_id, consumer.alert_seq) == ("b1", 5)
        assert not moved
        assert consumers.expire(second * SECOND) == {}
    assert consumer.expired == 3


def test_a_consumer_that_goes_back_gets_the_later_alerts_again() -> None:
    consumers = Consumers(log_of(alerts=5, expires_ns=60 * SECOND))
    consumers.register("mes", ("b1", 4), ALICE, 0)
    consumers.register("mes", ("b1", 2), ALICE, 1)
    assert [alert.alert_seq for _, alert, _ in consumers.due(2)] == [3, 4, 5]
    consumers.register("mes", ("b1", 5), ALICE, 3)
    assert list(consumers.due(20 * SECOND)) == []


def test_of_many_former_consumers_the_last_active_ones_are_restored() -> None:
    """A journal names all former consumers; they must not displace an active one."""
    consumers = Consumers(log_of(alerts=5))
    for number in range(CONSUMERS_MAX + 3):
        consumers.remember(f"tried-{number}", "b1", 1)
    consumers.remember("mes", "b1", 3)
    consumer, is_new = consumers.register("mes", None, ALICE, FORGOTTEN_NS)
    assert (consumer.boot_id, consumer.alert_seq, is_new) == ("b1", 3, False)
    assert len(consumers.states(0)) == CONSUMERS_MAX
