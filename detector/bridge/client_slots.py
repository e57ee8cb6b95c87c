"""The limited slots for clients of the Modbus server.

A client that has vanished can't be distinguished from a silent one, so a new client replaces the
one that has been silent longest. A polling client is never replaced: else a burst of connections
would disconnect the PLC between two of its requests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

IN_SERVICE_NS = 3_000_000_000
"""A PLC polls every 10 to 50 ms, a panel once a second; a single scan overrun must not cost a
client its slot."""
IN_SERVICE_REQUESTS = 2
"""A single request may be a probe; with the second a client counts as polling."""
REPORT_EVERY_NS = 10_000_000_000
"""Least time between two log lines about full slots; each covers the time since the last one."""
HOSTS_NAMED = 16
"""Hosts named per count; further ones are counted together, which bounds memory and line length."""


@dataclass(slots=True, eq=False)
class ClientSlot:
    """The slot of one client."""

    host: str
    port: int
    disconnect: Callable[[], None]
    last_byte_ns: int
    """Receipt of its last byte, else its connection."""
    last_request_ns: int = 0
    requests: int = 0

    def is_in_service(self, now_ns: int) -> bool:
        """Whether the client polls: at least its second request, and the last one is recent."""
        recent = now_ns - self.last_request_ns < IN_SERVICE_NS
        return self.requests >= IN_SERVICE_REQUESTS and recent


class ClientSlots:
    """The slots and their holders. `clock_ns`: a monotonic clock."""

    def __init__(self, number: int, clock_ns: Callable[[], int]) -> None:
        self._number, self._clock_ns = number, clock_ns
        self._held: list[ClientSlot] = []
        self._unreported = _Unreported(number)
        self._reported_ns: int | None = None

    def acquire(self, host: str, port: int, disconnect: Callable[[], None]) -> ClientSlot | None:
        """A slot for a new client; None if all are polling. A replaced client is disconnected."""
        now_ns = self._clock_ns()
        newcomer = ClientSlot(host, port, disconnect, now_ns)
        if len(self._held) >= self._number and not self._make_room(newcomer, now_ns):
            return None
        self._held.append(newcomer)
        return newcomer

    def leave(self, slot: ClientSlot) -> None:
        """Free the slot of a client that has gone; no effect if it was replaced."""
        if slot in self._held:
            self._held.remove(slot)

    def count_bytes(self, slot: ClientSlot) -> None:
        """Bytes have arrived."""
        slot.last_byte_ns = self._clock_ns()

    def count_request(self, slot: ClientSlot) -> None:
        """A complete request has arrived."""
        slot.requests += 1
        slot.last_request_ns = self._clock_ns()

    def line(self, *, at_once: bool = False) -> str | None:
        """A log line about the time since the last one; None if nothing to report or too soon."""
        now_ns = self._clock_ns()
        recent = self._reported_ns is not None and now_ns - self._reported_ns < REPORT_EVERY_NS
        if not self._unreported or (recent and not at_once):
            return None
        self._reported_ns = now_ns
        unreported, self._unreported = self._unreported, _Unreported(self._number)
        return str(unreported)

    def _make_room(self, newcomer: ClientSlot, now_ns: int) -> bool:
        self._unreported.note_holders(self._held, now_ns)
        idle = [each for each in self._held if not each.is_in_service(now_ns)]
        if not idle:
            self._unreported.note_turned_away(newcomer)
            return False
        longest = min(idle, key=lambda each: each.last_byte_ns)
        self._unreported.note_replaced(longest, newcomer, now_ns)
        self._held.remove(longest)
        longest.disconnect()
        return True


@dataclass(slots=True)
class _Unreported:
    """Events at full slots since the last log line."""

    number: int
    _holders: str = ""
    _replaced: Counter[str] = field(default_factory=Counter)
    _turned_away: Counter[str] = field(default_factory=Counter)
    _last_replaced: str = ""
    _last_turned_away: str = ""

    def __bool__(self) -> bool:
        return bool(self._replaced or self._turned_away)

    def note_holders(self, held: Iterable[ClientSlot], now_ns: int) -> None:
        """The holders before one of them is replaced."""
        by_host: dict[str, list[float]] = {}
        for slot in held:
            by_host.setdefault(slot.host, []).append((now_ns - slot.last_byte_ns) / 1e9)
        most_first = sorted(by_host.items(), key=lambda each: -len(each[1]))
        self._holders = ", ".join(
            f"{len(idle_s)} by {host} (longest idle {max(idle_s):.1f} s)"
            for host, idle_s in most_first
        )

    def note_replaced(self, leaver: ClientSlot, newcomer: ClientSlot, now_ns: int) -> None:
        _count(self._replaced, leaver.host)
        idle_s = (now_ns - leaver.last_byte_ns) / 1e9
        self._last_replaced = (
            f"the last: {_address(leaver)}, idle for {idle_s:.1f} s, by {_address(newcomer)}"
        )

    def note_turned_away(self, newcomer: ClientSlot) -> None:
        _count(self._turned_away, newcomer.host)
        self._last_turned_away = f"the last: {_address(newcomer)}"

    def __str__(self) -> str:
        text = f"all {self.number} slots are in use, {self._holders}"
        if self._replaced:
            text += f"; replaced by new clients: {_hosts(self._replaced)} ({self._last_replaced})"
        if self._turned_away:
            text += (
                "; turned away because all clients are polling: "
                f"{_hosts(self._turned_away)} ({self._last_turned_away})"
            )
        return text


def _count(by_host: Counter[str], host: str) -> None:
    known = host in by_host or len(by_host) < HOSTS_NAMED
    by_host[host if known else "other hosts"] += 1


def _hosts(by_host: Counter[str]) -> str:
    return ", ".join(f"{times} of {host}" for host, times in by_host.most_common())


def _address(slot: ClientSlot) -> str:
    host = f"[{slot.host}]" if ":" in slot.host else slot.host
    return f"{host}:{slot.port}"
