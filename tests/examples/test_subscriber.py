from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from detector.delivery.publisher import Publisher
from detector.wire import samples

EXAMPLE = Path(__file__).parents[2] / "examples" / "subscriber.py"


@pytest.mark.timeout(30)
def test_the_example_prints_alerts_and_warns_when_the_belt_is_not_watched() -> None:
    with (
        Publisher("tcp://127.0.0.1:*", line="l", boot_id="b") as publisher,
        subprocess.Popen(
            [sys.executable, str(EXAMPLE), publisher.endpoint],
            stdout=subprocess.PIPE,
            encoding="utf-8",
        ) as example,
    ):
        assert publisher.wait_for_subscriber("heartbeat", 20)
        assert example.stdout is not None
        t_ns = time.monotonic_ns()
        publisher.beat(inferences=1, frame_index=0, t_capture_utc_ns=t_ns, t_capture_mono_ns=t_ns)
        publisher.publish(samples.ALERT, t_capture_utc_ns=t_ns, t_capture_mono_ns=t_ns)
        lines: list[str] = []
        while len({line.split()[0] for line in lines}) < 2:  # if late, blind before the heartbeat
            lines.append(example.stdout.readline())
        (raised,) = (line for line in lines if not line.startswith("BLIND"))
        assert raised.startswith("raised gas {'box_px'")
        assert "picker-1" in raised
        assert {line for line in lines if line != raised} == {"BLIND: no heartbeat for 1 s\n"}
        example.kill()


def test_the_example_does_not_import_detector() -> None:
    assert "detector" not in EXAMPLE.read_text(encoding="utf-8")
