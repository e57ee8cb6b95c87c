"""The terminal screen: grey; abnormal states have colour and text (ISA-101)."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.table import Table
from rich.text import Text

from detector.client.events import Received
from detector.terminal.alert_text import (
    GREY,
    call,
    call_style,
    probability_text,
    time_to_act,
    too_late,
    where,
)
from detector.terminal.board import Board
from detector.terminal.french import say, spoken
from detector.terminal.line_text import not_kept, set_aside
from detector.terminal.texts import DISCLAIMER, state_name
from detector.vocabulary import VisionState
from detector.wire.messages import Alert, CoverageState, LineState

ALARM = "bold white on red3"
WARNING = "bold black on gold1"
PLAIN = "grey85"
_FRENCH = {
    VisionState.UNKNOWN: "état inconnu",
    VisionState.STARTING: "démarrage, personne ne surveille",
    VisionState.UNAVAILABLE: "AVEUGLE, personne ne surveille",
    VisionState.DEGRADED: "vision dégradée",
    VisionState.READY: "surveillance en cours",
}
_STYLE = {
    VisionState.UNKNOWN: WARNING,
    VisionState.STARTING: ALARM,
    VisionState.UNAVAILABLE: ALARM,
    VisionState.DEGRADED: WARNING,
    VisionState.READY: GREY,
}


def vision_line(board: Board, now_ns: int) -> Text:
    """Whether the belt is being watched, in one line."""
    vision, reason = board.vision(now_ns)
    if spoken() == "fr":
        return Text(f"{_FRENCH[vision]} : {reason}" if reason else _FRENCH[vision], _STYLE[vision])
    words = f"{vision.upper()}: {reason}" if reason else vision.upper()
    return Text(f"{words} / {_FRENCH[vision]}", _STYLE[vision])


def screen(
    board: Board, now_ns: int, console: Console, *, missed: int, malformed: int
) -> RenderableType:
    """The screen at `now_ns`, filling `console`: vision and health at the top, the disclaimer at
    the bottom, and between them as many alerts as fit.
    """
    line = board.state.line if board.state else "?"
    top = Group(
        Text(say("Vigitri  line {line}  {endpoint}", line=line, endpoint=board.endpoint), GREY),
        vision_line(board, now_ns),
        health_bar(board, now_ns, missed=missed, malformed=malformed),
        *(Text(words, WARNING) for words in _warnings(board)),
        *(Text(note, WARNING) for note in board.notes),
        Text(),
    )
    bottom = Group(*(Text(words, GREY) for words in DISCLAIMER))
    top_lines, bottom_lines = _lines(top, console), _lines(bottom, console)
    room = max(1, console.height - top_lines - bottom_lines)
    layout = Layout()
    layout.split_column(
        Layout(top, size=top_lines),
        Layout(_alerts(board, now_ns, console, room)),
        Layout(bottom, size=bottom_lines),
    )
    return layout


def _warnings(board: Board) -> list[str]:
    return [] if board.state is None else [*set_aside(board.state), *not_kept(board.state)]


def _lines(part: RenderableType, console: Console) -> int:
    return len(console.render_lines(part, console.options.update(height=None), pad=False))


def health_bar(board: Board, now_ns: int, *, missed: int, malformed: int) -> Text:
    """The line's health; always shown."""
    beat_s = board.heartbeat_age_s(now_ns)
    sees = board.vision(now_ns)[0].is_watching
    facts = [
        *_state_facts(board.state, sees),
        (say("heartbeat none"), WARNING)
        if beat_s is None
        else (say("heartbeat {age} s", age=f"{beat_s:.1f}"), PLAIN),
        _latency(board),
        (say("missed {n}", n=missed), WARNING if missed else PLAIN),
        (say("unreadable {n}", n=malformed), WARNING if malformed else PLAIN),
    ]
    return Text(" · ", GREY).join(Text(words, style) for words, style in facts)


def _state_facts(state: LineState | None, sees: bool) -> list[tuple[str, str]]:
    if state is None:
        return [(say("vision UNKNOWN"), WARNING), (say("coverage UNKNOWN"), WARNING)]
    name = _FRENCH[state.vision] if spoken() == "fr" else state.vision
    vision = say("vision {state}", state=name) + (f" ({state.reason})" if state.reason else "")
    share = "" if state.coverage is None else f"{state.coverage * 100:.0f} %"
    speed = None if state.belt_speed_mm_s is None else f"{state.belt_speed_mm_s:.0f} mm/s"
    if not sees:  # last known, and no longer true
        return [
            (vision if state.vision != "ready" else say("vision UNKNOWN"), WARNING),
            (_was("coverage UNKNOWN", "coverage UNKNOWN (was {share})", share=share), WARNING),
            (_was("belt UNKNOWN", "belt UNKNOWN (was {speed})", speed=speed), WARNING),
        ]
    coverage = {
        CoverageState.UNKNOWN: (say("coverage UNKNOWN"), WARNING),
        CoverageState.CLEAR: (say("coverage {share} clear", share=share), PLAIN),
        CoverageState.OVERLOAD: (say("coverage {share} OVERLOAD", share=share), ALARM),
    }[state.coverage_state]
    basis = say(state.speed_basis)
    facts = [
        (vision, PLAIN if state.vision == "ready" else WARNING),
        coverage,
        (say("belt {speed} ({basis})", speed=speed, basis=basis), PLAIN)
        if speed
        else (say("belt UNKNOWN"), GREY),
        *_belt_facts(state),
        (
            say(
                "frames {seen}, overwritten {lost}",
                seen=state.inferences,
                lost=state.frames_overwritten,
            ),
            PLAIN,
        ),
    ]
    if state.camera_restarts:
        facts.append((say("camera restarts {n}", n=state.camera_restarts), WARNING))
    return facts


def _belt_facts(state: LineState) -> list[tuple[str, str]]:
    """Faults of the belt, and its known speeds other than the one in use."""
    if state.belt_state in {"runs", "stopped"}:
        each = (("encoder", state.encoder_mm_s), ("image", state.image_mm_s))
        others = [
            f"{say(basis)} {speed:.0f}"
            for basis, speed in each
            if speed is not None and basis != state.speed_basis
        ]
        return [(say("by {others} mm/s", others=", ".join(others)), PLAIN)] if others else []
    if state.mm_basis == "none" or (state.belt_state == "unknown" and not state.belt_reason):
        return []  # the belt is not measured, or an older detector does not report it
    reason = f" ({state.belt_reason})" if state.belt_reason else ""
    words = f"belt {state.belt_state.replace('_', ' ').upper()}{{reason}}"
    return [(say(words, reason=reason), WARNING)]


def _was(unknown: str, with_last: str, **last: str | None) -> str:
    """Unknown, with the last known value where there is one."""
    return say(with_last, **last) if all(last.values()) else say(unknown)


def _latency(board: Board) -> tuple[str, str]:
    p50_ms, p99_ms = board.latency_ms(0.5), board.latency_ms(0.99)
    if p50_ms is None or p99_ms is None:
        return say("capture→here unknown"), GREY
    words = say(
        "capture→here p50 {p50} p99 {p99} ms (last {n})",
        p50=f"{p50_ms:.0f}",
        p99=f"{p99_ms:.0f}",
        n=board.latencies,
    )
    return words, PLAIN


def _alerts(board: Board, now_ns: int, console: Console, room: int) -> RenderableType:
    """The active alerts that fit in `room` lines, and above them the number of others."""
    active = board.active()
    for shown in range(min(len(active), room // 2), -1, -1):
        parts: list[RenderableType] = []
        if len(active) > shown:
            words = say("active, but no room here: {n} more", n=len(active) - shown)
            parts.append(Text(words, WARNING))
        if board.missing_alerts():
            words = say("active, but not received here: {n} more", n=board.missing_alerts())
            parts.append(Text(words, WARNING))
        if shown:
            parts.append(_table(board, active[:shown], now_ns))
        if not parts:
            watching = board.vision(now_ns)[0] is VisionState.READY
            words = (
                "No active alert. / Aucune alerte." if watching else "No alert known: see above."
            )
            parts.append(Text(say(words), GREY))
        group = Group(*parts)
        if _lines(group, console) <= room:
            break
    return group


def _table(board: Board, active: list[Received], now_ns: int) -> Table:
    table = Table(box=None, expand=True, header_style=GREY, padding=(0, 1, 0, 0))
    for title, share in (("hazard / danger", 6), ("where", 4), ("to act", 5), ("state / état", 5)):
        table.add_column(say(title), ratio=share)
    table.add_column(say("age"), justify="right", min_width=7)
    for known in active:
        alert, elapsed_ms = known.payload, board.age_ns(known, now_ns) / 1e6
        assert isinstance(alert, Alert)
        name = Text(call(alert), call_style(alert))
        name.append(f"\n{alert.boot_id}/{alert.event_id}", GREY)
        countdown, urgent = time_to_act(alert, elapsed_ms), too_late(alert, elapsed_ms)
        table.add_row(
            name,
            Text(f"{where(alert)}\n{probability_text(alert)}", PLAIN),
            Text(countdown, WARNING if urgent else PLAIN),
            Text(state_name(alert.state), PLAIN),
            Text(_age(alert, elapsed_ms), PLAIN),
        )
    return table


def _age(alert: Alert, elapsed_ms: float) -> str:
    """Time since the alarm was raised."""
    # Never negative, even if the clock was set back meanwhile.
    raised_before_s = max(0.0, (alert.t_capture_utc_ns - alert.t_raised_utc_ns) / 1e9)
    return f"{raised_before_s + elapsed_ms / 1e3:.1f} s"
