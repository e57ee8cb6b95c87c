"""What a line notifies systemd of, on a real socket of the service manager's kind."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from detector.ingest import CameraState
from detector.service_manager import ServiceManager
from tests.fake_line import Clock, blind, frame

CLOCKS = "detector.service_manager.time.monotonic"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end, which a test reads from."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(str(tmp_path / "notify"))
        opened.setblocking(False)
        yield opened


@pytest.fixture
def service(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> ServiceManager:
    """As systemd starts a service with `WatchdogSec=60`."""
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    return ServiceManager.of_this_process()


def received(manager: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(manager.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_a_line_is_ready_alive_while_blind_and_stopping(
    work: Callable[..., list[str]],
    manager: socket.socket,
    service: ServiceManager,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(CLOCKS, lambda: clock.now_ns / 1e9)
    lost = [blind(CameraState.STALLED, f"no frame\nfor {n} min") for n in range(3)]
    messages: list[str] = []

    def pass_a_minute() -> None:
        clock.advance(60_000)
        messages.extend(received(manager))  # the kernel keeps only some

    steps = [frame(0), *(step for each in lost for step in (pass_a_minute, each))]
    work([*steps, blind(CameraState.STALLED)], service_manager=service)
    messages += received(manager)
    first = ["STATUS=vision starting: no frame yet", "READY=1", "WATCHDOG=1", "STATUS=vision ready"]
    assert messages[:4] == first
    assert messages.count("WATCHDOG=1") == 1 + 3  # and after each blind minute
    assert "STATUS=vision unavailable: stalled: no frame for 1 min" in messages
    assert messages[-2:] == ["STOPPING=1", "STATUS=vision unavailable: the detector was stopped"]


def test_it_is_alive_four_times_per_time_out_however_fast_the_loop(
    manager: socket.socket, service: ServiceManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tenths in range(600):
        monkeypatch.setattr(CLOCKS, lambda now=tenths: 1000 + now / 10)
        service.alive()
    assert received(manager) == ["WATCHDOG=1"] * 4


def test_a_child_process_is_not_the_service(service: ServiceManager) -> None:
    assert service is not None
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} & set(os.environ)


def test_a_watchdog_of_another_process_is_not_fed(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    service = ServiceManager.of_this_process()
    service.alive()
    service.ready()
    assert received(manager) == ["READY=1"]


def test_an_abstract_address_is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind("")  # the kernel chooses
        address = opened.getsockname().decode().replace("\0", "@", 1)
        ServiceManager(address).ready()
        assert opened.recv(100) == b"READY=1"


def test_a_file_name_that_is_no_text_is_sent_with_question_marks(
    manager: socket.socket, service: ServiceManager
) -> None:
    service.status("no model \udcff")
    assert received(manager) == ["STATUS=no model ?"]


def test_a_service_manager_that_has_gone_or_is_full_stops_nothing(
    manager: socket.socket, service: ServiceManager, tmp_path: Path
) -> None:
    for number in range(2000):
        service.status(f"{number}")
    assert 0 < len(received(manager)) < 2000
    (tmp_path / "notify").unlink()
    service.stopping()


def test_without_a_service_manager_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setattr(socket, "socket", None)
    service = ServiceManager.of_this_process()
    service.ready()
    service.alive()
    service.status("vision ready")
    service.stopping()
