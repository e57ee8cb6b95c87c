"""The client's handling of a lost connection, over real sockets."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable

import pytest
import zmq

from detector import client
from detector.client.link import LineLink
from detector.wire import samples
from tests.small_line import PATIENCE_S

PAUSES = """
import time
from detector import client
from detector.wire import samples
from detector.delivery.publisher import Publisher

NOW = {"t_capture_utc_ns": 1, "t_capture_mono_ns": 2}
with (
    Publisher("tcp://127.0.0.1:*", line="l", boot_id="b") as publisher,
    client.Line(publisher.endpoint, queue_messages=1) as line,
):
    while not publisher.joined:
        line.receive(0.01)
    big = samples.ALERT.model_copy(update={"detail": "x" * 20_000})
    for number in range(2500):
        publisher.publish(big.model_copy(update={"revision": number + 1}), **NOW)
    resumes_s = time.monotonic() + 5  # longer than any keepalive timeout
    while time.monotonic() < resumes_s:
        time.sleep(0.05)
        publisher.publish(samples.HEARTBEAT, **NOW)
    while not isinstance(event := line.receive(0.01), client.Gap):
        if event is None:
            publisher.publish(samples.HEARTBEAT, **NOW)
"""


def test_a_heartbeat_received_together_with_the_disconnect_does_not_count_as_watching(
    open_socket: Callable[[int], zmq.Socket[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = open_socket(zmq.XPUB)
    detector.bind("tcp://127.0.0.1:*")

    def beat(seq: int) -> None:
        header = samples.HEADER.model_dump(by_alias=True)
        header |= {"schema": "heartbeat/1", "seq": seq, "gseq": seq}
        body = samples.HEARTBEAT.model_dump_json().encode()
        detector.send_multipart([b"heartbeat/l", json.dumps(header).encode(), body])

    with client.Line(str(detector.get_string(zmq.LAST_ENDPOINT))) as line:
        received: list[int] = []

        def receive(seq: int) -> None:
            while seq not in received:
                event = line.receive(20)
                assert event is not None
                if isinstance(event, client.Received):
                    received.append(event.header.seq)

        assert detector.recv() == b"\1"
        beat(1)
        receive(1)
        read_replies = line._link._read_replies
        (_, monitor) = line._link.sockets

        def disconnect() -> int:
            """Disconnect between reading the messages and reading the connection events."""
            monkeypatch.undo()
            beat(2)
            detector.close(linger=20_000)
            assert monitor.poll(20_000)
            return read_replies()

        monkeypatch.setattr(line._link, "_read_replies", disconnect)
        receive(2)
        while line.receive(0):
            pass
        assert "connection to the detector lost" in line.vision_reason


def test_a_program_that_pauses_until_its_queue_overflows_receives_later_messages() -> None:
    """In a process of its own: libzmq would abort it."""
    done = subprocess.run(
        [sys.executable, "-c", PAUSES], check=False, stderr=subprocess.PIPE, timeout=PATIENCE_S
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_invalid_keys_raise_an_error_and_do_not_hang() -> None:
    line = client.Line("tcp://127.0.0.1:5556", keys=client.ClientKeys("no", "no", "no"))
    with pytest.raises(zmq.ZMQError, match="Invalid argument"), line:
        pass


def test_two_tasks_that_wait_for_a_silent_detector_do_not_spin(
    open_socket: Callable[[int], zmq.Socket[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a bridge: one task receives, another waits for its reply."""
    publishes, answers = open_socket(zmq.XPUB), open_socket(zmq.ROUTER)
    pumps, pump = [], LineLink.pump
    monkeypatch.setattr(LineLink, "pump", lambda link: pumps.append(pump(link)) or pumps[-1])
    ends = []
    for socket in (publishes, answers):
        socket.bind("tcp://127.0.0.1:*")
        ends.append(str(socket.get_string(zmq.LAST_ENDPOINT)))

    async def run() -> None:
        async with client.AsyncLine(*ends) as line:

            async def listen() -> None:
                async for _ in line:
                    pass

            listening = asyncio.create_task(listen())
            with pytest.raises(TimeoutError):
                await line.report_belt("wheel", 1, timeout_s=0.3)
            listening.cancel()

    asyncio.run(run())
    assert 0 < len(pumps) < 60  # each looks every 50 ms
