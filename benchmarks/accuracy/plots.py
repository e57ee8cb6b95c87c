"""The report's plots (matplotlib, extra `bench`)."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Its first import lists the fonts and writes the list below the home folder.
os.environ["MPLCONFIGDIR"] = tempfile.mkdtemp(prefix="vigitri-matplotlib-")

import matplotlib as mpl

mpl.use("Agg")
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from benchmarks.accuracy.ground_truth import VISIBLE_MIN
from benchmarks.accuracy.tally import share, visible_band

atexit.register(shutil.rmtree, os.environ["MPLCONFIGDIR"], ignore_errors=True)

if TYPE_CHECKING:
    from benchmarks.accuracy.case import Case

__all__ = ["draw", "plt"]
"""`plt` draws without a screen, and writes nothing below the home folder."""

_COLOUR = {"gas_canister": "#c0392b", "battery": "#e08a00"}
_BANDS = tuple(visible_band(low) for low in (0.0, 0.25, 0.5, 0.75))


def draw(figures: dict[str, Any], cases: Sequence[Case], out: Path) -> list[str]:
    """Write all plots that have data; returns their names."""
    drawn = {
        "precision_recall.png": _precision_recall(figures),
        "recall_by_visibility.png": _recall_by_visibility(figures),
        "time_to_alert.png": _time_to_alert(cases),
    }
    for name, figure in drawn.items():
        (out / name).unlink(missing_ok=True)
        if figure is not None:
            figure.savefig(out / name, dpi=110)
            plt.close(figure)
    return [name for name, figure in drawn.items() if figure is not None]


def _precision_recall(figures: dict[str, Any]) -> Any:
    """Single images by the model alone, if they were measured; events by whole tracks."""
    image = figures.get("image_level", {})
    figure, panels = plt.subplots(1, 2 + len(image), figsize=(4.6 * (2 + len(image)), 4.4))
    for panel, (name, classes) in zip(panels, image.items(), strict=False):
        for label, curve in classes.items():
            panel.plot(
                curve["recall"],
                curve["precision"],
                color=_COLOUR.get(label),
                label=f"{label}, AP50 {curve['ap50']:.2f} ({curve['boxes']} boxes)",
            )
        _unit_square(panel, f"single images: {name}")
    events, hourly = panels[-2:]
    hours = figures["belt_h"]
    most = 1.0
    for label, rows in figures["curves"].items():
        if not rows or not rows[0]["hazards"]:
            continue
        alarmed = [row for row in rows if row["found"] + row["false_alarms"]]
        colour = _COLOUR.get(label)
        text = f"{label} ({rows[0]['hazards']} hazards)"
        precision = [row["found"] / (row["found"] + row["false_alarms"]) for row in alarmed]
        line: dict[str, Any] = {"ms": 3, "color": colour, "label": text}
        events.plot([row["recall"] for row in alarmed], precision, "o-", **line)
        if not hours:  # the belt did not run
            continue
        per_h = [row["false_alarms"] / hours for row in rows]
        hourly.plot(per_h, [row["recall"] for row in rows], "o-", **line)
        most = max(most, *per_h)
        now = figures["thresholds"].get(label)
        nearest = min(rows, key=lambda row: abs(row["threshold"] - now))
        hourly.annotate(
            f"{nearest['threshold']:.2f}",
            (nearest["false_alarms"] / hours, nearest["recall"]),
            textcoords="offset points",
            xytext=(6, -10),
            color=colour,
            fontsize=8,
        )
    _unit_square(events, "events: whole tracks, threshold swept")
    hourly.set_xscale("symlog", linthresh=1.0)
    hourly.set_xlim(0, most * 1.5)
    hourly.set_ylim(0, 1.03)
    hourly.set_xlabel("false alarms per hour of running belt")
    hourly.set_ylabel("recall")
    hourly.set_title(f"events over {hours:.2f} h (figure: threshold in use)", fontsize=9)
    hourly.grid(alpha=0.3)
    if hourly.lines:
        hourly.legend(fontsize=8, loc="lower right")
    figure.tight_layout()
    return figure


def _unit_square(panel: Axes, title: str) -> None:
    panel.set_xlim(0, 1.02)
    panel.set_ylim(0, 1.03)
    panel.set_xlabel("recall")
    panel.set_ylabel("precision")
    panel.set_title(title, fontsize=9)
    panel.grid(alpha=0.3)
    if panel.lines:
        panel.legend(fontsize=8, loc="best")


def _recall_by_visibility(figures: dict[str, Any]) -> Any:
    classes = sorted({cell["class"] for cell in figures["recall_by"]})
    if not classes:
        return None
    figure, panel = plt.subplots(figsize=(6.4, 4.2))
    for number, name in enumerate(classes):
        for place, band in enumerate(_BANDS):
            cells = [
                cell
                for cell in figures["recall_by"]
                if cell["class"] == name and cell["visible"] == band
            ]
            total = sum(cell["total"] for cell in cells)
            if not total:
                continue
            whole = share(sum(cell["right"] for cell in cells), total)
            x = place + (number - (len(classes) - 1) / 2) * 0.18
            panel.errorbar(
                x,
                whole["share"],
                yerr=[[whole["share"] - whole["low"]], [whole["high"] - whole["share"]]],
                fmt="o",
                capsize=4,
                color=_COLOUR.get(name),
            )
            panel.annotate(
                f"{whole['right']}/{total}",
                (x, whole["high"]),
                textcoords="offset points",
                xytext=(0, 4),
                ha="center",
                fontsize=7,
            )
        panel.plot([], [], "o", color=_COLOUR.get(name), label=name)
    panel.set_xticks(range(len(_BANDS)), _BANDS)
    panel.set_xlim(-0.5, len(_BANDS) - 0.5)
    panel.set_ylim(-0.03, 1.12)
    panel.set_xlabel("largest visible share while in view")
    panel.set_ylabel("event recall, exact 95 % interval")
    panel.grid(alpha=0.3, axis="y")
    panel.legend(fontsize=8, loc="upper left")
    figure.tight_layout()
    return figure


def _time_to_alert(cases: Sequence[Case]) -> Any:
    times: dict[str, list[float]] = {}
    for case in cases:
        for event in case.evaluation.counted():
            if event.found is not None:
                times.setdefault(event.passage.class_name, []).append(event.found.after_whole_s)
    if not times:
        return None
    everything = np.concatenate([np.asarray(each) for each in times.values()])
    low, high = float(everything.min()), float(everything.max())
    edges = np.linspace(min(low, 0.0) - 0.05, max(high, 0.5) + 0.05, 25)
    figure, panel = plt.subplots(figsize=(6.4, 3.8))
    panel.hist(
        list(times.values()),
        bins=list(edges),
        stacked=True,
        color=[_COLOUR.get(name, "grey") for name in times],
        label=[f"{name} ({len(each)})" for name, each in times.items()],
    )
    panel.axvline(0, color="black", lw=0.8)
    panel.yaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_xlabel("s from the first frame that shows all of it in view, to the alert")
    panel.set_ylabel(f"hazards found (visible {VISIBLE_MIN:.0%} or more)")
    panel.legend(fontsize=8)
    figure.tight_layout()
    return figure
