"""The accuracy report for people: Markdown, and a few lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.accuracy.ground_truth import VISIBLE_MIN
from benchmarks.accuracy.matching import BESIDE_MM, IOU_MIN
from benchmarks.accuracy.tally import LOW_MM, rate, share, visible_band
from calibration.operating_point import TRADES_PER_H, Curve, CurvePoint, best_trade

BANDS = tuple(visible_band(low) for low in (0.0, 0.25, 0.5, 0.75))


def rows_of(points: Sequence[CurvePoint], belt_h: float) -> list[dict[str, Any]]:
    """A curve as plain figures."""
    return [
        {
            "threshold": point.threshold,
            "found": point.found,
            "hazards": point.hazards,
            "recall": round(point.recall, 4),
            "false_alarms": point.false_alarms,
            "false_per_h": round(point.false_alarms / belt_h, 2) if belt_h else None,
        }
        for point in points
    ]


def trades_of(curves: Mapping[str, Curve], belt_h: float) -> list[dict[str, Any]]:
    """What a few rates of false alarms buy, as plain figures: each class's threshold and recall."""
    rows: list[dict[str, Any]] = []
    for per_h in TRADES_PER_H if belt_h else ():
        points = best_trade(curves, belt_h, per_h)
        if points is None:
            rows.append({"at_most_per_h": per_h, "counted_per_h": None, "classes": {}})
            continue
        counted = sum(point.false_alarms for point in points.values())
        rows.append(
            {
                "at_most_per_h": per_h,
                "counted_per_h": round(counted / belt_h, 2),
                "upper_per_h": rate(counted, belt_h)["upper_per_h"],
                "classes": {
                    name: {"threshold": point.threshold, **share(point.found, point.hazards)}
                    for name, point in points.items()
                },
            }
        )
    return rows


def told_trade(row: dict[str, Any]) -> str:
    """`at 10 an hour: gas_canister 0.7, 12 of 13 (...); battery ...; 9.8 counted, which shows at
    most 15.1`: where little belt was seen, none counted shows little."""
    lead = f"at {row['at_most_per_h']:g} false alarms an hour"
    if row["counted_per_h"] is None:
        return f"{lead}: no thresholds raise so few"
    classes = "; ".join(
        f"{name} from {mine['threshold']:g}, {told(mine)}" for name, mine in row["classes"].items()
    )
    return (
        f"{lead}: {classes}; {row['counted_per_h']:g} counted, "
        f"which shows at most {row['upper_per_h']:.3g}"
    )


def summary(figures: dict[str, Any]) -> str:
    """What the run came to, in a few lines."""
    lines = [
        f"{figures['model']} on {figures['belt_h']:.3f} h of running belt, "
        f"{figures['hazards']} hazards, visible {VISIBLE_MIN:.0%} or more:"
    ]
    for name, row in figures["recall"].items():
        long = told(row["20 mm or longer"])
        lines.append(f"  recall {name}: {told(row['all'])}; of 20 mm or longer {long}")
    false = figures["false_alarms"]
    for name, row in false.items():
        if row["count"] or name == "all":
            lines.append(f"  false alarms, {name}: {told_rate(row)}")
    lines.append(f"  of these, an operator was called for: {told_rate(figures['false_calls'])}")
    lines.append(f"  {_told_harmless(figures['harmless'])}")
    lines.append(f"  duplicates: {figures['duplicates']['count']}")
    for state, row in figures["states"].items():
        if row["recall"]["total"]:
            in_3_s = told(row["within_3_s"])
            lines.append(f"  {state}: {told(row['recall'])} found, {in_3_s} within 3 s")
    lines.append("by other thresholds, chosen on this footage; 20 mm or shorter too:")
    lines += [f"  {told_trade(row)}" for row in figures["trades"]]
    return "\n".join(lines)


def markdown(figures: dict[str, Any], targets: str) -> str:
    """The whole report. targets: what was asked for and reached, as a table."""
    parts = [
        _head(figures),
        f"## Targets\n\n{targets}",
        _recall(figures),
        _false_alarms(figures),
        _times(figures),
    ]
    parts += [_states(figures), _curves(figures), _pictures(figures), _METHOD]
    return "\n\n".join(part for part in parts if part) + "\n"


def told(row: dict[str, Any]) -> str:
    """`12 of 13 (0.92, 0.64 to 1.00)`."""
    if not row["total"]:
        return "none passed"
    low, high = row["low"], row["high"]
    return f"{row['right']} of {row['total']} ({row['share']:.2f}, {low:.2f} to {high:.2f})"


def told_rate(row: dict[str, Any]) -> str:
    """`3, 1.5 an hour, at most 3.9`."""
    if row["per_h"] is None:
        return f"{row['count']}, the belt did not run"
    return f"{row['count']}, {row['per_h']:.2f} an hour, at most {row['upper_per_h']:.2f}"


def _head(figures: dict[str, Any]) -> str:
    thresholds = ", ".join(f"{name} {at:g}" for name, at in figures["thresholds"].items())
    looks = _table(
        ("footage", "looks", "a second", "belt, h", "sha256"),
        (
            (each["name"], each["looks"], each["looks_per_s"], each["belt_h"],
             each["footage_sha256"][:12])
            for each in figures["footage"]
        ),
    )  # fmt: skip
    return "\n".join(
        [
            f"# Accuracy of {figures['model']}, {figures['date']}",
            "",
            f"Model sha256 {figures['model_sha256'][:12]}, Vigitri {figures['vigitri']}, line "
            f"{figures['line']}, thresholds {thresholds}. Tracking: "
            f"{', '.join(f'{key} {value:g}' for key, value in figures['tracking'].items())}. "
            f"{figures['belt_h']:.3f} h of running belt, {figures['hazards']} hazards. "
            "Only what lies open can be seen by a camera.",
            "",
            looks,
        ]
    )


def _recall(figures: dict[str, Any]) -> str:
    cells = figures["recall_by"]
    headline = _table(
        ("class", f"visible {VISIBLE_MIN:.0%} or more", "and 20 mm or longer"),
        (
            (name, told(row["all"]), told(row["20 mm or longer"]))
            for name, row in figures["recall"].items()
        ),
    )
    by_size, by_kind = (
        _table(
            ("class", title, *(f"visible {band}" for band in BANDS)),
            (
                (*key, *(_cell(cells, key, field, band) for band in BANDS))
                for key in sorted({(cell["class"], cell[field]) for cell in cells}, key=_by_size)
            ),
        )
        for field, title in (("size", "longest side"), ("kind", "kind"))
    )
    called = ", ".join(f"{count} {what}" for what, count in figures["called_otherwise"].items())
    return "\n\n".join(
        [
            "## Recall, by event\n\nFound of passed (share, exact 95 % interval).",
            headline,
            by_size,
            by_kind,
            f"Alarmed, but by another class only: {called or 'none'}. "
            f"Duplicates: {figures['duplicates']['count']}"
            f" ({figures['duplicates']['per_object'] or 0:g} per alarmed hazard).",
        ]
    )


def _by_size(key: tuple[str, str]) -> tuple[str, float, str]:
    digits = key[1].replace("+", "-").split("-", 1)[0].split(" ", maxsplit=1)[0]
    return key[0], float(digits) if digits.isdigit() else 0.0, key[1]


def _cell(cells: list[dict[str, Any]], key: tuple[str, str], field: str, band: str) -> str:
    mine = [
        cell for cell in cells if (cell["class"], cell[field]) == key and cell["visible"] == band
    ]
    total = sum(cell["total"] for cell in mine)
    return told(share(sum(cell["right"] for cell in mine), total)) if total else ""


def _false_alarms(figures: dict[str, Any]) -> str:
    table = _table(
        ("hazard", "count", "per hour of running belt", "upper bound (Poisson, 95 %)"),
        (
            (name, row["count"], _or_dash(row["per_h"]), _or_dash(row["upper_per_h"]))
            for name, row in figures["false_alarms"].items()
        ),
    )
    on = ", ".join(f"{count} on {kind}" for kind, count in figures["false_on"].items())
    called = (
        f"An operator was called for: {told_rate(figures['false_calls'])}. The others (small "
        "cells, one of a pile, one of too many batteries) are events for the PLC."
    )
    kinds = _table(
        ("harmless kind", "false alarms on it", "passed", "alarms per 1,000"),
        (
            (kind, alarmed, passed, f"{1000 * alarmed / passed:.1f}")
            for kind, (alarmed, passed) in figures["harmless"]["kinds"].items()
            if alarmed
        ),
    )
    return (
        f"## False alarms\n\n{table}\n\n{called}\n\n"
        f"What lay there: {on or 'nothing, there were none'}.\n\n"
        f"{_told_harmless(figures['harmless']).capitalize()}, open or buried. A plant with another "
        f"share of look-alikes reckons its own hours from this:\n\n{kinds}"
    )


def _told_harmless(row: dict[str, Any]) -> str:
    if not row["passed"]:
        return "harmless things that passed: none"
    return (
        f"harmless things that passed: {row['passed']}, with {row['alarmed']} false alarms on them "
        f"({1000 * row['alarmed'] / row['passed']:.1f} per 1,000)"
    )


def _times(figures: dict[str, Any]) -> str:
    named = (
        ("alert after the first frame that shows all of it, s", "time_to_alert_s"),
        ("belt travel in that time, mm", "travel_to_alert_mm"),
        ("position error, mm", "position_error_mm"),
        (f"position error, {LOW_MM:.0f} mm high at most, mm", "low_position_error_mm"),
        ("the same, had the model drawn the true boxes", "low_boxed_error_mm"),
        ("arrival-time error, %", "arrival_error_percent"),
        ("the same, of action points 2 to 4 m on", "arrival_error_3_m_percent"),
    )
    table = _table(
        ("of the hazards found", "n", "p50", "p95", "p99", "max"),
        (
            (title, figures[key]["n"], *(_or_dash(figures[key].get(at)) for at in _SPREAD))
            for title, key in named
        ),
    )
    times = "; ".join(f"{name}: {told(row)}" for name, row in figures["in_time"].items())
    return (
        f"## Times and places\n\n{table}\n\nAlarmed in time to act, of those found: "
        f"{times or 'no action point'}."
    )


def _states(figures: dict[str, Any]) -> str:
    table = _table(
        ("state", "found", "within 3 s", "told before it began", "s to the alert p50", "max"),
        (
            (
                name,
                told(row["recall"]),
                told(row["within_3_s"]),
                row["told_before"],
                _or_dash(row["told_after_s"].get("p50")),
                _or_dash(row["told_after_s"].get("max")),
            )
            for name, row in figures["states"].items()
        ),
    )
    return f"## Overload and jam\n\n{table}"


def _curves(figures: dict[str, Any]) -> str:
    parts = ["## Other thresholds\n\nThe same looks through the same tracker and alarm book, one "
             "class's threshold changed at a time."]  # fmt: skip
    for name, rows in figures["curves"].items():
        table = _table(
            (name, "found", "recall", "false alarms", "an hour"),
            (
                (row["threshold"], f"{row['found']} of {row['hazards']}", row["recall"],
                 row["false_alarms"], _or_dash(row["false_per_h"]))
                for row in rows
            ),
        )  # fmt: skip
        parts.append(table)
    trades = [f"- {told_trade(row)}" for row in figures["trades"]]
    parts.append(
        "\n".join(
            ["Both classes together, thresholds chosen and counted on this footage:", "", *trades]
        )
    )
    for name, classes in figures.get("image_level", {}).items():
        told_ap = ", ".join(
            f"{label} {curve['ap50']:.3f} ({curve['boxes']} boxes)"
            for label, curve in classes.items()
        )
        parts.append(f"Single pictures, {name}: AP50 {told_ap}.")
    return "\n\n".join(parts)


def _pictures(figures: dict[str, Any]) -> str:
    shown = [f"![{name}]({name})" for name in (*figures["plots"], *figures["sheets"])]
    return "\n\n".join(["## Pictures", *shown]) if shown else ""


_METHOD = (
    "## Method\n\nEvery look goes through the pipeline that runs on a line: model, tracker, "
    "size plausibility, alarm book, overload monitor. An alert belongs to a hazard if their "
    f"boxes on the belt, cut to the belt in view, overlap by an IoU of {IOU_MIN:g}; or if the "
    f"middle of its box lies on the hazard's outline, within {BESIDE_MM:.0f} mm, and its "
    "longer side is between half and twice the hazard's. A hazard is found from the first revision "
    "that lies on it and calls it by its right class; an alert on it by another class only is no "
    "false alarm. Visible: the most that nothing covered and that lay in the picture while it was "
    "in view; what is half in view when the footage ends counts too. Intervals: Clopper-Pearson, "
    "two-sided 95 %; rates: Poisson, one-sided 95 %; hours: of running belt. Drawn "
    "footage is no plant: it shows what the pipeline does with things that the twin can draw, and "
    "bounds nothing on a real belt."
)


_SPREAD = ("p50", "p95", "p99", "max")


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(str(value) for value in row)} |" for row in rows]
    return "\n".join(lines)
