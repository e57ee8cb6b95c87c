"""What a process logs on stderr, in each format."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.log_output import LogFormatError, name_line, set_up_logging

LOGGER = logging.getLogger("detector.live")
TIME = "2026-11-30T17:10:52.123Z"


@pytest.fixture(autouse=True)
def _fixed_time() -> Iterator[None]:
    usual = logging.getLogRecordFactory()

    def at_that_time(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = usual(*arguments, **named)
        record.created = 1_796_058_652.1234
        return record

    logging.setLogRecordFactory(at_that_time)
    yield
    logging.setLogRecordFactory(usual)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIGITRI_LOG", raising=False)
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)


def test_a_text_line_states_time_level_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    name_line("belt-1")
    LOGGER.info("raised %s %s", "gas", "a000001")
    LOGGER.error("unavailable: no image for 2.0 s")
    LOGGER.debug("not shown")
    assert capsys.readouterr().err.splitlines() == [
        f"{TIME} INFO    belt-1: raised gas a000001",
        f"{TIME} ERROR   belt-1: unavailable: no image for 2.0 s",
    ]


def test_a_record_may_name_another_line_or_none(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    LOGGER.warning("bridge, unit 2: degraded", extra={"line": "belt-2"})
    LOGGER.info("bridge: stopped")
    assert capsys.readouterr().err.splitlines() == [
        f"{TIME} WARNING belt-2: bridge, unit 2: degraded",
        f"{TIME} INFO    bridge: stopped",
    ]


def test_json_lines_have_the_same_fields_in_every_record(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGITRI_LOG", "json")
    set_up_logging()
    LOGGER.warning('"late"\nand more', extra={"line": "belt-1"})
    LOGGER.info("no line")
    named, unnamed = map(json.loads, capsys.readouterr().err.splitlines())
    assert named == {
        "time": TIME,
        "level": "WARNING",
        "line": "belt-1",
        "logger": "detector.live",
        "message": '"late"\nand more',
    }
    assert unnamed == named | {"level": "INFO", "line": None, "message": "no line"}


def test_the_journal_gets_priorities_and_no_time(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "journal").open("w+", encoding="utf-8") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        monkeypatch.setattr(sys, "stderr", stream)
        set_up_logging()
        name_line("belt-1")
        LOGGER.info("watching")
        LOGGER.warning("late")
        LOGGER.error("two\nlines")
        stream.seek(0)
        assert stream.read().splitlines() == [
            "<6>belt-1: watching",
            "<4>belt-1: late",
            "<3>belt-1: two",
            "<3>lines",
        ]
    monkeypatch.undo()
    assert capfd.readouterr().err == ""


def test_stderr_that_was_redirected_under_systemd_is_text(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:4711")
    set_up_logging()
    LOGGER.info("watching")
    assert capfd.readouterr().err == f"{TIME} INFO    watching\n"


@pytest.mark.parametrize("form", ["text", "json", "journal"])
def test_a_library_is_named_shown_from_warnings_and_never_twice(
    form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGITRI_LOG", form)
    set_up_logging()
    set_up_logging()
    library = logging.getLogger("camera_maker.grabber")
    library.setLevel(logging.NOTSET)
    logging.getLogger().setLevel(logging.WARNING)  # pytest has lowered it
    library.info("not shown")
    library.warning("buffer lost")
    (line,) = capsys.readouterr().err.splitlines()
    assert "camera_maker.grabber" in line
    assert "buffer lost" in line


@pytest.mark.parametrize("form", ["text", "json", "journal"])
def test_a_traceback_is_kept(
    form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGITRI_LOG", form)
    set_up_logging()
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        LOGGER.exception("failed")
    lines = capsys.readouterr().err.splitlines()
    assert "RuntimeError: broken" in lines[-1]
    if form == "journal":
        assert all(line.startswith("<3>") for line in lines)
    if form == "json":
        (line,) = lines
        assert json.loads(line)["message"] == "failed"


def test_an_unknown_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGITRI_LOG", "xml")
    with pytest.raises(LogFormatError, match=r"^VIGITRI_LOG = 'xml': write text, json or journal"):
        set_up_logging()


def test_a_full_disk_or_a_pipe_without_a_reader_raises_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_up_logging()
    reader, writer = os.pipe()
    os.close(reader)
    full = os.open("/dev/full", os.O_WRONLY)
    for stderr in (os.fdopen(full, "w"), os.fdopen(writer, "w")):
        monkeypatch.setattr(sys, "stderr", stderr)
        LOGGER.info("raised gas a000001")
        with pytest.raises(OSError, match=r"No space|Broken pipe"):
            stderr.close()
        LOGGER.info("and after it was closed")


def test_a_process_without_stderr_logs_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)  # as after `vigitri run … 2>&-`
    set_up_logging()
    LOGGER.info("watching")
    assert capsys.readouterr().out == ""
