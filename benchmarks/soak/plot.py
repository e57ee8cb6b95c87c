"""The plot of a soak (matplotlib, extra `bench`)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.accuracy.plots import plt
from benchmarks.soak.evaluation import PRODUCT, read_lines
from benchmarks.soak.readings import read_readings, says_seen
from benchmarks.soak.vital_signs import read_signs

HOUR_S = 3600.0


def draw(folder: Path) -> None:
    """Write `soak.png`: memory, latency and the share of time seen, over hours, with the faults."""
    about = read_lines(folder / "run.jsonl")[0]
    start_s = about["start_ns"] / 1e9
    figure, (memory, latency, seen) = plt.subplots(3, 1, figsize=(11, 10), sharex=True)
    by_start = defaultdict(list)
    for each in read_signs(folder / "signs.jsonl"):
        by_start[each.name, each.pid].append(each)
    for (name, _), signs in by_start.items():
        if name in PRODUCT and len(signs) > 1:
            hours = [(each.t_s - start_s) / HOUR_S for each in signs]
            grown = [each.rss_mib - signs[0].rss_mib for each in signs]
            memory.plot(hours, grown, color=f"C{PRODUCT.index(name)}", label=name)
    labels = dict(zip(*reversed(memory.get_legend_handles_labels()), strict=True))
    memory.legend(labels.values(), labels.keys(), fontsize=8)
    memory.set_ylabel("MiB since its start")
    minutes = [each for each in read_lines(folder / "latencies.jsonl") if each["ms"]]
    hours = [(each["t_s"] - start_s) / HOUR_S for each in minutes]
    for share, style in ((50, "-"), (99, "--")):
        values = [np.percentile(each["ms"], share) for each in minutes]
        latency.plot(hours, values, f"C0{style}", label=f"p{share}")
    latency.legend(fontsize=8)
    latency.set_ylabel("capture to subscriber, ms")
    readings = read_readings(folder / "readings.bin")
    at_minute = ((readings["asked_ns"] / 1e9 - start_s) / 60).astype(np.int64)
    minutes_read = np.unique(at_minute)
    shares = [says_seen(readings[at_minute == each]).mean() for each in minutes_read]
    seen.plot(minutes_read / 60, shares, "C2", label="readings that say seen")
    kinds: dict[str, list[float]] = defaultdict(list)
    for record in read_lines(folder / "faults.jsonl"):
        if "until_ns" in record:
            kinds[record["kind"]].append((record["from_ns"] / 1e9 - start_s) / HOUR_S)
    for number, (kind, at_h) in enumerate(sorted(kinds.items())):
        level = -0.06 * (number + 1)
        seen.plot(at_h, [level] * len(at_h), "|", color="k", markersize=4)
        seen.annotate(kind, (1.005, level), xycoords=("axes fraction", "data"), fontsize=6)
    seen.set_ylabel("share of a minute")
    seen.set_xlabel("hours")
    seen.legend(fontsize=8, loc="center right")
    figure.tight_layout()
    figure.savefig(folder / "soak.png", dpi=110)
    plt.close(figure)
