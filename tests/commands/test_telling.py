from __future__ import annotations

import os
import sys

import pytest

from detector.commands.telling import tell


def test_a_line_is_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    tell("line l: watching")
    assert capsys.readouterr().err == "line l: watching\n"


def test_a_log_on_a_full_disk_or_without_a_reader_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    full = os.open("/dev/full", os.O_WRONLY)
    for log in (os.fdopen(full, "w"), os.fdopen(writer, "w")):
        monkeypatch.setattr(sys, "stderr", log)
        tell("line l: raised gas a000001")
        with pytest.raises(OSError, match=r"No space|Broken pipe"):
            log.close()
        tell("and once it is closed")
