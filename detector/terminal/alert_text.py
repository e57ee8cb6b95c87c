"""An alert as text: hazard, place, probability and time to act."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.text import Text

from detector.terminal.french import say, spoken
from detector.terminal.texts import SHAPES, hazard_name, state_name
from detector.wire.messages import AlarmState, Alert, Header, Priority, Why

GREY = "grey62"
CALLING = {
    Priority.HIGH: "bold white on red3",
    Priority.MEDIUM: "bold black on gold1",
    Priority.LOW: "bold black on sky_blue2",
}
ANSWERED = {Priority.HIGH: "red3", Priority.MEDIUM: "gold3", Priority.LOW: "sky_blue3"}
QUIET = frozenset(
    {AlarmState.NORMAL, AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE}
)


def alert_line(
    alert: Alert, header: Header | None = None, *, fetched_after_ms: float | None = None
) -> Text:
    """One revision in one line; `str()` of it is the plain text.

    With its header, the line starts with the capture time and gives the age at sending, and times
    to act count from sending; without it they count from capture. `fetched_after_ms`: age of an
    alert that was fetched later instead of received when it was published.
    """
    line = Text(no_wrap=True)
    if header is not None:
        line.append(f"{capture_time(header)}  ", GREY)
    age_ms = fetched_after_ms if fetched_after_ms is not None or header is None else header.age_ms
    elapsed_ms = age_ms or 0.0
    facts = [
        where(alert),
        probability_text(alert),
        "" if alert.state is AlarmState.NORMAL else time_to_act(alert, elapsed_ms),
        outcome_text(alert),
        state_name(alert.state),
        f"{alert.boot_id}/{alert.event_id} r{alert.revision}",
        "" if age_ms is None else say("age {age} ms", age=f"{age_ms:.0f}"),
    ]
    line.append(f"{say(alert.kind.upper()):<12}", GREY)
    line.append(call(alert), call_style(alert))
    line.append("  " + "  ".join(fact for fact in facts if fact))
    return line


def capture_time(header: Header) -> str:
    """UTC of the capture."""
    moment = datetime.fromtimestamp(header.t_capture_utc_ns / 1e9, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def call(alert: Alert) -> str:
    """Shape, priority and hazard."""
    return f"{SHAPES[alert.priority]} {say(alert.priority.upper())} {hazard_name(alert.hazard)}"


def call_style(alert: Alert) -> str:
    """Saturated while unacknowledged, plain colour once acknowledged, grey when set aside."""
    if alert.state in QUIET:
        return GREY
    if alert.state is AlarmState.ACKNOWLEDGED:
        return ANSWERED[alert.priority]
    return CALLING[alert.priority]


def where(alert: Alert) -> str:
    """Place on the belt as far as known, and number of objects in a pile; for a line state, its
    detail."""
    place = alert.place
    if place is None:
        return alert.detail or ""
    pile = say(", {n} together / ensemble", n=alert.members) if alert.members > 1 else ""
    if place.x_mm is None or place.y_mm is None:
        x0, y0, x1, y1 = place.box_px
        x, y = f"{(x0 + x1) / 2:.0f}", f"{(y0 + y1) / 2:.0f}"
        return say("at {x},{y} px (no mm){pile}", x=x, y=y, pile=pile)
    doubts = {"nominal": say(" (nominal)"), "unverified": say(" (unverified)")}
    basis = doubts.get(place.mm_basis, "")
    return f"x {place.x_mm:.0f} y {place.y_mm:.0f} mm{basis}{pile}"


def probability_text(alert: Alert) -> str:
    """Probability, and the model's class or the verifier's kinds."""
    if alert.probability is None:
        return ""
    what = (alert.why and kinds_line(alert.why)) or alert.class_name or ""
    return f"p {alert.probability:.2f} {what}".rstrip()


def kinds_line(why: Why) -> str:
    """What the verifier takes an object for, what it may be instead, and after how many passes;
    empty without a verifier."""
    if not why.kinds:
        return ""
    kinds = [f"{kind.name.replace('_', ' ')} {kind.probability:.2f}" for kind in why.kinds]
    one = why.verifier_passes == 1
    passes = say("{n} pass" if one else "{n} passes", n=why.verifier_passes)
    return "; ".join([kinds[0], *(say("next: {kind}", kind=kind) for kind in kinds[1:2]), passes])


def time_to_act(alert: Alert, elapsed_ms: float) -> str:
    """Countdown to the next action point in time, `elapsed_ms` after capture.

    Assumes that the belt keeps its speed.
    """
    ahead = [arrival for arrival in alert.arrivals if arrival.eta_ms > elapsed_ms]
    in_time = [arrival for arrival in ahead if arrival.act_by_ms > elapsed_ms]
    if in_time:
        next_one = min(in_time, key=lambda arrival: arrival.act_by_ms)
        return say(
            "{point}: act within {act} s, arrives in {eta} s",
            point=next_one.action_point,
            act=f"{(next_one.act_by_ms - elapsed_ms) / 1e3:.1f}",
            eta=f"{(next_one.eta_ms - elapsed_ms) / 1e3:.1f}",
        )
    if ahead:
        last = max(ahead, key=lambda arrival: arrival.eta_ms)
        return say(
            "{point}: TOO LATE to act, arrives in {eta} s",
            point=last.action_point,
            eta=f"{(last.eta_ms - elapsed_ms) / 1e3:.1f}",
        )
    return say("PAST every action point") if alert.arrivals else ""


def too_late(alert: Alert, elapsed_ms: float) -> bool:
    """No action point can still be acted at in time."""
    return bool(alert.arrivals) and all(each.act_by_ms <= elapsed_ms for each in alert.arrivals)


def outcome_text(alert: Alert) -> str:
    if alert.outcome is None:
        return ""
    # In English the wire's own word, as programs that read these lines expect it.
    words = alert.outcome.value.replace("_", " ")
    return say("outcome: {outcome}", outcome=say(words) if spoken() == "fr" else alert.outcome)
