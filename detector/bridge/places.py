"""Who holds the places at the Modbus server, and who gives way when there is none left.

A client that has vanished without a word looks like one that is silent. So the one that has been
silent longest gives way to a newcomer. A client that polls never does: else connections that come
and vanish in a burst would throw the PLC out between two of its requests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

IN_SERVICE_NS = 3_000_000_000
"""A PLC asks every 10 to 50 ms, a panel once a second; a scan that overruns once
is no reason to lose the place."""
IN_SERVICE_REQUESTS = 2
"""One request may be a probe or a client that vanished after it; the second makes it a poll."""
REPORT_EVERY_NS = 10_000_000_000
"""Between two lines about full places; the next one has what happened meanwhile."""
HOSTS_NAMED = 16
"""In one count; more are counted together, so that a flood makes neither memory nor long lines."""


@dataclass(slots=True, eq=False)
class Place:
    """One client's."""

    host: str
    port: int
    hang_up: Callable[[], None]
    heard_ns: int
    """When its last byte came, or when it connected."""
    asked_ns: int = 0
    requests: int = 0

    def is_in_service(self, now_ns: int) -> bool:
        return self.requests >= IN_SERVICE_REQUESTS and now_ns - self.asked_ns < IN_SERVICE_NS


class Places:
    """`clock_ns`: any that never goes back."""

    def __init__(self, number: int, clock_ns: Callable[[], int]) -> None:
        self._number, self._clock_ns = number, clock_ns
        self._held: list[Place] = []
        self._unreported = _Unreported(number)
        self._reported_ns: int | None = None

    def take(self, host: str, port: int, hang_up: Callable[[], None]) -> Place | None:
        """A place for a newcomer; None if all are in service. Whoever gives way is hung up on."""
        now_ns = self._clock_ns()
        newcomer = Place(host, port, hang_up, now_ns)
        if len(self._held) >= self._number and not self._make_room(newcomer, now_ns):
            return None
        self._held.append(newcomer)
        return newcomer

    def leave(self, place: Place) -> None:
        """Its client has gone; one that gave way has left already."""
        if place in self._held:
            self._held.remove(place)

    def heard(self, place: Place) -> None:
        """Bytes have come."""
        place.heard_ns = self._clock_ns()

    def asked(self, place: Place) -> None:
        """A whole request has come."""
        place.requests += 1
        place.asked_ns = self._clock_ns()

    def line(self, *, at_once: bool = False) -> str | None:
        """What a person should know since the last line, if that is long enough ago."""
        now_ns = self._clock_ns()
        recent = self._reported_ns is not None and now_ns - self._reported_ns < REPORT_EVERY_NS
        if not self._unreported or (recent and not at_once):
            return None
        self._reported_ns = now_ns
        unreported, self._unreported = self._unreported, _Unreported(self._number)
        return str(unreported)

    def _make_room(self, newcomer: Place, now_ns: int) -> bool:
        self._unreported.see_holders(self._held, now_ns)
        idle = [each for each in self._held if not each.is_in_service(now_ns)]
        if not idle:
            self._unreported.turn_away(newcomer)
            return False
        longest = min(idle, key=lambda each: each.heard_ns)
        self._unreported.give_way(longest, newcomer, now_ns)
        self._held.remove(longest)
        longest.hang_up()
        return True


@dataclass(slots=True)
class _Unreported:
    """What has happened at full places since the last line."""

    number: int
    _holders: str = ""
    _gave_way: Counter[str] = field(default_factory=Counter)
    _turned_away: Counter[str] = field(default_factory=Counter)
    _last_gave_way: str = ""
    _last_turned_away: str = ""

    def __bool__(self) -> bool:
        return bool(self._gave_way or self._turned_away)

    def see_holders(self, held: Iterable[Place], now_ns: int) -> None:
        """As they are at this moment, before anybody gives way."""
        by_host: dict[str, list[float]] = {}
        for place in held:
            by_host.setdefault(place.host, []).append((now_ns - place.heard_ns) / 1e9)
        most_first = sorted(by_host.items(), key=lambda each: -len(each[1]))
        self._holders = ", ".join(
            f"{len(idle_s)} by {host} (longest idle {max(idle_s):.1f} s)"
            for host, idle_s in most_first
        )

    def give_way(self, leaver: Place, newcomer: Place, now_ns: int) -> None:
        _count(self._gave_way, leaver.host)
        idle_s = (now_ns - leaver.heard_ns) / 1e9
        self._last_gave_way = (
            f"the last: {_address(leaver)}, idle for {idle_s:.1f} s, to {_address(newcomer)}"
        )

    def turn_away(self, newcomer: Place) -> None:
        _count(self._turned_away, newcomer.host)
        self._last_turned_away = f"the last: {_address(newcomer)}"

    def __str__(self) -> str:
        said = f"all {self.number} places are taken, {self._holders}"
        if self._gave_way:
            said += f"; gave way to newcomers: {_hosts(self._gave_way)} ({self._last_gave_way})"
        if self._turned_away:
            said += (
                "; turned away, because every place is in use by a client that polls: "
                f"{_hosts(self._turned_away)} ({self._last_turned_away})"
            )
        return said


def _count(by_host: Counter[str], host: str) -> None:
    known = host in by_host or len(by_host) < HOSTS_NAMED
    by_host[host if known else "other hosts"] += 1


def _hosts(by_host: Counter[str]) -> str:
    return ", ".join(f"{times} of {host}" for host, times in by_host.most_common())


def _address(place: Place) -> str:
    host = f"[{place.host}]" if ":" in place.host else place.host
    return f"{host}:{place.port}"
