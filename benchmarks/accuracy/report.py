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
    """The points of a curve as plain figures."""
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
    """Threshold and recall of each class at a few rates of false alarms, as plain figures."""
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


def trade_text(row: dict[str, Any]) -> str:
    """`at 10 an hour: gas_canister 0.7, 12 of 13 (…); battery …; 9.8 counted, bound 15.1`.

    The bound is there because a count on little belt proves little.
    """
    lead = f"at {row['at_most_per_h']:g} false alarms an hour"
    if row["counted_per_h"] is None:
        return f"{lead}: no thresholds raise so few"
    classes = "; ".join(
        f"{name} from {mine['threshold']:g}, {share_text(mine)}"
        for name, mine in row["classes"].items()
    )
    return (
        f"{lead}: {classes}; {row['counted_per_h']:g} counted, upper bound {row['upper_per_h']:.3g}"
    )


def summary(figures: dict[str, Any]) -> str:
    """The result of a run, in a few lines."""
    lines = [
        f"{figures['model']} on {figures['belt_h']:.3f} h of running belt, "
        f"{figures['hazards']} hazards, visible {VISIBLE_MIN:.0%} or more:"
    ]
    for name, row in figures["recall"].items():
        long = share_text(row["20 mm or longer"])
        lines.append(f"  recall {name}: {share_text(row['all'])}; 20 mm or longer {long}")
    false = figures["false_alarms"]
    for name, row in false.items():
        if row["count"] or name == "all":
            lines.append(f"  false alarms, {name}: {rate_text(row)}")
    lines.append(f"  of these with a call to an operator: {rate_text(figures['false_calls'])}")
    lines.append(f"  {_harmless_text(figures['harmless'])}")
    lines.append(f"  duplicates: {figures['duplicates']['count']}")
    for state, row in figures["states"].items():
        if row["recall"]["total"]:
            in_3_s = share_text(row["within_3_s"])
            lines.append(f"  {state}: {share_text(row['recall'])} found, {in_3_s} within 3 s")
    lines.append("at other thresholds, chosen on this footage, with objects shorter than 20 mm:")
    lines += [f"  {trade_text(row)}" for row in figures["trades"]]
    return "\n".join(lines)


def markdown(figures: dict[str, Any], targets: str) -> str:
    """The whole report. targets: a table of target and result."""
    parts = [
        _head(figures),
        f"## Targets\n\n{targets}",
        _recall(figures),
        _false_alarms(figures),
        _times(figures),
    ]
    parts += [_states(figures), _curves(figures), _images(figures), _METHOD]
    return "\n\n".join(part for part in parts if part) + "\n"


def share_text(row: dict[str, Any]) -> str:
    """`12 of 13 (0.92, 0.64 to 1.00)`."""
    if not row["total"]:
        return "none passed"
    low, high = row["low"], row["high"]
    return f"{row['right']} of {row['total']} ({row['share']:.2f}, {low:.2f} to {high:.2f})"


def rate_text(row: dict[str, Any]) -> str:
    """`3, 1.5 an hour, at most 3.9`."""
    if row["per_h"] is None:
        return f"{row['count']}, the belt did not run"
    return f"{row['count']}, {row['per_h']:.2f} an hour, at most {row['upper_per_h']:.2f}"


def _head(figures: dict[str, Any]) -> str:
    thresholds = ", ".join(f"{name} {at:g}" for name, at in figures["thresholds"].items())
    passes = _table(
        ("footage", "inference passes", "per second", "belt, h", "sha256"),
        (
            (each["name"], each["passes"], each["passes_per_s"], each["belt_h"],
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
            "A camera sees only what is not covered.",
            "",
            passes,
        ]
    )


def _recall(figures: dict[str, Any]) -> str:
    cells = figures["recall_by"]
    headline = _table(
        ("class", f"visible {VISIBLE_MIN:.0%} or more", "and 20 mm or longer"),
        (
            (name, share_text(row["all"]), share_text(row["20 mm or longer"]))
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
            f"Alarmed, but only as another class: {called or 'none'}. "
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
    return share_text(share(sum(cell["right"] for cell in mine), total)) if total else ""


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
        f"An operator was called for {rate_text(figures['false_calls'])}. The others (small "
        "cells, an object of a pile, one of too many batteries) are events for the PLC."
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
        f"Objects at these places: {on or 'none, there were no false alarms'}.\n\n"
        f"{_harmless_text(figures['harmless']).capitalize()}, open or buried. A plant with another "
        f"share of look-alikes can estimate its own rate from this:\n\n{kinds}"
    )


def _harmless_text(row: dict[str, Any]) -> str:
    if not row["passed"]:
        return "harmless objects that passed: none"
    return (
        f"harmless objects that passed: {row['passed']}, false alarms on them: {row['alarmed']} "
        f"({1000 * row['alarmed'] / row['passed']:.1f} per 1,000)"
    )


def _times(figures: dict[str, Any]) -> str:
    named = (
        ("alert after the first frame that shows all of it, s", "time_to_alert_s"),
        ("belt travel in that time, mm", "travel_to_alert_mm"),
        ("position error, mm", "position_error_mm"),
        (f"position error, {LOW_MM:.0f} mm high or less, mm", "low_position_error_mm"),
        ("the same with the true boxes", "low_boxed_error_mm"),
        ("arrival-time error, %", "arrival_error_percent"),
        ("the same for action points 2 to 4 m away", "arrival_error_3_m_percent"),
    )
    table = _table(
        ("of the hazards found", "n", "p50", "p95", "p99", "max"),
        (
            (title, figures[key]["n"], *(_or_dash(figures[key].get(at)) for at in _SPREAD))
            for title, key in named
        ),
    )
    times = "; ".join(f"{name}: {share_text(row)}" for name, row in figures["in_time"].items())
    return (
        f"## Times and places\n\n{table}\n\nAlarmed in time to act, of those found: "
        f"{times or 'no action point'}."
    )


def _states(figures: dict[str, Any]) -> str:
    table = _table(
        ("state", "found", "within 3 s", "before it began", "s to the alert p50", "max"),
        (
            (
                name,
                share_text(row["recall"]),
                share_text(row["within_3_s"]),
                row["told_before"],
                _or_dash(row["told_after_s"].get("p50")),
                _or_dash(row["told_after_s"].get("max")),
            )
            for name, row in figures["states"].items()
        ),
    )
    return f"## Overload and jam\n\n{table}"


def _curves(figures: dict[str, Any]) -> str:
    parts = ["## Other thresholds\n\nThe same detections through the same tracker and alarm book, "
    "one class's threshold changed at a time."]  # fmt: skip
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
    trades = [f"- {trade_text(row)}" for row in figures["trades"]]
    parts.append(
        "\n".join(
            ["Both classes together, thresholds chosen and evaluated on this footage:", "", *trades]
        )
    )
    for name, classes in figures.get("image_level", {}).items():
        ap_text = ", ".join(
            f"{label} {curve['ap50']:.3f} ({curve['boxes']} boxes)"
            for label, curve in classes.items()
        )
        parts.append(f"Single images, {name}: AP50 {ap_text}.")
    return "\n\n".join(parts)


def _images(figures: dict[str, Any]) -> str:
    shown = [f"![{name}]({name})" for name in (*figures["plots"], *figures["sheets"])]
    return "\n\n".join(["## Images", *shown]) if shown else ""


_METHOD = (
    "## Method\n\nEvery frame goes through the pipeline that runs on a line: model, tracker, "
    "size plausibility, alarm book, overload monitor. An alert belongs to a hazard if their "
    f"boxes on the belt, cut to the belt in view, overlap by an IoU of {IOU_MIN:g}; or if the "
    f"centre of its box is on the hazard's outline, within {BESIDE_MM:.0f} mm, and its "
    "longer side is between half and twice the hazard's. A hazard is found from the first revision "
    "that is on it and has the right class; an alert on it only as another class is not a "
    "false alarm. Visible: the largest share that was uncovered and inside the image while the "
    "hazard was in view; one that is half in view when the footage ends counts too. Intervals: "
    "Clopper-Pearson, two-sided 95 %; rates: Poisson, one-sided 95 %; hours: of running belt. "
    "Drawn footage is not a plant: it shows how the pipeline handles objects that the twin can "
    "draw, and gives no bound for a real belt."
)


_SPREAD = ("p50", "p95", "p99", "max")


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(str(value) for value in row)} |" for row in rows]
    return "\n".join(lines)
