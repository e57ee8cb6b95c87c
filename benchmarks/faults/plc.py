"""Faults between detector and PLC: does a register ever read clear when it must not?

A publisher here reports the objects of a belt (so that the truth is known to the microsecond), the
real `vigitri bridge` subscribes to it through a proxy that can be cut, and a Modbus client polls it
through another one. Meanwhile bridges are killed and stopped, networks cut and delayed, and the
publisher goes silent or restarts. A wrong clear is a hazard word that reads CLEAR although that
hazard has been open, or no frame has been published, for longer than the allowed delay.
"""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from pymodbus import ModbusException
from pymodbus.client import ModbusTcpClient

from benchmarks.background_thread import BackgroundThread
from benchmarks.bridge_process import BridgeProcess
from benchmarks.tcp_proxy import TcpProxy
from detector.bridge.line_watch import TRANSPORT_MS
from detector.bridge.register_map import INPUT_WORDS, decode
from detector.bridge.register_words import HazardWord
from detector.delivery.publisher import Publisher
from detector.wire import samples
from detector.wire.messages import AlarmState, Inference, LineState, Message, Outcome, Revision

ANY_PORT = "tcp://127.0.0.1:*"
NEXT_WITHIN_MS = 100.0
NEWS_MS = 250.0
"""Allowed delay to a polling client on a loaded machine, in addition to the specified silence."""
FRAME_S = 1 / 30
PASS_EVERY = 5
"""Frames per inference pass."""
PASS_WITHIN_MS = 300.0


@dataclass
class PublishedState:
    """What the publisher has published, and when; CLOCK_MONOTONIC, ns."""

    gas_since_ns: int | None = None
    """When the open gas alarm was published; None: none is open."""
    last_frame_ns: int = 0
    """When it last published that the line is watched."""


@dataclass
class Tally:
    """Injected faults and their effects."""

    injuries: Counter[str] = field(default_factory=Counter)
    readings: int = 0
    watched: int = 0
    """Readings of CLEAR or ACTIVE; the others prove nothing."""
    wrong_clear: list[str] = field(default_factory=list)
    elapsed_s: float = 0.0
    crashes: int = 0

    @property
    def sound(self) -> bool:
        return not self.wrong_clear and not self.crashes


class PublishingLine(BackgroundThread):
    """A thread that publishes a line: 30 frames a second, gas alarms raised and cleared."""

    def __init__(self, truth: PublishedState, seed: int) -> None:
        super().__init__()
        self.truth = truth
        self.endpoint = ""
        self._rng = random.Random(seed)
        self._silent, self._restart = threading.Event(), threading.Event()
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        super().__enter__()
        self._ready.wait()
        return self

    def silent(self, seconds: float) -> None:
        """Publish nothing for `seconds`."""
        self._silent.set()
        time.sleep(seconds)
        self._silent.clear()

    def restart(self) -> None:
        """Restart the detector with another boot_id; open alarms are forgotten."""
        self._restart.set()

    def _run(self) -> None:
        endpoint, boot = ANY_PORT, 0
        while not self._over.is_set():
            boot += 1
            self._restart.clear()
            self.truth.gas_since_ns = None
            with Publisher(endpoint, line=samples.LINE, boot_id=f"boot-{boot}") as publisher:
                endpoint = self.endpoint = publisher.endpoint
                self._ready.set()
                self._live(publisher)

    def _live(self, publisher: Publisher) -> None:
        def publish(payload: Message) -> None:
            publisher.publish(
                payload, t_capture_utc_ns=time.time_ns(), t_capture_mono_ns=time.monotonic_ns()
            )

        def state() -> LineState:
            return samples.STATE.model_copy(
                update={"active_alerts": int(self.truth.gas_since_ns is not None)}
            )

        number = joined = frames = 0
        alert = samples.ALERT.model_copy(update={"boot_id": publisher.boot_id})
        change_s = state_s = time.monotonic()
        while not self._over.is_set() and not self._restart.is_set():
            time.sleep(FRAME_S)
            if self._silent.is_set():
                continue
            now_s, now_ns = time.monotonic(), time.monotonic_ns()
            if now_s >= change_s:
                change_s = now_s + self._rng.uniform(0.3, 1.0)
                if self.truth.gas_since_ns is None:
                    number += 1
                    news = {
                        "event_id": f"a{number}",
                        "revision": 1,
                        "kind": Revision.RAISED,
                        "state": AlarmState.UNACKNOWLEDGED,
                        "outcome": None,
                        "t_capture_mono_ns": now_ns,
                    }
                    alert = alert.model_copy(update=news)
                    publish(alert)
                    self.truth.gas_since_ns = time.monotonic_ns()
                else:
                    self.truth.gas_since_ns = None
                    ended = {"kind": Revision.CLEARED, "state": AlarmState.NORMAL}
                    news = {**ended, "revision": 2, "outcome": Outcome.REMOVED}
                    alert = alert.model_copy(update=news)
                    publish(alert)
            if publisher.joined != joined:  # as a detector does for late subscribers
                joined = publisher.joined
                if self.truth.gas_since_ns is not None:
                    publish(alert)
                publish(state())
            since_pass = frames % PASS_EVERY
            frames += 1
            self.truth.last_frame_ns = time.monotonic_ns()
            publish(
                Inference(
                    line=samples.LINE,
                    inferences=1 + frames // PASS_EVERY,
                    frame_index=frames,
                    next_within_ms=NEXT_WITHIN_MS,
                    inferred=since_pass == 0,
                    pass_age_ms=since_pass * FRAME_S * 1e3,
                    pass_within_ms=PASS_WITHIN_MS,
                )
            )
            if now_s >= state_s:
                state_s = now_s + 0.3
                publish(state())
                publish(samples.HEARTBEAT)


class PollingPlc(BackgroundThread):
    """A thread that reads all registers every 10 ms and compares them with the truth."""

    def __init__(
        self, port: int, truth: PublishedState, tally: Tally, *, news_ms: float = NEWS_MS
    ) -> None:
        super().__init__()
        self._port, self._truth, self._tally = port, truth, tally
        self._news_ms = news_ms

    def _run(self) -> None:
        while not self._over.is_set():
            with (
                contextlib.suppress(ModbusException, OSError),
                ModbusTcpClient("127.0.0.1", port=self._port, timeout=1, retries=0) as client,
            ):
                while not self._over.wait(0.01):
                    block = client.read_input_registers(0, count=INPUT_WORDS, device_id=1)
                    if block.isError():
                        break
                    self._check(list(block.registers), time.monotonic_ns())
            self._over.wait(0.02)

    def _check(self, words: list[int], now_ns: int) -> None:
        tally, truth = self._tally, self._truth
        gas_since_ns, last_frame_ns = truth.gas_since_ns, truth.last_frame_ns
        read = decode(words)[0]
        tally.readings += 1
        tally.watched += read["gas"] != HazardWord.UNKNOWN
        if read["gas"] == HazardWord.CLEAR and gas_since_ns is not None:
            open_ms = (now_ns - gas_since_ns) / 1e6
            if open_ms > self._news_ms:
                tally.wrong_clear.append(f"gas reads clear, open for {open_ms:.0f} ms")
        silent_ms = (now_ns - last_frame_ns) / 1e6
        clear = [name for name in ("gas", "battery", "jam") if read[name] == HazardWord.CLEAR]
        if clear and silent_ms > NEXT_WITHIN_MS + TRANSPORT_MS + self._news_ms:
            tally.wrong_clear.append(f"{clear} clear, no inference for {silent_ms:.0f} ms")


def inject_faults(
    runs: int,
    *,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
    news_ms: float = NEWS_MS,
) -> Tally:
    """Inject `runs` faults, one after the other, and check what a PLC reads.

    news_ms: allowed delay to the register; a loaded machine needs more.
    """
    rng, truth, tally, started_s = random.Random(seed), PublishedState(), Tally(), time.monotonic()
    with PublishingLine(truth, seed) as line, contextlib.ExitStack() as stack:
        port = int(line.endpoint.rpartition(":")[2])
        to_detector = stack.enter_context(TcpProxy(port))
        ends = [(to_detector.endpoint, ANY_PORT.replace("*", "9"))]
        bridge = BridgeProcess(ends)
        bridge.__enter__()
        stack.callback(lambda: bridge.__exit__(None, None, None))
        to_bridge = stack.enter_context(TcpProxy(bridge.port))
        port = int(to_bridge.endpoint.rpartition(":")[2])
        stack.enter_context(PollingPlc(port, truth, tally, news_ms=news_ms))

        def killed() -> None:
            nonlocal bridge
            bridge.process.send_signal(signal.SIGKILL)
            bridge.process.wait()
            listen = f"127.0.0.1:{bridge.port}"
            bridge.__exit__(None, None, None)
            bridge = BridgeProcess(ends, listen=listen)
            bridge.__enter__()

        def stopped() -> None:
            bridge.process.send_signal(signal.SIGSTOP)
            time.sleep(rng.uniform(0.1, 0.8))
            bridge.process.send_signal(signal.SIGCONT)

        def cut(proxy: TcpProxy) -> None:
            seconds = rng.uniform(0.05, 0.5)
            proxy.cut(seconds)
            time.sleep(seconds)

        def delayed() -> None:
            to_detector.delay_s = rng.uniform(0.02, 0.2)
            time.sleep(0.5)
            to_detector.delay_s = 0.0

        faults: dict[str, Callable[[], None]] = {
            "bridge killed (kill -9) and started": killed,
            "bridge stopped (SIGSTOP)": stopped,
            "network to the detector cut": lambda: cut(to_detector),
            "network to the detector delayed": delayed,
            "network to the PLC cut": lambda: cut(to_bridge),
            "detector silent": lambda: line.silent(rng.uniform(0.1, 0.6)),
            "detector restarted": line.restart,
        }
        names = list(faults)
        for number in range(runs):
            time.sleep(rng.uniform(0.2, 0.6))
            name = names[number % len(names)] if number < len(names) else rng.choice(names)
            tally.injuries[name] += 1
            faults[name]()
            if not bridge.running:
                tally.crashes += 1
            if progress is not None:
                progress(number + 1, runs)
    tally.elapsed_s = round(time.monotonic() - started_s, 1)
    return tally
