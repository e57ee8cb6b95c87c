"""Latency to a subscriber and to a PLC, and how soon a PLC reads that vision is unavailable.

Real processes and sockets on loopback: a publisher here, `vigitri bridge`, `vigitri run`, and a
Modbus client that reads all registers every 10 ms, as a PLC does. All times are on one clock
(CLOCK_MONOTONIC), from publishing, capture or fault to the arrival of the reply.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from pymodbus.client import ModbusTcpClient

from benchmarks.bridge_process import BridgeProcess
from benchmarks.child_process import children
from benchmarks.line_process import LineProcess
from benchmarks.tcp_proxy import free_ports
from detector import client
from detector.bridge.register_map import INPUT_WORDS, UNKNOWN_WORD, decode
from detector.bridge.register_words import Status, VisionWord
from detector.delivery.publisher import Publisher
from detector.wire import samples
from detector.wire.messages import Alert, Inference

ANY_PORT = "tcp://127.0.0.1:*"
SCAN_S = 0.010
TIMEOUT_S = 30.0
NEW_LOOK_NS = 15_000_000
"""Less than a frame period of 33 ms, more than the resolution of an age, 1 ms."""
FAULTS = ("camera killed", "detector killed", "detector stopped")


class Reading(NamedTuple):
    """All registers, read by one request."""

    asked_ns: int
    t_ns: int
    """When the reply arrived."""
    values: dict[str, int]
    records: list[dict[str, int]]

    @property
    def blind(self) -> bool:
        """UNAVAILABLE, and UNKNOWN in every hazard word."""
        hazards = (self.values[name] for name in ("gas", "battery", "jam"))
        return self.values["state"] == VisionWord.UNAVAILABLE and not any(hazards)


class ScanningPlc:
    """A Modbus client that reads all registers every 10 ms; a context manager."""

    def __init__(self, bridge: BridgeProcess, unit: int = 1) -> None:
        self._bridge = bridge
        self.unit = unit
        """Of the line that is read."""

    def __enter__(self) -> Self:
        self._client = ModbusTcpClient(self._bridge.host, port=self._bridge.port, timeout=5)
        if not self._client.connect():  # type: ignore[no-untyped-call]
            raise RuntimeError("the bridge does not respond")
        self._next_s = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()  # type: ignore[no-untyped-call]

    def scan(self) -> Reading:
        """Wait for the next scan and read."""
        time.sleep(max(0.0, self._next_s - time.monotonic()))
        self._next_s = max(self._next_s + SCAN_S, time.monotonic())
        asked_ns = time.monotonic_ns()
        block = self._client.read_input_registers(0, count=INPUT_WORDS, device_id=self.unit)
        return Reading(asked_ns, time.monotonic_ns(), *decode(list(block.registers)))

    def until(self, wanted: Callable[[Reading], bool]) -> Reading:
        ends_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < ends_s:
            reading = self.scan()
            if wanted(reading):
                return reading
        raise TimeoutError(f"the registers did not change as expected within {TIMEOUT_S:g} s")


class FakeDetector:
    """A detector that only publishes: inference messages, states and alerts on demand."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.number = 0

    def inference(self) -> None:
        self.number += 1
        self._publish(
            Inference(
                line=samples.LINE,
                inferences=self.number,
                frame_index=self.number,
                next_within_ms=1000,
            )
        )

    def state(self) -> None:
        self._publish(samples.STATE.model_copy(update={"active_alerts": self.number}))

    def alert(self) -> int:
        """Publish a new alert; returns the time before it was passed to the socket, ns."""
        self.number += 1
        now_ns = time.monotonic_ns()
        alert = samples.ALERT.model_copy(
            update={
                "boot_id": self.publisher.boot_id,
                "event_id": f"a{self.number}",
                "track": self.number,
                "t_capture_mono_ns": now_ns,
                "arrivals": (),
            }
        )
        self._publish(alert)
        return now_ns

    def _publish(self, payload: Any) -> None:
        self.publisher.publish(
            payload, t_capture_utc_ns=time.time_ns(), t_capture_mono_ns=time.monotonic_ns()
        )


@contextmanager
def fake_detector() -> Iterator[FakeDetector]:
    with Publisher(ANY_PORT, line=samples.LINE, boot_id=f"bench-{os.getpid()}") as publisher:
        yield FakeDetector(publisher)


def to_subscriber_ms(count: int) -> list[float]:
    """Latency of each alert from publishing to a subscriber in another process."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    with fake_detector() as detector:
        child = multiprocessing.get_context("spawn").Process(
            target=_receive, args=(detector.publisher.endpoint, count, theirs)
        )
        child.start()
        try:
            if not detector.publisher.wait_for_subscriber("alert", TIMEOUT_S):
                raise TimeoutError("no subscriber connected")
            sent: list[int] = []
            for _ in range(count):
                sent.append(detector.alert())
                time.sleep(SCAN_S)
            if not ours.poll(TIMEOUT_S):
                raise TimeoutError("the subscriber received too few alerts")
            received: list[int] = ours.recv()
        finally:
            child.terminate()
            child.join()
    return [(there - here) / 1e6 for here, there in zip(sent, received, strict=True)]


def _receive(endpoint: str, count: int, answer: Connection) -> None:
    received: list[int] = []
    with client.Line(endpoint) as line:
        while len(received) < count:
            item = line.receive()
            if isinstance(item, client.Received) and isinstance(item.payload, Alert):
                received.append(item.t_received_mono_ns)
    answer.send(received)


def to_register_ms(count: int) -> list[float]:
    """Latency of each alert from publishing to the PLC scan that reads it."""
    rng = np.random.default_rng(1)
    with (
        fake_detector() as detector,
        BridgeProcess([(detector.publisher.endpoint, ANY_PORT.replace("*", "9"))]) as bridge,
        ScanningPlc(bridge) as plc,
    ):
        if not detector.publisher.wait_for_subscriber("alert", TIMEOUT_S):
            raise TimeoutError("the bridge did not subscribe")
        seq = plc.scan().values["last_seq"]
        taken = []
        for _ in range(count):
            detector.inference()
            # At a random time in the scan: a publisher in step with it would flatter the figure.
            time.sleep(float(rng.uniform(0, SCAN_S)))
            sent_ns = detector.alert()
            seen = plc.until(partial(_newer, seq))
            seq = seen.values["last_seq"]
            taken.append((seen.t_ns - sent_ns) / 1e6)
    return taken


def _newer(seq: int, reading: Reading) -> bool:
    return reading.values["last_seq"] > seq


@contextmanager
def line_and_plc(line: Path, *options: str) -> Iterator[tuple[LineProcess, ScanningPlc]]:
    """A real detector and a PLC that starts before it, so that no inference pass is missed."""
    publish, requests = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    with (
        BridgeProcess([(publish, requests)]) as bridge,
        ScanningPlc(bridge) as plc,
        LineProcess(line, *options, endpoints=(publish, requests)) as detector,
    ):
        yield detector, plc


def capture_to_register_ms(line: Path) -> list[float]:
    """Latency of each inference pass of a real detector, from capture to the first scan with it."""
    taken: list[float] = []
    captured_ns = 0.0
    with line_and_plc(line, "--until-end") as (detector, plc):
        while detector.running:
            reading = plc.scan()
            age_ms = reading.values["frame_age_ms"]
            if not reading.values["status"] & Status.WATCHING or age_ms == UNKNOWN_WORD:
                continue
            # The age was computed after the request, so this is an upper bound.
            age_ns = age_ms * 1e6 + reading.t_ns - reading.asked_ns
            if reading.t_ns - age_ns > captured_ns + NEW_LOOK_NS:
                captured_ns = reading.t_ns - age_ns
                taken.append(age_ns / 1e6)
    return taken


def blind_to_fault_ms(line: Path, fault: str) -> float:
    """Time from the fault to the first PLC scan that reads UNAVAILABLE and only UNKNOWN."""
    with line_and_plc(line) as (detector, plc):
        plc.until(lambda reading: reading.values["heartbeat"] >= 3 and reading.values["gas"] > 0)
        fault_ns = time.monotonic_ns()
        _inject(detector, fault)
        try:
            seen = plc.until(lambda reading: reading.blind)
        finally:
            detector.process.send_signal(signal.SIGCONT)
    return (seen.t_ns - fault_ns) / 1e6


def _inject(detector: LineProcess, fault: str) -> None:
    if fault == "camera killed":
        for pid in children(detector.process.pid, b"capture.child"):
            os.kill(pid, signal.SIGKILL)
    else:
        number = signal.SIGKILL if fault == "detector killed" else signal.SIGSTOP
        detector.process.send_signal(number)


def measure(line: Path, *, count: int, blind_runs: int) -> dict[str, Any]:
    """All measurements; `count` alerts each, `blind_runs` of each fault."""
    return {
        "publish_to_subscriber_ms": to_subscriber_ms(count),
        "publish_to_register_ms": to_register_ms(count),
        "capture_to_register_ms": capture_to_register_ms(line),
        "blind_to_fault_ms": {
            fault: [blind_to_fault_ms(line, fault) for _ in range(blind_runs)] for fault in FAULTS
        },
    }
