"""A week of one line in a store: its size, its start, and the times of its queries."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from detector.station.store import EventFilter, Store
from detector.wire import samples
from detector.wire.messages import (
    AlarmState,
    Alert,
    Arrival,
    Hazard,
    KindProbability,
    Outcome,
    Revision,
    SupportingDetection,
)
from detector.wire.requests import AlertMessage

HOUR_NS = 3600 * 10**9
WEEK_NS = 7 * 24 * HOUR_NS
BEGUN_NS = samples.T_UTC_NS
STARTS, QUERIES = 5, 40
LINE = "tapis-1"
KINDS = {
    Hazard.BATTERY: ("battery_aa", "battery_d", "battery_block", "power_bank"),
    Hazard.GAS: ("gas_cartridge", "gas_bottle", "aerosol"),
}
_STEPS = (
    (Revision.RAISED, AlarmState.UNACKNOWLEDGED),
    (Revision.UPDATED, AlarmState.UNACKNOWLEDGED),
    (Revision.CLEARED, AlarmState.NORMAL),
)


@dataclass
class Figures:
    alerts: int = 0
    revisions: int = 0
    size_mb: float = 0.0
    fill_s: float = 0.0
    start_s: float = 0.0
    """The longest of several."""
    start_cpu_s: float = 0.0
    query_p95_ms: dict[str, float] = field(default_factory=dict)
    query_cpu_p95_ms: dict[str, float] = field(default_factory=dict)
    """The processor's share of it: what a busy machine does not lengthen."""


def run(
    alerts: int,
    folder: Path,
    *,
    seed: int = 1,
    advance: Callable[[int, int], object] = lambda *_: None,
) -> Figures:
    """Fill a store with `alerts` alerts of three revisions each, and measure it."""
    figures, started_s = Figures(alerts=alerts), time.perf_counter()
    with Store(folder) as store:
        batch: list[AlertMessage] = []
        for number, messages in enumerate(week(alerts, seed), 1):
            batch += messages
            if len(batch) >= 600 or number == alerts:
                figures.revisions += store.record_alerts(batch)
                batch.clear()
                advance(number, alerts)
        for minute in range(0, WEEK_NS // (60 * 10**9), 7 if alerts > 1000 else 700):
            blind = minute % 1000 < 7
            vision = "unavailable" if blind else "ready"
            store.record_state(LINE, BEGUN_NS + minute * 60 * 10**9, vision)
    figures.fill_s = round(time.perf_counter() - started_s, 1)
    size = sum(path.stat().st_size for path in folder.glob("station.sqlite3*"))
    figures.size_mb = round(size / 1e6, 1)
    starts = [_start_s(folder) for _ in range(STARTS)]
    figures.start_s, figures.start_cpu_s = (
        round(max(each), 3) for each in zip(*starts, strict=True)
    )
    with Store(folder) as store:
        for name, query in _queries(store, random.Random(seed), alerts).items():
            figures.query_p95_ms[name], figures.query_cpu_p95_ms[name] = _p95_ms(query)
    return figures


def week(alerts: int, seed: int) -> Iterator[list[AlertMessage]]:
    """The revisions of each alert of a week, spread evenly."""
    rng = random.Random(seed)
    for number in range(alerts):
        raised_ns = BEGUN_NS + number * WEEK_NS // alerts
        yield [
            AlertMessage.model_construct(
                topic=f"alert/{LINE}",
                header=samples.HEADER.model_copy(
                    update={"alert_seq": number * 3 + step, "t_capture_utc_ns": raised_ns}
                ),
                payload=alert,
            )
            for step, alert in enumerate(_revisions(number, raised_ns, rng))
        ]


def _revisions(number: int, raised_ns: int, rng: random.Random) -> Iterator[Alert]:
    hazard = Hazard.GAS if rng.random() < 0.1 else Hazard.BATTERY
    kind, other = rng.sample(KINDS[hazard], 2)
    counted = hazard is Hazard.BATTERY and rng.random() < 0.8
    outcome = rng.choice([*Outcome]) if hazard is Hazard.GAS or rng.random() < 0.05 else None
    place, why = samples.ALERT.place, samples.ALERT.why
    assert place is not None
    assert why is not None
    for revision, (change, state) in enumerate(_STEPS, 1):
        t_ns = raised_ns + (revision - 1) * 1_100_000_000 + rng.randrange(10**9)
        probability = round(rng.random(), 4)
        x0, y0 = rng.uniform(0, 1700), rng.uniform(0, 900)
        box = tuple(round(each, 1) for each in (x0, y0, x0 + 90, y0 + 140))
        yield samples.ALERT.model_copy(
            update={
                "line": LINE,
                "event_id": f"a{number:06d}",
                "revision": revision,
                "kind": change,
                "hazard": hazard,
                "class_name": kind,
                "state": AlarmState.SUPPRESSED
                if counted and state is AlarmState.UNACKNOWLEDGED
                else state,
                "probability": probability,
                "t_capture_utc_ns": t_ns,
                "t_capture_mono_ns": t_ns % 10**15,
                "t_raised_utc_ns": raised_ns,
                "frame_index": number * 20 + revision,
                "track": number,
                "outcome": outcome if revision == len(_STEPS) else None,
                "place": place.model_copy(
                    update={
                        "box_px": box,
                        "frame_index": number * 20 + revision,
                        "x_mm": round(rng.uniform(0, 1000), 1),
                        "y_mm": round(rng.uniform(0, 1200), 1),
                        "belt_position_mm": round(number * 3021.7 + rng.random(), 1),
                    }
                ),
                "arrivals": tuple(_arrival(each, t_ns, rng) for each in samples.ALERT.arrivals),
                "support": tuple(_detection(each, t_ns, rng) for each in samples.ALERT.support),
                "why": why.model_copy(
                    update={
                        "score": round(rng.random(), 4),
                        "length_mm": round(rng.uniform(40, 300), 1),
                        "width_mm": round(rng.uniform(10, 120), 1),
                        "kinds": (
                            _kind(kind, hazard, probability),
                            _kind(other, hazard, round(1 - probability, 4)),
                        ),
                        "verifier_passes": revision,
                    }
                ),
            }
        )


def _arrival(arrival: Arrival, t_ns: int, rng: random.Random) -> Arrival:
    eta_ms = round(rng.uniform(0, 9000), 1)
    return arrival.model_copy(
        update={
            "distance_mm": round(eta_ms / 2, 1),
            "eta_ms": eta_ms,
            "act_by_ms": eta_ms - 800,
            "t_deadline_utc_ns": t_ns + round(eta_ms * 1e6),
            "speed_mm_s": round(rng.uniform(480, 520), 2),
        }
    )


def _detection(seen: SupportingDetection, t_ns: int, rng: random.Random) -> SupportingDetection:
    return seen.model_copy(
        update={"t_capture_utc_ns": t_ns - rng.randrange(10**9), "score": round(rng.random(), 4)}
    )


def _kind(name: str, hazard: Hazard, probability: float) -> KindProbability:
    return KindProbability(
        name=name, hazard="gas" if hazard is Hazard.GAS else "battery", probability=probability
    )


def _start_s(folder: Path) -> tuple[float, float]:
    started_s, cpu_s = time.perf_counter(), time.process_time()
    with Store(folder) as store:
        store.open_alarms()
        return time.perf_counter() - started_s, time.process_time() - cpu_s


def _queries(store: Store, rng: random.Random, alerts: int) -> dict[str, Callable[[], object]]:
    """What the page asks, by name."""

    def some_hours() -> tuple[int, int]:
        since = BEGUN_NS + rng.randrange(WEEK_NS - 12 * HOUR_NS)
        return since, since + 12 * HOUR_NS

    def page() -> EventFilter:
        since, until = some_hours()
        return EventFilter(line=LINE, since=since, until=until)

    everything = (BEGUN_NS, BEGUN_NS + WEEK_NS)
    return {
        "newest 100": lambda: store.events(EventFilter()),
        "100 of a shift": lambda: store.events(page()),
        "100 of gas": lambda: store.events(EventFilter(line=LINE, hazard="gas")),
        "100 of a kind": lambda: store.events(EventFilter(kind="aerosol")),
        "false alarms": lambda: store.events(EventFilter(outcome="false_alarm")),
        "text, found": lambda: store.events(EventFilter(text="power")),
        "text, not found": lambda: store.events(EventFilter(text="no such text")),
        "one event": lambda: store.event(samples.BOOT_ID, f"a{rng.randrange(alerts):06d}"),
        "rates of a shift": lambda: store.rates(LINE, *some_hours()),
        "rates of the week": lambda: store.rates(LINE, *everything),
        "blind times of the week": lambda: store.blind_times(LINE, *everything),
        "false alarms by kind, week": lambda: store.false_alarms_by_kind(LINE, *everything),
    }


def _p95_ms(query: Callable[[], object]) -> tuple[float, float]:
    """95th percentile of a query's time, and of its processor time, ms."""
    times = []
    for _ in range(QUERIES):
        started_s, cpu_s = time.perf_counter(), time.process_time()
        query()
        times.append((time.perf_counter() - started_s, time.process_time() - cpu_s))
    wall_ms, cpu_ms = np.percentile(np.array(times) * 1e3, 95, axis=0)
    return round(float(wall_ms), 1), round(float(cpu_ms), 1)
