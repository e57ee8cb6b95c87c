"""Who has registered to be delivered alerts, how far each has come, and what it is owed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from detector.delivery.alert_log import AlertLog, HeldAlert
from detector.wire.messages import ConsumerState

CONSUMERS_MAX = 16
WINDOW = 32
"""Alerts under way to one consumer; the next go out as it confirms."""
FIRST_AGAIN_NS = 500_000_000
LONGEST_AGAIN_NS = 8_000_000_000
"""An alert that is not confirmed is sent again after half a second, then after twice as long."""
PRESENT_NS = 5_000_000_000
"""A consumer gives a sign of life every second; after this silence nothing is sent to it."""
FORGOTTEN_NS = 600_000_000_000
"""One that has been silent for so long makes room where the table is full."""


@dataclass(slots=True)
class Consumer:
    name: str
    boot_id: str
    alert_seq: int
    """All up to this position has been confirmed, or has expired."""
    said: tuple[str, int] | None = None
    """Up to where it has confirmed itself; said again, it brings nothing back that has expired."""
    sender: tuple[bytes, ...] = ()
    heard_ns: int | None = None
    expired: int = 0
    under_way: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    """By position: how often it was sent, and when it is sent again."""


class ConsumersFullError(ValueError):
    """No room for another consumer; one line."""


class Consumers:
    """All times are CLOCK_MONOTONIC, ns."""

    def __init__(self, log: AlertLog) -> None:
        self._log = log
        self._by_name: dict[str, Consumer] = {}

    def remember(self, name: str, boot_id: str, alert_seq: int) -> None:
        """A consumer of an earlier start of the detector; of too many those that moved last."""
        self._by_name.pop(name, None)
        self._by_name[name] = Consumer(name, boot_id, alert_seq)
        if len(self._by_name) > CONSUMERS_MAX:
            del self._by_name[next(iter(self._by_name))]

    def heard_of(
        self, name: str, after: tuple[str, int] | None, sender: tuple[bytes, ...], now_ns: int
    ) -> tuple[Consumer, bool]:
        """A consumer registers, confirms or gives a sign of life; and whether it has moved on.

        Raises ConsumersFullError.
        """
        consumer = self._by_name.get(name)
        moved = consumer is None
        if consumer is None:
            self._make_room(now_ns)
            consumer = self._by_name[name] = Consumer(name, *(after or self._log.last))
        elif after not in (None, consumer.said, (consumer.boot_id, consumer.alert_seq)):
            # Its own word counts, be it ahead of ours or behind.
            consumer.boot_id, consumer.alert_seq = after
            moved = True
        consumer.said = after or consumer.said
        if sender != consumer.sender:  # a new connection: what was under way to the old is not
            consumer.under_way.clear()
        consumer.sender, consumer.heard_ns = sender, now_ns
        return consumer, moved

    def due(self, now_ns: int) -> Iterator[tuple[Consumer, HeldAlert, int]]:
        """What is to be sent now, and the how manieth time; takes note that it is."""
        for consumer in self._by_name.values():
            if (consumer.boot_id, consumer.alert_seq) == self._log.last:
                continue
            present = self._is_present(consumer, now_ns)
            owed, _, _ = self._log.after(consumer.boot_id, consumer.alert_seq, WINDOW)
            under_way = {}
            for alert in owed:
                place = alert.boot_id, alert.alert_seq
                sent, again_ns = consumer.under_way.get(place, (0, 0))
                if present and now_ns >= again_ns:
                    sent += 1
                    wait_ns = min(FIRST_AGAIN_NS << min(sent - 1, 10), LONGEST_AGAIN_NS)
                    again_ns = now_ns + wait_ns
                    yield consumer, alert, sent
                under_way[place] = sent, again_ns
            consumer.under_way = under_way

    def expire(self, now_ns: int) -> dict[str, int]:
        """Give up what is past its deadline; how many alerts, by consumer."""
        given_up: dict[str, int] = {}
        for consumer in self._by_name.values():
            while (consumer.boot_id, consumer.alert_seq) != self._log.last:
                owed, _, _ = self._log.after(consumer.boot_id, consumer.alert_seq, 1)
                if not owed or owed[0].expires_mono_ns > now_ns:
                    break
                consumer.boot_id, consumer.alert_seq = owed[0].boot_id, owed[0].alert_seq
                consumer.expired += 1
                given_up[consumer.name] = given_up.get(consumer.name, 0) + 1
        return given_up

    def states(self, now_ns: int) -> tuple[ConsumerState, ...]:
        return tuple(
            ConsumerState(
                consumer=each.name,
                present=self._is_present(each, now_ns),
                waiting=len(self._log.after(each.boot_id, each.alert_seq, 10_000)[0]),
                expired=each.expired,
            )
            for each in self._by_name.values()
        )

    def _is_present(self, consumer: Consumer, now_ns: int) -> bool:
        return consumer.heard_ns is not None and now_ns - consumer.heard_ns < PRESENT_NS

    def _make_room(self, now_ns: int) -> None:
        if len(self._by_name) < CONSUMERS_MAX:
            return
        silent = [
            each
            for each in self._by_name.values()
            if each.heard_ns is None or now_ns - each.heard_ns > FORGOTTEN_NS
        ]
        if not silent:
            raise ConsumersFullError(f"there are {CONSUMERS_MAX} consumers already; end one")
        del self._by_name[min(silent, key=lambda each: each.heard_ns or 0).name]
