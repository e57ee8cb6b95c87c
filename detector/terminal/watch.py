"""`vigitri watch`: a line's alerts in the terminal."""

from __future__ import annotations

import io
import math
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
from detector.terminal.french import Language, say, speak, spoken
from detector.terminal.line_text import not_kept, set_aside
from detector.terminal.screen import screen, vision_line
from detector.terminal.texts import DISCLAIMER
from detector.wire.messages import Alert, LineState

__all__ = ["alert_line", "run"]

REFRESH_S = 0.2
"""Refresh interval of the screen, and resolution at which silence is detected."""

HINT_AFTER_S = 2.0
"""Time without any message after which a possible cause is printed: a wrong address is silent."""


def run(
    endpoint: str,
    *,
    requests: str | None = None,
    keys: client.ClientKeys | None = None,
    language: Language = "en",
) -> None:
    """Show a line's alerts until Ctrl-C.

    In a terminal as a live screen; else as one plain line per alert revision, change of vision and
    gap, flushed at once. Raises EndpointError.
    """
    speak(language)
    console = Console()
    with client.Line(endpoint, requests, keys=keys) as line:
        try:
            if console.is_terminal:
                _show_screen(line, console)
            else:
                _print_lines(line)
        except KeyboardInterrupt:
            pass
        except BrokenPipeError:
            # The reader has gone; without this Python reports the error again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_screen(line: client.Line, console: Console) -> None:
    board = Board(line.publish or "", time.monotonic_ns())
    due_s = 0.0
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            if time.monotonic() >= due_s:
                board.refused(line.refusal)
                content = screen(
                    board,
                    time.monotonic_ns(),
                    console,
                    missed=line.missed,
                    malformed=line.malformed,
                )
                live.update(content, refresh=True)
                due_s = time.monotonic() + REFRESH_S
            item = line.receive(max(0.0, due_s - time.monotonic()))
            if item is not None:
                board.update(item)


def _print_lines(line: client.Line) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that can't show a character must not end the program.
        sys.stdout.reconfigure(errors="replace")
    for words in DISCLAIMER[1:] if spoken() == "fr" else DISCLAIMER:
        print(words)
    board = Board(line.publish or "", time.monotonic_ns())
    malformed, warnings = 0, list[str]()
    hint_at_s = time.monotonic() + HINT_AFTER_S
    while True:
        if line.malformed != malformed:
            malformed = line.malformed
            reason = line.malformed_reason
            _print(say("UNREADABLE: {n} messages, the last: {reason}", n=malformed, reason=reason))
        item = line.receive(REFRESH_S)
        hint_at_s = _hint_if_silent(line, item, hint_at_s)
        if item is None:
            continue
        restarts = board.restarts
        is_new = board.update(item)
        match item:
            case client.VisionChanged():
                board.refused(line.refusal)
                _print(str(vision_line(board, time.monotonic_ns())))
            case client.Gap():
                _print(say("GAP: {gap}", gap=item))
            case client.GapFilled():
                _print(say("HEALED: {gap}", gap=item))
            case client.DetectorRestarted():
                # Without a readable message of the previous start the board has no note.
                known = board.restarts > restarts
                note = board.notes[-1] if known else say("the detector has restarted")
                _print(say("RESTART: {note}", note=note))
            case client.AlertVanished(alert=alert):
                _print(say("ENDED, its last revision is lost: {alert}", alert=alert_line(alert)))
            case client.Received(payload=LineState() as state):
                warnings = _print_warnings(state, warnings)
            case client.Received(payload=Alert() as alert) if is_new:
                print(_alert_line(board, item, alert), flush=True)


def _hint_if_silent(line: client.Line, item: client.Event | None, due_s: float) -> float:
    """Print the hint if it is due; returns when it is due next."""
    if isinstance(item, client.Received) or line.refusal:
        return math.inf
    if time.monotonic() < due_s:
        return due_s
    _print(
        say(
            "NOTHING RECEIVED from {endpoint}: is the detector running, and is this its "
            "wire.publish? / rien reçu",
            endpoint=line.publish,
        )
    )
    return math.inf


def _print_warnings(state: LineState, before: list[str]) -> list[str]:
    """Print the warnings that are new or have ended since `before`; returns the current ones."""
    warnings = [*set_aside(state, UTC), *not_kept(state)]
    new = [words for words in warnings if words not in before]
    over = [
        say("no longer / plus maintenant: {words}", words=words)
        for words in before
        if words not in warnings
    ]
    for words in (*new, *over):
        _print(words)
    return warnings


def _alert_line(board: Board, item: client.Received, alert: Alert) -> Text:
    if item.how == "published":
        return alert_line(alert, item.header)
    age_ms = board.age_ns(item, item.t_received_mono_ns) / 1e6
    return alert_line(alert, item.header, fetched_after_ms=age_ms)


def _print(words: str) -> None:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    print(f"{moment}  {words}", flush=True)
