"""The faults of a soak: what breaks, for how long, and when."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.soak.plant import Plant
from benchmarks.soak.small_disk import SmallDisk
from benchmarks.tcp_proxy import TcpProxy

STOP = "SIGSTOP"
CAMERA = {
    "camera hangs": "stall",
    "camera stops dead": STOP,
    "camera freezes": "freeze",
    "camera goes dark": "dark",
    "camera changes size": "size 640x480",
    "camera breaks off": "away",
}
"""Each kind, and the order to the camera; `play` ends it. One that hangs still answers requests,
one that stops dead does not."""
OTHERS = (
    "consumer killed",
    "consumer cut off",
    "consumer's network delayed",
    "bridge cut off",
    "bridge's network delayed",
    "PLC killed",
    "PLC stops polling",
)
DISK = "disk full"
RESTARTS = ("detector killed", "bridge killed", "station killed")
"""All in the first part of a run, since a leak shows in a process that lives long."""
RESTARTS_PER_H, RESTARTS_SHARE = 1.5, 0.25
GAP_S = (8.0, 22.0)
"""Between two faults."""
LASTS_S = (1.0, 5.0)


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault that was injected; CLOCK_MONOTONIC, ns."""

    kind: str
    from_ns: int
    until_ns: int


def schedule(seconds: float, rng: random.Random, *, with_disk: bool) -> list[tuple[float, str]]:
    """Seconds after the start, and kind, in order of time: every kind as often as its neighbours,
    in random order, and the restarts spread over the run's first part."""
    planned = []
    each = max(1, round(seconds / 3600 * RESTARTS_PER_H)) if seconds >= 600 else 0
    for place, kind in enumerate(RESTARTS):
        offset = (place + 1) / (len(RESTARTS) + 1)
        planned += [(seconds * RESTARTS_SHARE * (run + offset) / each, kind) for run in range(each)]
    restarts_s = [at_s for at_s, _ in planned]
    bag: list[str] = []
    at_s = rng.uniform(*GAP_S)
    while at_s < seconds:
        bag = bag or rng.sample(kinds := _frequent(with_disk=with_disk), len(kinds))
        # A restart has the line for itself until it is up.
        if not any(0 <= at_s - restart_s + 5 < 25 for restart_s in restarts_s):
            planned.append((at_s, bag.pop()))
        at_s += rng.uniform(*GAP_S)
    return sorted(planned)


def _frequent(*, with_disk: bool) -> Sequence[str]:
    """The camera's come twice as often."""
    return [*CAMERA, *CAMERA, *OTHERS, *([DISK] if with_disk else [])]


class Injector:
    """Injects faults into a plant."""

    def __init__(self, plant: Plant, disk: SmallDisk | None, rng: random.Random) -> None:
        self._plant, self._disk, self._rng = plant, disk, rng

    def inject(self, kind: str) -> Injected:
        """Inject a fault and end it; returns when it held. Raises `ChildFailedError`."""
        if kind in CAMERA:
            return self.camera(kind, self._lasts_s())
        if kind.endswith("killed"):
            return self._killed(kind)
        if kind.endswith("cut off"):
            return self._cut(kind)
        if kind.endswith("delayed"):
            return self._delayed(kind)
        if kind == DISK:
            return self._disk_full()
        return self._stopped(kind)

    def camera(self, kind: str, lasts_s: float) -> Injected:
        camera, order = self._plant.camera, CAMERA[kind]
        if order == STOP:
            from_ns = time.monotonic_ns()
            camera.hang()
        else:
            from_ns = camera.order(order)
        time.sleep(lasts_s)
        camera.wake()  # without effect on one that runs
        return Injected(kind, from_ns, camera.order("play"))

    def _killed(self, kind: str) -> Injected:
        name = kind.removesuffix(" killed").lower()
        from_ns = time.monotonic_ns()
        self._plant.kill(name)
        time.sleep(self._rng.uniform(0.0, 0.5))
        self._plant.start(name)
        return Injected(kind, from_ns, time.monotonic_ns())

    def _cut(self, kind: str) -> Injected:
        proxies = self._proxies(kind)
        lasts_s = self._rng.uniform(0.2, 3.0)
        from_ns = time.monotonic_ns()
        for proxy in self._rng.choice([proxies, proxies[:1]]):
            proxy.cut(lasts_s)
        time.sleep(lasts_s)
        return Injected(kind, from_ns, time.monotonic_ns())

    def _delayed(self, kind: str) -> Injected:
        proxies = self._proxies(kind)
        from_ns = time.monotonic_ns()
        for proxy in proxies:
            proxy.delay_s = self._rng.uniform(0.05, 0.5)
        time.sleep(self._lasts_s())
        for proxy in proxies:
            proxy.delay_s = 0.0
        return Injected(kind, from_ns, time.monotonic_ns())

    def _stopped(self, kind: str) -> Injected:
        from_ns = time.monotonic_ns()
        self._plant.signal("plc", signal.SIGSTOP)
        time.sleep(self._lasts_s())
        self._plant.signal("plc", signal.SIGCONT)
        return Injected(kind, from_ns, time.monotonic_ns())

    def _disk_full(self) -> Injected:
        assert self._disk is not None, "not scheduled without a disk"
        from_ns = time.monotonic_ns()
        self._disk.fill()
        time.sleep(2 * self._lasts_s())
        self._disk.free()
        return Injected(DISK, from_ns, time.monotonic_ns())

    def _proxies(self, kind: str) -> list[TcpProxy]:
        plant = self._plant
        return plant.to_bridge if kind.startswith("bridge") else plant.to_consumer

    def _lasts_s(self) -> float:
        return self._rng.uniform(*LASTS_S)
