"""A render that is interrupted by a signal leaves no partial clip."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The real command; it prints each rendered frame, so that the test need not guess.
PROGRAM = """
import sys
from twin.line.line import SimulatedLine
from detector.cli import main
real = SimulatedLine.run
def reporting(self, **more):
    for frame in real(self, **more):
        print("frame", flush=True)
        yield frame
SimulatedLine.run = reporting
sys.argv = ["vigitri", "twin", "render", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_leaves_no_clip_and_the_next_render_cleans_up(
    tiny: Path, tmp_path: Path, how: signal.Signals
) -> None:
    out = tmp_path / "here" / "out"
    command = [sys.executable, "-c", PROGRAM, str(tiny), "-o", str(out)]
    with subprocess.Popen(
        [*command, "--duration", "600"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"frame\n"
        os.kill(process.pid, how)
        process.stdout.read()
        stderr = process.stderr.read().decode()
        assert process.wait() != 0
    assert "Traceback" not in stderr
    assert not out.exists()
    if how is not signal.SIGKILL:
        assert list(out.parent.iterdir()) == []
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list(out.parent.iterdir()) == [out]
    assert (out / "tiny.truth.jsonl").is_file()
