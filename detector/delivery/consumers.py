"""Registered consumers: their positions, and the alerts that are due to each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from detector.delivery.alert_log import AlertLog, HeldAlert
from detector.wire.messages import ConsumerState

CONSUMERS_MAX = 16
WINDOW = 32
"""Unconfirmed alerts in flight to one consumer; confirmations make room for the next."""
FIRST_RESEND_NS = 500_000_000
LONGEST_RESEND_NS = 8_000_000_000
"""An unconfirmed alert is resent after 0.5 s; each interval is twice the one before, up to 8 s."""
PRESENT_NS = 5_000_000_000
"""A consumer sends a message every second; after this silence nothing is sent to it."""
FORGOTTEN_NS = 600_000_000_000
"""A full table drops a consumer that has been silent for longer than this."""


@dataclass(slots=True)
class Consumer:
    name: str
    boot_id: str
    alert_seq: int
    """All alerts up to this position are confirmed or expired."""
    confirmed: tuple[str, int] | None = None
    """The last position that the consumer sent; repeating it does not bring back expired alerts."""
    sender: tuple[bytes, ...] = ()
    last_message_ns: int | None = None
    expired: int = 0
    in_flight: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    """By position: number of transmissions, and time of the next one."""


class ConsumersFullError(ValueError):
    """The consumer table is full; the message is one line."""


class Consumers:
    """The consumer table. All times are CLOCK_MONOTONIC, ns."""

    def __init__(self, log: AlertLog) -> None:
        self._log = log
        self._by_name: dict[str, Consumer] = {}

    def remember(self, name: str, boot_id: str, alert_seq: int) -> None:
        """Restore a consumer of an earlier start; a full table drops the first restored one.

        To be called in the order of the last confirmations.
        """
        self._by_name.pop(name, None)
        self._by_name[name] = Consumer(name, boot_id, alert_seq)
        if len(self._by_name) > CONSUMERS_MAX:
            del self._by_name[next(iter(self._by_name))]

    def register(
        self, name: str, after: tuple[str, int] | None, sender: tuple[bytes, ...], now_ns: int
    ) -> tuple[Consumer, bool]:
        """Handle a consumer's registration, confirmation or sign of life.

        Returns the consumer and whether its position has changed. Raises ConsumersFullError.
        """
        consumer = self._by_name.get(name)
        moved = consumer is None
        if consumer is None:
            self._make_room(now_ns)
            consumer = self._by_name[name] = Consumer(name, *(after or self._log.last))
        elif after not in (None, consumer.confirmed, (consumer.boot_id, consumer.alert_seq)):
            # The consumer's own position overrides ours, ahead or behind.
            consumer.boot_id, consumer.alert_seq = after
            moved = True
        consumer.confirmed = after or consumer.confirmed
        if sender != consumer.sender:  # a new connection: alerts in flight to the old one are lost
            consumer.in_flight.clear()
        consumer.sender, consumer.last_message_ns = sender, now_ns
        return consumer, moved

    def due(self, now_ns: int) -> Iterator[tuple[Consumer, HeldAlert, int]]:
        """Alerts to send now, each with its attempt number; records that they are sent."""
        for consumer in self._by_name.values():
            if (consumer.boot_id, consumer.alert_seq) == self._log.last:
                continue
            present = self._is_present(consumer, now_ns)
            owed, _, _ = self._log.after(consumer.boot_id, consumer.alert_seq, WINDOW)
            in_flight = {}
            for alert in owed:
                place = alert.boot_id, alert.alert_seq
                sent, resend_ns = consumer.in_flight.get(place, (0, 0))
                if present and now_ns >= resend_ns:
                    sent += 1
                    wait_ns = min(FIRST_RESEND_NS << min(sent - 1, 10), LONGEST_RESEND_NS)
                    resend_ns = now_ns + wait_ns
                    yield consumer, alert, sent
                in_flight[place] = sent, resend_ns
            consumer.in_flight = in_flight

    def expire(self, now_ns: int) -> dict[str, int]:
        """Drop deliveries past their deadline; returns their number by consumer."""
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
        return (
            consumer.last_message_ns is not None and now_ns - consumer.last_message_ns < PRESENT_NS
        )

    def _make_room(self, now_ns: int) -> None:
        if len(self._by_name) < CONSUMERS_MAX:
            return
        silent = [
            each
            for each in self._by_name.values()
            if each.last_message_ns is None or now_ns - each.last_message_ns > FORGOTTEN_NS
        ]
        if not silent:
            raise ConsumersFullError(f"there are {CONSUMERS_MAX} consumers already; end one")
        del self._by_name[min(silent, key=lambda each: each.last_message_ns or 0).name]
