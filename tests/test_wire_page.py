"""What docs/wire.md shows, tried."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from detector.wire import samples
from detector.wire.desk import AnswerDesk
from detector.wire.journal import Journal
from detector.wire.post import AlertPost
from detector.wire.publisher import Publisher

PAGE = (Path(__file__).parent.parent / "docs" / "wire.md").read_text(encoding="utf-8")
ANY_PORT = "tcp://127.0.0.1:*"


def test_the_python_on_the_page_runs_and_hears() -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with (
        Journal(None) as journal,
        Publisher(ANY_PORT, line="l", boot_id="b") as publisher,
        AnswerDesk(ANY_PORT) as desk,
    ):
        post = AlertPost(publisher, desk, journal)
        program = snippet.replace("tcp://127.0.0.1:5556", publisher.endpoint)
        program = program.replace("tcp://127.0.0.1:5557", desk.endpoint)
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
        ) as process:
            assert publisher.wait_for_subscriber("alert", 60)
            ends_s = time.monotonic() + 60
            while not post.delivery_state().consumers and time.monotonic() < ends_s:
                post.poll()
            post.send([samples.ALERT])
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(2)]
            process.kill()
    assert "unknown no heartbeat yet, for 0 s\n" in said
    assert "raised gas e-17\n" in said


def test_the_bytes_on_the_page_are_as_long_as_it_says() -> None:
    """Each quoted frame has the length that stands before it, in hexadecimal."""
    flat = re.sub(r"\n +", "", PAGE[PAGE.index("> 00 0b 01") : PAGE.rindex("```")])
    for length, text in re.findall(r'< 0[01] ([0-9a-f]{2}) "(\{.*?\}|[^"{]*)"', flat):
        assert len(text) == int(length, 16)
    assert re.search(r'00 0b 01 "(heartbeat/)"', flat)


def test_every_field_and_request_on_the_page_exists() -> None:
    for name in ("snapshot", "replay", "consume", "answer"):
        assert f"| `{name}` |" in PAGE
    for topic in samples.PAYLOADS:
        assert f"`{topic}/<line>" in PAGE
