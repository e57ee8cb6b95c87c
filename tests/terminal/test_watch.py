from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq

from detector.delivery.publisher import Publisher
from detector.terminal.texts import DISCLAIMER
from detector.terminal.watch import run
from detector.wire import samples
from detector.wire.endpoints import EndpointError
from detector.wire.messages import AlarmState, Hazard, Message, Revision, Shelving

pytestmark = pytest.mark.timeout(30)
ANY_PORT = "tcp://127.0.0.1:*"
UTF8 = os.environ | {"PYTHONIOENCODING": "utf-8"}
WATCH = [
    sys.executable,
    "-c",
    "import sys; from detector.terminal.watch import run; run(sys.argv[1])",
]


def now() -> dict[str, Any]:
    return {"t_capture_utc_ns": time.time_ns(), "t_capture_mono_ns": time.monotonic_ns()}


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(ANY_PORT, line=samples.LINE, boot_id=samples.BOOT_ID) as open_publisher:
        yield open_publisher


@pytest.fixture
def watch(publisher: Publisher) -> Iterator[subprocess.Popen[str]]:
    """`vigitri watch` writing into a pipe, subscribed."""
    with subprocess.Popen(
        [*WATCH, publisher.endpoint],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=UTF8,
    ) as process:
        assert publisher.wait_for_subscriber("alert", 20)
        yield process
        process.kill()


@pytest.fixture
def open_raw() -> Iterator[zmq.Socket[bytes]]:
    """A publisher that sends arbitrary frames."""
    context = zmq.Context()
    with context.socket(zmq.XPUB) as socket:
        socket.linger = 0
        socket.rcvtimeo = 20_000
        yield socket
    context.term()


def line_with(process: subprocess.Popen[str], words: str) -> str:
    """The next line with these words; earlier lines are skipped."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line
    raise AssertionError(f"ended without printing {words!r}")


def lines_until(process: subprocess.Popen[str], *words: str) -> list[str]:
    """The next lines until all these words have been printed, in any order."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if all(any(each in line for line in lines) for each in words):
            return lines
    raise AssertionError(f"ended without printing all of {words}, but {lines}")


@contextmanager
def in_a_terminal(publisher: Publisher) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`vigitri watch` on a terminal: the process, and our end of the terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*WATCH, publisher.endpoint],
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "30"},
    ) as process:
        os.close(theirs)
        try:
            yield process, ours
        finally:
            process.kill()
            os.close(ours)


def test_an_address_at_which_nothing_is_published_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        silent = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with subprocess.Popen(
            [*WATCH, silent], stdout=subprocess.PIPE, encoding="utf-8", env=UTF8
        ) as process:
            hint = line_with(process, "NOTHING RECEIVED")
            process.kill()
    assert f"from {silent}: is the detector running, and is this its wire.publish?" in hint


def test_a_pipe_gets_one_line_per_revision_at_once(
    publisher: Publisher, watch: subprocess.Popen[str]
) -> None:
    line_with(watch, DISCLAIMER[0])
    line_with(watch, "UNKNOWN: no heartbeat yet")
    publisher.publish(samples.STATE, **now())
    publisher.publish(samples.HEARTBEAT, **now())
    line_with(watch, "READY / surveillance en cours")
    publisher.publish(samples.ALERT, **now())
    publisher.publish(samples.ALERT, **now())  # resent: not printed
    acknowledged = {"revision": 2, "kind": Revision.ACKNOWLEDGED, "state": AlarmState.ACKNOWLEDGED}
    publisher.publish(samples.ALERT.model_copy(update=acknowledged), **now())
    # No heartbeat follows: blind after a second.
    lines = lines_until(watch, "ACKNOWLEDGED", "UNAVAILABLE: no heartbeat for 1.")
    raised, acknowledged_too = (line for line in lines if "e-17" in line)
    assert "RAISED      ▲ HIGH GAS BOTTLE / bouteille de gaz" in raised
    assert "e-17 r1" in raised
    assert "ACKNOWLEDGED" in acknowledged_too

    watch.send_signal(signal.SIGINT)
    assert watch.wait(10) == 0
    assert watch.stderr is not None
    assert watch.stderr.read() == ""


def test_a_shelving_is_printed_once_and_again_when_it_ends(
    publisher: Publisher, watch: subprocess.Popen[str]
) -> None:
    shelving = Shelving(hazard=Hazard.GAS, operator="poste 2", t_until_utc_ns=samples.T_UTC_NS)
    shelved = samples.STATE.model_copy(update={"shelved": (shelving,)})
    line_with(watch, "UNKNOWN")
    for state in (shelved, shelved, samples.STATE.model_copy(update={"shelved": ()})):
        publisher.publish(state, **now())
    assert "Z  shelved / mise en sommeil: GAS BOTTLE" in line_with(watch, "shelved")
    assert "no longer" in line_with(watch, "shelved")


def test_after_the_detector_ends_the_last_line_is_blind(
    open_raw: zmq.Socket[bytes],
) -> None:
    def send(kind: str, payload: Message) -> None:
        header = samples.HEADER.model_dump(by_alias=True) | now()
        header |= {"schema": f"{kind}/1", "seq": 1, "gseq": 1, "age_ms": 0.1}
        body = payload.model_dump_json().encode()
        open_raw.send_multipart([f"{kind}/l".encode(), json.dumps(header).encode(), body])

    endpoint = f"tcp://127.0.0.1:{open_raw.bind_to_random_port('tcp://127.0.0.1')}"
    with subprocess.Popen(
        [*WATCH, endpoint], stdout=subprocess.PIPE, encoding="utf-8", env=UTF8
    ) as process:
        assert open_raw.recv() == b"\1"
        send("state", samples.STATE)
        send("heartbeat", samples.HEARTBEAT)
        line_with(process, "READY")
        send("heartbeat", samples.HEARTBEAT)  # a fresh heartbeat just before the end
        open_raw.close(linger=500)
        assert process.stdout is not None
        # Within the second for which the last heartbeat would count.
        assert "UNAVAILABLE: connection to the detector lost" in process.stdout.readline()
        process.kill()


def test_a_closed_pipe_ends_it_without_an_error(
    publisher: Publisher, watch: subprocess.Popen[str]
) -> None:
    line_with(watch, "UNKNOWN")
    assert watch.stdout is not None
    watch.stdout.close()
    publisher.publish(samples.ALERT, **now())
    assert watch.wait(10) == 0
    assert watch.stderr is not None
    assert watch.stderr.read() == ""


def test_gaps_restarts_and_unreadable_messages_are_printed(
    open_raw: zmq.Socket[bytes],
) -> None:
    def send(boot_id: str, gseq: int, body: bytes) -> None:
        header = samples.HEADER.model_dump(by_alias=True)
        header |= {"schema": "heartbeat/1", "boot_id": boot_id, "seq": gseq, "gseq": gseq}
        open_raw.send_multipart([b"heartbeat/l", json.dumps(header).encode(), body])

    endpoint = f"tcp://127.0.0.1:{open_raw.bind_to_random_port('tcp://127.0.0.1')}"
    beat = samples.HEARTBEAT.model_dump_json().encode()
    with subprocess.Popen(
        [*WATCH, endpoint], stdout=subprocess.PIPE, encoding="utf-8", env=UTF8
    ) as process:
        assert open_raw.recv() == b"\1"
        send("one", 1, beat)
        send("one", 4, beat)
        assert line_with(process, "GAP: missed 2 messages of any topic")
        send("two", 1, beat)
        assert line_with(process, "RESTART: the detector has restarted")
        send("two", 2, b"{}")
        assert line_with(process, "UNREADABLE: 1 messages, the last: line: Field required")
        process.kill()


def test_a_restart_after_only_unreadable_messages_is_printed(
    open_raw: zmq.Socket[bytes],
) -> None:
    def send(boot_id: str) -> None:
        header = samples.HEADER.model_dump(by_alias=True)
        header |= {"schema": "heartbeat/1", "boot_id": boot_id, "seq": 1, "gseq": 1}
        open_raw.send_multipart([b"heartbeat/l", json.dumps(header).encode(), b"{}"])

    endpoint = f"tcp://127.0.0.1:{open_raw.bind_to_random_port('tcp://127.0.0.1')}"
    with subprocess.Popen(
        [*WATCH, endpoint], stdout=subprocess.PIPE, encoding="utf-8", env=UTF8
    ) as process:
        assert open_raw.recv() == b"\1"
        send("one")
        line_with(process, "UNREADABLE")
        send("two")
        line_with(process, "RESTART: the detector has restarted")
        process.kill()


def test_ctrl_c_in_a_terminal_ends_it_cleanly(publisher: Publisher) -> None:
    with in_a_terminal(publisher) as (process, ours):
        output = b""
        while b"UNKNOWN: no heartbeat yet" not in output:
            output += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        try:
            while more := os.read(ours, 65536):
                output += more
        except OSError:  # Linux raises it when the other end has closed
            pass
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert output.rstrip().endswith((b"\x1b[?25h", b"\x1b[?1049l"))  # the cursor is shown again


def test_the_screen_in_a_terminal_is_refreshed(publisher: Publisher) -> None:
    with in_a_terminal(publisher) as (_, ours):
        assert publisher.wait_for_subscriber("alert", 20)
        publisher.publish(samples.ALERT, **now())
        shown = ""
        while not ("READY" in shown and "GAS BOTTLE / bouteille de" in shown):
            publisher.publish(samples.STATE, **now())
            publisher.publish(samples.HEARTBEAT, **now())
            shown += os.read(ours, 65536).decode(errors="replace")


def test_an_invalid_endpoint_is_refused() -> None:
    with pytest.raises(EndpointError, match="CURVE"):
        run("tcp://192.168.0.4:5556")
