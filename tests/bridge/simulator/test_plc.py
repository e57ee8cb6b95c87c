from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from detector.bridge.register_words import RunSignal
from detector.bridge.simulator.belt_course import Course
from detector.bridge.simulator.plc import COUNTS_PER_MM, WATCHDOG_NS, Plant, SimulatedPlc, summary
from detector.bridge.simulator.screen import screen
from detector.wire import samples
from detector.wire.messages import Hazard, Priority
from tests.bridge.conftest import MS, SimulatedLine

SCAN_MS = 20
PLANT = Plant(speed_mm_s=500, ejector_y_mm=2000, actuator_ms=100)
BATTERY = samples.ALERT.model_copy(update={"hazard": Hazard.BATTERY, "priority": Priority.MEDIUM})


class Site:
    """A simulated PLC on the registers of a line, scan by scan, without sockets."""

    def __init__(self, line: SimulatedLine, plant: Plant = PLANT) -> None:
        self.line = line
        self.log: list[dict[str, Any]] = []
        self.plc = SimulatedPlc(plant, self.log.append)
        self.infers = True

    def scan(self, ms: float, *, cut: bool = False) -> None:
        ends_ns = self.line.now_ns + ms * MS
        beat_due_ns = self.line.now_ns
        while self.line.now_ns < ends_ns:
            if self.infers:
                self.line.inference()
                if self.line.now_ns >= beat_due_ns:
                    self.line.beat()
                    beat_due_ns = self.line.now_ns + 200 * MS
            words = None if cut else self.line.words()
            written = self.plc.scan(words, self.line.now_ns)
            if not cut:
                self.line.plc.write(100, written, self.line.now_ns)
            self.line.later(SCAN_MS)

    def events(self) -> list[str]:
        return [entry["event"] for entry in self.log]


@pytest.fixture
def site(watched: SimulatedLine) -> Site:
    site = Site(watched)
    site.scan(400)
    return site


def test_the_plc_diverts_by_its_encoder_when_the_object_is_at_the_ejector(site: Site) -> None:
    site.line.alert(sample=BATTERY, t_capture_mono_ns=site.line.now_ns - 40 * MS)
    captured = (site.line.now_ns - 40 * MS - site.plc._start_ns) / 1e9  # type: ignore[operator]
    site.scan(4000)
    taken = next(entry for entry in site.log if entry["event"] == "taken")
    due = (captured * PLANT.speed_mm_s + PLANT.ejector_y_mm - 310) * COUNTS_PER_MM
    assert taken["target"] == pytest.approx(due, abs=20)
    divert = next(entry for entry in site.log if entry["event"] == "divert")
    diverted = next(entry for entry in site.log if entry["event"] == "diverted")
    assert divert["open_at"] <= due <= diverted["closed_at"]
    assert site.plc.totals()["taken_in_time"] == 1
    assert not site.plc.coils.divert


def test_an_object_carried_back_by_the_belt_is_diverted_when_it_returns(
    watched: SimulatedLine,
) -> None:
    """The belt runs 500 mm, reverses 500 mm, stops and runs on."""
    course = Course.read("500:1,-500:1,0:0.5,500:9")
    site = Site(watched, Plant(500, 2000, 100, course=course))
    site.scan(400)
    place = samples.ALERT.place
    assert place is not None
    near = place.model_copy(update={"y_mm": 1600.0})
    site.line.alert(sample=BATTERY, place=near, t_capture_mono_ns=site.line.now_ns - 40 * MS)
    site.scan(800)
    assert site.plc.speed_mm_s(site.line.now_ns) == -500
    site.scan(1000)
    assert not site.plc.coils.divert
    belt = site.line.plc.belt(site.line.now_ns)
    assert belt is not None
    assert (belt.run, belt.speed_mm_s) == (RunSignal.STOP, 0)
    site.scan(3000)
    sequence = [event for event in site.events() if event in {"divert", "gone back", "diverted"}]
    assert sequence == ["divert", "gone back", "divert", "diverted"]
    due = ((0.4 - 0.04) * 500 + 400) * COUNTS_PER_MM
    opened, closed = (
        next(entry for entry in reversed(site.log) if entry["event"] == event)
        for event in ("divert", "diverted")
    )
    assert opened["open_at"] <= due <= closed["closed_at"]


def test_the_plc_takes_each_event_once_and_gets_the_next_record(site: Site) -> None:
    for n in range(7):
        site.line.alert(f"b{n}", sample=BATTERY)
    site.scan(1000)
    assert site.events().count("taken") == 7
    assert [record["seq"] for record in site.line.records] == [0, 0, 0]


def test_an_arrival_beyond_the_range_of_eta_is_left_until_it_is_in_range(site: Site) -> None:
    place, arrival = samples.ALERT.place, samples.ALERT.arrivals[0]
    assert place is not None
    unplaced = place.model_copy(update={"y_mm": None})
    far = (arrival.model_copy(update={"eta_ms": 40_000.0}),)
    due = site.plc.encoder(site.line.now_ns) + 40 * 500 * COUNTS_PER_MM
    site.line.alert("far", sample=BATTERY, place=unplaced, arrivals=far)
    site.line.alert("near", sample=BATTERY, place=unplaced)
    site.scan(7000)
    assert site.events().count("taken") == 1
    site.scan(1000)
    taken = [entry for entry in site.log if entry["event"] == "taken"]
    assert taken[1]["target"] == pytest.approx(due, abs=30 * 5)


def test_an_object_too_late_for_the_ejector_is_counted(site: Site) -> None:
    place = samples.ALERT.place
    assert place is not None
    site.line.alert(sample=BATTERY, place=place.model_copy(update={"y_mm": 1990.0}))
    site.scan(100)
    assert site.plc.totals()["taken_too_late"] == 1
    assert "divert" in site.events()  # too late for its leading edge, in time for its trailing edge


def test_the_ejector_does_not_open_for_an_object_that_has_passed(site: Site) -> None:
    place = samples.ALERT.place
    assert place is not None
    site.line.alert(sample=BATTERY, place=place.model_copy(update={"y_mm": 3000.0}))
    site.scan(100)
    assert site.plc.totals()["taken_too_late"] == 1
    assert "divert" not in site.events()


def test_gas_requests_a_stop_and_lost_vision_is_not_clear(site: Site) -> None:
    assert site.plc.watched
    site.line.alert()
    site.scan(60)
    assert site.plc.coils.stop_request
    site.infers = False
    site.scan(300)
    assert site.plc.coils.not_watched
    assert not site.plc.coils.stop_request  # the plant's rule decides what to do now
    assert site.plc.totals()["unwatched_s"] > 0
    assert "then not watched for 0.18" in summary(site.plc.totals())


def test_a_line_that_was_never_watched_is_reported(watched: SimulatedLine) -> None:
    site = Site(watched)
    site.scan(300, cut=True)
    totals = site.plc.totals()
    assert totals["before_watched_s"] == pytest.approx(0.28)
    assert not totals["watched"]
    assert summary(totals) == "plc: never watched in 0.3 s"


def test_the_plc_detects_a_cut_network_and_a_stopped_heartbeat(site: Site) -> None:
    site.scan(40, cut=True)
    assert site.plc.coils.not_watched
    site.scan(400)
    assert site.plc.watched
    words = site.line.words()
    site.line.later(WATCHDOG_NS / MS + 1)
    site.plc.scan(words, site.line.now_ns)  # a gateway that answers with old values
    assert site.plc.coils.not_watched


def test_the_screen_shows_abnormal_states_in_words(site: Site) -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    site.line.alert()
    site.scan(100)
    console.print(screen(site.plc, "127.0.0.1:1502", site.line.now_ns))
    site.infers = False
    site.scan(300)
    console.print(screen(site.plc, "127.0.0.1:1502", site.line.now_ns))
    shown = console.export_text()
    assert "gas ACTIVE" in shown
    assert "stop request ON" in shown
    assert "NOT WATCHED" in shown
