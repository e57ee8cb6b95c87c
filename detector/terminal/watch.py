"""`vigitri watch`: a line's alerts in the terminal, for people without a browser."""

from __future__ import annotations

import io
import os
import sys
import time
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.text import Text

from detector import client
from detector.terminal.alert_text import alert_line
from detector.terminal.board import Board
from detector.terminal.line_text import not_kept, set_aside
from detector.terminal.screen import screen, sight_line
from detector.terminal.texts import DISCLAIMER
from detector.wire.messages import Alert, LineState

__all__ = ["alert_line", "run"]

REFRESH_S = 0.2
"""Between two pictures of the screen; also how soon silence is noticed."""


def run(
    endpoint: str,
    *,
    answers: str | None = None,
    keys: client.ClientKeys | None = None,
) -> None:
    """Show what a line publishes until Ctrl-C.

    In a terminal a screen that keeps itself up to date; else one plain line for each alert's
    revision, each loss of sight and each gap, flushed at once. Raises EndpointError.
    """
    console = Console()
    with client.Line(endpoint, answers, keys=keys) as line:
        try:
            if console.is_terminal:
                _show_screen(line, console)
            else:
                _print_lines(line)
        except KeyboardInterrupt:
            pass
        except BrokenPipeError:
            # Whoever read the lines has gone; without this Python complains again at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_screen(line: client.Line, console: Console) -> None:
    board = Board(line.publish or "", time.monotonic_ns())
    due_s = 0.0
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            if time.monotonic() >= due_s:
                board.refused(line.refusal)
                picture = screen(
                    board,
                    time.monotonic_ns(),
                    console,
                    missed=line.missed,
                    malformed=line.malformed,
                )
                live.update(picture, refresh=True)
                due_s = time.monotonic() + REFRESH_S
            item = line.receive(max(0.0, due_s - time.monotonic()))
            if item is not None:
                board.take(item)


def _print_lines(line: client.Line) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="replace"
        )  # a terminal of another alphabet is no reason to end
    for words in DISCLAIMER:
        print(words)
    board = Board(line.publish or "", time.monotonic_ns())
    malformed, cares = 0, list[str]()
    while True:
        if line.malformed != malformed:
            malformed = line.malformed
            _print(f"UNREADABLE: {malformed} messages, the last: {line.malformed_reason}")
        item = line.receive(REFRESH_S)
        if item is None:
            continue
        restarts = board.restarts
        news = board.take(item)
        match item:
            case client.SightChanged():
                board.refused(line.refusal)
                _print(str(sight_line(board, time.monotonic_ns())))
            case client.Gap():
                _print(f"GAP: {item}")
            case client.Healed():
                _print(f"HEALED: {item}")
            case client.Restarted():
                # Of the start before nothing may have been readable: then there is nothing to note.
                known = board.restarts > restarts
                _print(f"RESTART: {board.notes[-1] if known else 'the detector has restarted'}")
            case client.Vanished(alert=alert):
                _print(f"ENDED, and its last word is lost: {alert_line(alert)}")
            case client.Received(payload=LineState() as state):
                cares = _print_cares(state, cares)
            case client.Received(payload=Alert() as alert) if news:
                print(_alert_line(board, item, alert), flush=True)


def _print_cares(state: LineState, before: list[str]) -> list[str]:
    """Tell what has come or gone of what was told `before`; what there is now."""
    cares = [*set_aside(state, UTC), *not_kept(state)]
    news = [words for words in cares if words not in before]
    over = [f"no longer / plus maintenant: {words}" for words in before if words not in cares]
    for words in (*news, *over):
        _print(words)
    return cares


def _alert_line(board: Board, item: client.Received, alert: Alert) -> Text:
    if item.how == "published" or item.header.stamp_source != "grab":
        return alert_line(alert, item.header)
    age_ms = board.age_ns(item, item.t_received_mono_ns) / 1e6
    return alert_line(alert, item.header, fetched_after_ms=age_ms)


def _print(words: str) -> None:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    print(f"{moment}  {words}", flush=True)
