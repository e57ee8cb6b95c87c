"""The examples of docs/wire.md, executed."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detector.delivery.clocks import HostClocks
from detector.delivery.journal import Journal
from detector.delivery.outbox import Outbox
from detector.delivery.publisher import Publisher
from detector.delivery.request_server import RequestServer
from detector.wire import samples
from detector.wire.messages import Heartbeat

PAGE = (Path(__file__).parent.parent / "docs" / "wire.md").read_text(encoding="utf-8")
MONO = shutil.which("mcs") and shutil.which("mono")
ANY_PORT = "tcp://127.0.0.1:*"


@pytest.mark.parametrize("which", [0, 1], ids=["sync", "asyncio"])
def test_the_python_examples_on_the_page_receive_alerts(which: int) -> None:
    snippet = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[which]
    with (
        Journal(None) as journal,
        Publisher(ANY_PORT, line="l", boot_id="b") as publisher,
        RequestServer(ANY_PORT) as server,
    ):
        outbox = Outbox(publisher, server, journal)
        program = snippet.replace("tcp://127.0.0.1:5556", publisher.endpoint)
        program = program.replace("tcp://127.0.0.1:5557", server.endpoint)
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
        ) as process:
            assert publisher.wait_for_subscriber("alert", 60)
            ends_s = time.monotonic() + 60
            while not outbox.delivery_state().consumers and time.monotonic() < ends_s:
                outbox.poll()
            outbox.send([samples.ALERT])
            answers = []
            while not answers and which == 1 and time.monotonic() < ends_s:
                answers = outbox.poll()
            for pending in answers:
                outbox.reply(pending, ok=True)
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(2 + which)]
            process.kill()
    assert "unknown no heartbeat yet, for 0 s\n" in lines
    assert "raised gas e-17\n" in lines
    if which == 1:
        assert "acknowledged: True\n" in lines


def page_bytes() -> list[tuple[str, bytes]]:
    """The byte-level example: sender (`>` is the subscriber) and bytes of each step."""
    block = PAGE[PAGE.index("> ff 00") :]
    block = block[: block.index("```")]
    steps = []
    # Comments begin after four spaces or far to the right; JSON continues on the next line.
    for line in re.sub(r"\n {3}(?=\S)", "", re.sub(r"\n {20,}.*", "", block)).splitlines():
        rest, data = line[2:], b""
        while token := re.match(r'(?:"(\{.*\}|[^"]*)"|([0-9a-f]{2})(?:×(\d+))?)(?: |$)', rest):
            text, byte, times = token.groups()
            data += text.encode() if byte is None else bytes.fromhex(byte) * int(times or 1)
            rest = rest[token.end() :]
        steps.append((line[0], data))
    return steps


def test_the_bytes_on_the_page_match_a_publisher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HostClocks, "age_ms", lambda *_: 23.095)
    monkeypatch.setattr(HostClocks, "sync", lambda _: "unsynchronised")
    with (
        Publisher(ANY_PORT, line="tapis-1", boot_id="06d5e1b0768a") as publisher,
        socket.create_connection(
            ("127.0.0.1", int(publisher.endpoint.rpartition(":")[2])), timeout=60
        ) as plain,
    ):
        published = False
        for who, data in page_bytes():
            if who == ">":
                plain.sendall(data)
                continue
            if data.startswith(b"\1") and not published:
                assert publisher.wait_for_subscriber("heartbeat", 60)
                publisher.publish(
                    Heartbeat(line="tapis-1", inferences=1230, frame_index=1234),
                    t_capture_utc_ns=1772785200000000000,
                    t_capture_mono_ns=6509857452644,
                )
                published = True
            received = b""
            while len(received) < len(data):
                more = plain.recv(len(data) - len(received))
                received += more or pytest.fail(f"ended after {received!r}")
            assert received == data
        assert published


@pytest.mark.skipif(not MONO, reason="needs Mono: mcs and mono")
def test_the_csharp_example_on_the_page_compiles_receives_and_detects_silence(
    tmp_path: Path,
) -> None:
    (source,) = re.findall(r"```csharp\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "gateway.cs").write_text(source, encoding="utf-8")
    subprocess.run(["mcs", "gateway.cs"], cwd=tmp_path, check=True)
    with Publisher(ANY_PORT, line="l", boot_id="b") as publisher:
        port = publisher.endpoint.rpartition(":")[2]
        with subprocess.Popen(
            ["mono", tmp_path / "gateway.exe", "127.0.0.1", port],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert publisher.wait_for_subscriber("state", 60)
            for payload in (samples.HEARTBEAT, samples.ALERT):
                publisher.publish(payload, t_capture_utc_ns=1, t_capture_mono_ns=1)
            output, _ = process.communicate(timeout=60)
    lines = output.splitlines()
    assert lines[:3:2] == ["heartbeat/l", samples.HEARTBEAT.model_dump_json()]
    assert lines[3:6:2] == ["alert/l/gas", samples.ALERT.model_dump_json()]
    assert lines[6].startswith("BLIND: ")


def test_every_request_and_topic_is_on_the_page() -> None:
    for name in ("snapshot", "replay", "consume", "answer"):
        assert f"| `{name}` |" in PAGE
    for topic in (*samples.PAYLOADS, *samples.EVIDENCE_PAYLOADS):
        assert f"`{topic}/<line>" in PAGE
