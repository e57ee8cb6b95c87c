"""Log output: the handler that writes a process's log lines to stderr.

Modules log with `logging.getLogger(__name__)`. A process that runs one line gives its name once
(`name_line`); one that watches several gives it with each record (`extra={"line": name}`).
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime

from detector.errors import VigitriError

VARIABLE = "VIGITRI_LOG"
"""Environment variable that selects the format; child processes inherit it."""
_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6}
"""Syslog priorities; journald reads them from `<N>` at the beginning of a line (sd-daemon(3))."""
_DEBUG = 7


class LogFormatError(VigitriError, ValueError):
    """An unknown format in `VIGITRI_LOG`."""


class TextFormatter(logging.Formatter):
    """For people: time, level, the line's name, message."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return f"{_time(record)} {record.levelname:<7} {_named(record)}"


class JournalFormatter(logging.Formatter):
    """For journald, which adds the time itself: `<priority>`, the line's name, message."""

    def format(self, record: logging.LogRecord) -> str:
        priority = f"<{_PRIORITIES.get(record.levelno, _DEBUG)}>"
        return priority + super().format(record).replace("\n", f"\n{priority}")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return _named(record)


class JsonFormatter(logging.Formatter):
    """For programs: one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        document = {
            "time": _time(record),
            "level": record.levelname,
            "line": _line(record),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False)


FORMATS: dict[str, type[logging.Formatter]] = {
    "text": TextFormatter,
    "json": JsonFormatter,
    "journal": JournalFormatter,
}


class StderrHandler(logging.Handler):
    """Writes records to stderr as it is now.

    Write errors (a full disk, a pipe without a reader) are ignored: detection and publishing do
    not depend on the log.
    """

    line: str | None = None
    """The line that this process runs."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            record.line = getattr(record, "line", None) or self.line
            text = self.format(record)
        except Exception:
            self.handleError(record)
            return
        if sys.stderr is not None:  # it was closed before the start
            with suppress(OSError, ValueError):
                print(text, file=sys.stderr, flush=True)


_HANDLER = StderrHandler()


def set_up_logging() -> None:
    """Write this process's records to stderr, the detector's from INFO, libraries' from WARNING.

    Raises:
        LogFormatError: `VIGITRI_LOG` names no format.
    """
    name = os.environ.get(VARIABLE) or ("journal" if _is_journal() else "text")
    if name not in FORMATS:
        raise LogFormatError(f"{VARIABLE} = {name!r}: write text, json or journal, or unset it")
    _HANDLER.setFormatter(FORMATS[name]())
    _HANDLER.line = None
    logging.getLogger().addHandler(_HANDLER)
    logging.getLogger("detector").setLevel(logging.INFO)


def stop_logging() -> None:
    """Undo `set_up_logging`, in a process that goes on after a command."""
    logging.getLogger().removeHandler(_HANDLER)
    logging.getLogger("detector").setLevel(logging.NOTSET)


def name_line(line: str) -> None:
    """Name the line that this process runs; for the records that name none."""
    _HANDLER.line = line


def _is_journal() -> bool:
    """Whether stderr is a stream of journald: systemd puts its device and inode in the
    environment, so that output redirected elsewhere is recognised."""
    with suppress(OSError, ValueError, AttributeError):
        stream = os.fstat(sys.stderr.fileno())
        return os.environ.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"
    return False


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _line(record: logging.LogRecord) -> str | None:
    line: str | None = getattr(record, "line", None)
    return line


def _named(record: logging.LogRecord) -> str:
    """The message after the line's name and, of a library's record, the logger's."""
    names = [_line(record), None if record.name.startswith("detector.") else record.name]
    return ": ".join([*filter(None, names), record.message])
