from __future__ import annotations

import signal
import subprocess
import sys

from tests.small_line import PATIENCE_S


def test_the_second_signal_ends_a_hanging_line() -> None:
    hangs = """
import time
from detector.runtime.stop_signals import stopped_by_signals
with stopped_by_signals() as stop:
    print("hangs", flush=True)
    while True:
        time.sleep(0.01)
        print(stop.is_set(), flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", hangs], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hangs\n"
        process.send_signal(signal.SIGINT)
        while process.stdout.readline() != "True\n":
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == -signal.SIGINT
