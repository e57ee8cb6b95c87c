"""`vigitri watch`: a line's alerts in the terminal, for people without a browser."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live

from detector.station.alert_text import alert_line
from detector.station.board import Board, Sight
from detector.station.screen import screen, sight_line
from detector.station.words import DISCLAIMER
from detector.wire.gaps import Gap
from detector.wire.messages import Alert
from detector.wire.subscriber import Subscriber

__all__ = ["alert_line", "run"]

REFRESH_S = 0.2
"""Between two pictures of the screen; also how soon silence is noticed."""


def run(endpoint: str, *, duration_s: float | None = None, console: Console | None = None) -> None:
    """Show what a line publishes until Ctrl-C, or for `duration_s`.

    In a terminal a screen that keeps itself up to date; else one plain line for each alert's
    revision, each loss of sight and each gap, flushed at once. Raises EndpointError.
    """
    console = console or Console()
    ends_s = None if duration_s is None else time.monotonic() + duration_s

    def over() -> bool:
        return ends_s is not None and time.monotonic() >= ends_s

    with Subscriber(endpoint) as subscriber:
        try:
            if console.is_terminal:
                _show_screen(subscriber, console, over)
            else:
                _print_lines(subscriber, over)
        except KeyboardInterrupt:
            pass
        except BrokenPipeError:
            # Whoever read the lines has gone; without this Python complains again at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_screen(subscriber: Subscriber, console: Console, over: Callable[[], bool]) -> None:
    board = Board(subscriber.endpoint, time.monotonic_ns())
    due_s = 0.0
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while not over():
            if time.monotonic() >= due_s:
                picture = screen(
                    board,
                    time.monotonic_ns(),
                    console,
                    missed=subscriber.missed,
                    malformed=subscriber.malformed,
                )
                live.update(picture, refresh=True)
                due_s = time.monotonic() + REFRESH_S
            item = subscriber.receive(max(0.0, due_s - time.monotonic()))
            if item is not None:
                board.take(item)


def _print_lines(subscriber: Subscriber, over: Callable[[], bool]) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="replace"
        )  # a terminal of another alphabet is no reason to end
    for line in DISCLAIMER:
        print(line)
    board = Board(subscriber.endpoint, time.monotonic_ns())
    sight: Sight | None = None
    malformed = 0
    while not over():
        now_ns = time.monotonic_ns()
        if board.sight(now_ns)[0] is not sight:
            sight = board.sight(now_ns)[0]
            _print(str(sight_line(board, now_ns)))
        if subscriber.malformed != malformed:
            malformed = subscriber.malformed
            _print(f"UNREADABLE: {malformed} messages, the last: {subscriber.malformed_reason}")
        item = subscriber.receive(REFRESH_S)
        if item is None:
            continue
        restarts = board.restarts
        news = board.take(item)
        if isinstance(item, Gap):
            _print(f"GAP: {item}")
            continue
        if board.restarts > restarts:
            _print(f"RESTART: {board.notes[-1]}")
        if isinstance(item.payload, Alert) and news:
            print(alert_line(item.payload, item.header), flush=True)


def _print(words: str) -> None:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    print(f"{moment}  {words}", flush=True)
