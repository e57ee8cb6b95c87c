from __future__ import annotations

import os
import sys

import pytest

from detector.commands.telling import log


def test_a_line_is_logged_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    log("line l: watching")
    assert capsys.readouterr().err == "line l: watching\n"


def test_a_full_disk_or_a_pipe_without_a_reader_raises_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    full = os.open("/dev/full", os.O_WRONLY)
    for stderr in (os.fdopen(full, "w"), os.fdopen(writer, "w")):
        monkeypatch.setattr(sys, "stderr", stderr)
        log("line l: raised gas a000001")
        with pytest.raises(OSError, match=r"No space|Broken pipe"):
            stderr.close()
        log("and after it was closed")
