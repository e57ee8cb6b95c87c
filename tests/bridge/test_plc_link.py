from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.bridge.plc_link import PLC_SILENT_NS, EncoderScale, PlcLink
from detector.bridge.register_map import PLC_FIRST, encode_plc
from detector.bridge.register_words import Mode, Reset, RunSignal, Status
from detector.wire.messages import Hazard, Outcome
from detector.wire.requests import Acknowledge, ReportOutcome, Shelve
from tests.bridge.conftest import MS, SEQ, SimulatedLine


def write(line: SimulatedLine, **values: int) -> list[object]:
    return list(line.plc.write(PLC_FIRST, encode_plc(**values), line.now_ns))


class TestHeartbeat:
    def test_a_plc_without_any_heartbeat_is_neither_alive_nor_lost(
        self, line: SimulatedLine
    ) -> None:
        assert not line.read["status"] & (Status.PLC_ALIVE | Status.PLC_LOST)

    def test_the_plc_is_alive_while_its_heartbeat_changes_and_lost_when_it_stops(
        self, line: SimulatedLine
    ) -> None:
        write(line, plc_heartbeat=1)
        assert line.read["status"] & Status.PLC_ALIVE
        line.later(PLC_SILENT_NS / MS + 1)
        write(line, plc_heartbeat=1)
        assert line.read["status"] & Status.PLC_LOST
        write(line, plc_heartbeat=2)
        assert line.read["status"] & Status.PLC_ALIVE

    def test_belt_data_of_a_lost_plc_is_no_longer_used(self, line: SimulatedLine) -> None:
        write(line, plc_heartbeat=1, belt_run=RunSignal.STOP)
        belt = line.plc.belt(line.now_ns)
        assert belt is not None
        assert (belt.run, belt.speed_mm_s) == (RunSignal.STOP, 0)
        assert line.read["status"] & Status.BELT_STOPPED
        line.later(PLC_SILENT_NS / MS + 1)
        assert line.plc.belt(line.now_ns) is None

    def test_a_speed_without_run_signal_and_encoder_is_not_used(self, line: SimulatedLine) -> None:
        write(line, plc_heartbeat=1, belt_speed=400)
        assert line.plc.belt(line.now_ns) is None


class TestAcknowledging:
    def test_acknowledging_frees_the_record_and_leaves_the_operators_alarm(
        self, watched: SimulatedLine
    ) -> None:
        watched.alert()
        seq = watched.records[0]["seq"]
        assert seq == SEQ + 1
        assert write(watched, acknowledged_seq=seq) == []
        assert watched.records[0]["seq"] == 0
        assert watched.hazards[0] == 2

    def test_from_a_panel_it_is_also_the_operators_acknowledgement(
        self, watched: SimulatedLine
    ) -> None:
        alert = watched.alert()
        (command,) = write(watched, acknowledged_seq=SEQ + 1, mode=Mode.ACKNOWLEDGES)
        assert command == Acknowledge(
            operator="PLC", boot_id=alert.boot_id, event_id=alert.event_id
        )
        assert write(watched, acknowledged_seq=SEQ + 1, mode=Mode.ACKNOWLEDGES) == []

    def test_an_old_seq_has_no_effect(self, watched: SimulatedLine) -> None:
        watched.alert()
        assert write(watched, acknowledged_seq=17, mode=Mode.ACKNOWLEDGES) == []
        assert watched.records[0]["seq"] == SEQ + 1


class TestReset:
    @pytest.mark.parametrize(
        ("code", "outcome"),
        [
            (Reset.REMOVED, Outcome.REMOVED),
            (Reset.FALSE_ALARM, Outcome.FALSE_ALARM),
            (Reset.NOT_FOUND, Outcome.NOT_FOUND),
        ],
    )
    def test_a_reset_code_reports_the_outcome_once(
        self, watched: SimulatedLine, code: Reset, outcome: Outcome
    ) -> None:
        watched.alert()
        (command,) = write(watched, acknowledged_seq=SEQ + 1, reset=code)
        assert isinstance(command, ReportOutcome)
        assert command.outcome is outcome
        assert write(watched, acknowledged_seq=SEQ + 1, reset=code) == []

    def test_a_reset_without_event_or_with_an_unknown_code_is_refused(
        self, watched: SimulatedLine
    ) -> None:
        assert write(watched, acknowledged_seq=5, reset=Reset.REMOVED) == []
        assert watched.read["status"] & Status.COMMAND_REFUSED
        watched.alert()
        assert write(watched, acknowledged_seq=SEQ + 1, reset=77) == []
        assert watched.read["status"] & Status.COMMAND_REFUSED

    def test_a_reset_of_the_counters_sets_overruns_to_zero(self, watched: SimulatedLine) -> None:
        watched.watch.overruns = 7
        assert watched.read["overruns"] == 7
        write(watched, reset=Reset.COUNTERS)
        assert watched.read["overruns"] == 0


class TestShelving:
    def test_each_bit_shelves_a_hazard_once(self, line: SimulatedLine) -> None:
        commands = write(line, shelve_mask=0b1010, shelve_minutes=15)
        assert commands == [
            Shelve(operator="PLC", hazard=Hazard.BATTERY, minutes=15),
            Shelve(operator="PLC", hazard=Hazard.JAM, minutes=15),
        ]
        assert write(line, shelve_mask=0b1010, shelve_minutes=15) == []

    @pytest.mark.parametrize(("mask", "minutes"), [(0, 5), (1, 61), (0b1_0000, 5), (0xFFFF, 1)])
    def test_an_empty_or_unknown_mask_or_too_long_a_time_is_refused(
        self, line: SimulatedLine, mask: int, minutes: int
    ) -> None:
        assert write(line, shelve_mask=mask, shelve_minutes=minutes) == []
        assert line.read["status"] & Status.COMMAND_REFUSED


class TestEncoder:
    def test_the_encoder_needs_no_run_signal(self, watched: SimulatedLine) -> None:
        write(watched, plc_heartbeat=1, encoder=700)
        belt = watched.plc.belt(watched.now_ns)
        assert belt is not None
        assert (belt.run, belt.encoder, belt.t_ns) == (RunSignal.UNKNOWN, 700, watched.now_ns)
        assert not watched.read["status"] & Status.BELT_STOPPED

    def test_an_encoder_that_stops_at_0_after_counting_is_still_used(
        self, line: SimulatedLine
    ) -> None:
        write(line, plc_heartbeat=1, belt_run=RunSignal.STOP)
        belt = line.plc.belt(line.now_ns)
        assert belt is not None
        assert belt.encoder is None
        for n in range(600):
            write(line, plc_heartbeat=n, belt_run=RunSignal.STOP, encoder=max(0, 3 - n))
            line.later(10)
        belt = line.plc.belt(line.now_ns)
        assert belt is not None
        assert belt.encoder == 0

    def test_when_counts_are_no_longer_written_only_the_run_signal_is_used(
        self, line: SimulatedLine
    ) -> None:
        write(line, plc_heartbeat=1, belt_run=RunSignal.RUN, encoder=700)
        for n in range(2, 60):
            line.later(10)
            line.plc.write(PLC_FIRST, [n], line.now_ns)
        belt = line.plc.belt(line.now_ns)
        assert belt is not None
        assert (belt.run, belt.encoder, belt.t_ns) == (RunSignal.RUN, None, line.now_ns)

    def test_the_position_is_the_plcs_own_count_at_capture(self, watched: SimulatedLine) -> None:
        for n in range(10):
            write(watched, plc_heartbeat=n, encoder=1000 + 100 * n)
            watched.later(10)
        watched.alert(t_capture_mono_ns=watched.now_ns - 35 * MS)
        record = watched.records[0]
        assert record["position"] == 1650
        assert record["flags"] & 4

    def test_without_an_encoder_the_position_is_the_detectors_travel(
        self, watched: SimulatedLine
    ) -> None:
        write(watched, plc_heartbeat=1)
        watched.alert()
        record = watched.records[0]
        assert record["position"] == 20600
        assert not record["flags"] & 4

    @pytest.mark.parametrize(
        ("counts", "position"), [((65_500, 64), 14), ((14, 65_450), 65_500), ((40, 140), 90)]
    )
    def test_positions_wrap_at_the_count_given_in_the_profile(
        self, watched: SimulatedLine, counts: tuple[int, int], position: int
    ) -> None:
        watched.state(encoder_wraps_at=65_536)
        for n, each in enumerate(counts):
            watched.later(10)
            write(watched, plc_heartbeat=n, encoder=each)
        watched.alert(t_capture_mono_ns=watched.now_ns - 5 * MS)
        record = watched.records[0]
        assert record["position"] == position
        assert record["flags"] & 4

    @pytest.mark.parametrize("wraps_at", [None, 65_536])
    def test_without_a_valid_wrap_count_the_position_is_not_in_counts(
        self, line: SimulatedLine, wraps_at: int | None
    ) -> None:
        line.inference()
        if wraps_at is not None:
            line.state(encoder_wraps_at=wraps_at)
        for n in range(3):  # a 32-bit counter, regardless of the profile
            write(line, plc_heartbeat=n, encoder=65_500 + 100 * n)
            line.later(10)
        line.alert(t_capture_mono_ns=line.now_ns - 15 * MS)
        assert line.records[0]["position"] == 20600
        assert not line.records[0]["flags"] & 4

    def test_counts_are_extrapolated_at_the_recent_speed(self, watched: SimulatedLine) -> None:
        for n in range(20):
            watched.later(10)
            write(watched, plc_heartbeat=n, encoder=1000 + 40 * n)
        watched.later(0.1)  # after a pause of the bridge two requests are served at once
        write(watched, plc_heartbeat=20, encoder=1000 + 40 * 20)
        watched.later(50)
        watched.alert()
        assert watched.records[0]["position"] == pytest.approx(1800 + 5 * 40, abs=30)

    @pytest.mark.parametrize("after_ms", [30, 90])
    def test_too_few_readings_are_not_extrapolated(
        self, watched: SimulatedLine, after_ms: float
    ) -> None:
        for n in range(9):
            watched.later(10)
            write(watched, plc_heartbeat=n, encoder=1000 + 40 * n)
        watched.later(after_ms)
        watched.alert()
        assert not watched.records[0]["flags"] & 4

    def test_counts_are_not_interpolated_over_a_pause_in_writing(
        self, watched: SimulatedLine
    ) -> None:
        for n, pause_ms in enumerate([10, 10, 501, 10]):
            watched.later(pause_ms)
            write(watched, plc_heartbeat=n, encoder=1000 + 100 * n)
        watched.alert("a1", t_capture_mono_ns=watched.now_ns - 200 * MS)
        watched.alert("a2", t_capture_mono_ns=watched.now_ns - 5 * MS)
        lost, read = watched.records[:2]
        assert not lost["flags"] & 4
        assert (read["flags"] & 4, read["position"]) == (4, 1250)

    @given(st.integers(256, 2**32), st.integers(0, 2**32), st.data())
    def test_interpolated_counts_lie_between_two_readings_even_over_the_wrap(
        self, wraps_at: int, start: int, data: st.DataObject
    ) -> None:
        most = min(1000, (wraps_at - 1) // 2)
        steps = data.draw(st.lists(st.integers(-most, most), min_size=1, max_size=30))
        share = data.draw(st.floats(0, 1))
        travel = list(accumulate(steps, initial=start))  # not wrapped
        plc = PlcLink("PLC", lambda _: None, lambda: EncoderScale(wraps_at))
        for n, each in enumerate(travel):
            counts = each % wraps_at
            plc.write(105, [counts >> 16, counts % 2**16], n * 10 * MS)
        at_ns = round(share * 10 * len(steps) * MS)
        found = plc.counts_at(at_ns, wraps_at)
        if any(each % wraps_at for each in travel):
            assert found is not None
            assert 0 <= found < wraps_at
            n = min(len(steps) - 1, at_ns // (10 * MS))
            low, high = sorted(travel[n : n + 2])
            assert (found - low) % wraps_at <= high - low
        assert plc.counts_at(at_ns + 10**12, wraps_at) is None


class TestWrongEncoder:
    """Counts that are read wrongly are named, and no record gives a position in them."""

    def test_swapped_words(self, watched: SimulatedLine) -> None:
        for n in range(40):
            counts = 100_000 + 3 * n
            write(watched, plc_heartbeat=n, encoder=(counts & 0xFFFF) << 16 | counts >> 16)
            watched.later(10)
        watched.alert(t_capture_mono_ns=watched.now_ns - 35 * MS)
        assert not watched.records[0]["flags"] & 4
        assert "high word to register 105" in str(watched.plc.encoder_fault)

    def test_a_count_that_is_torn_within_the_plc(self, watched: SimulatedLine) -> None:
        for n in range(40):
            counts = 2**17 - 1950 + 100 * n
            write(watched, plc_heartbeat=n, encoder=counts - 2**16 * (n == 20))
            at_ns = watched.now_ns - 5 * MS
            watched.later(10)
            watched.alert(f"a{n}", t_capture_mono_ns=at_ns)
            (event,) = (each for each in watched.watch.known() if each.alert.event_id == f"a{n}")
            watched.words()
            if event.counts is not None:
                assert event.counts == pytest.approx(counts - 50, abs=1)
            belt = watched.plc.belt(watched.now_ns)
            assert belt is None or belt.encoder == counts
            event.taken = True
        assert "copied word by word" in str(watched.plc.encoder_fault)

    @pytest.mark.parametrize("step", [100, -100])
    def test_a_16_bit_counter_without_its_wrap_count(
        self, watched: SimulatedLine, step: int
    ) -> None:
        for n in range(-20, 20):
            write(watched, plc_heartbeat=n & 0xFFFF, encoder=(30 + step * n) % 2**16)
            watched.later(10)
        watched.alert(t_capture_mono_ns=watched.now_ns - 205 * MS)  # between 65466 and 30
        assert not watched.records[0]["flags"] & 4
        assert "belt.encoder_wraps_at = 65536" in str(watched.plc.encoder_fault)

    @pytest.mark.parametrize("both", [True, False])
    def test_a_count_that_is_written_word_by_word(self, watched: SimulatedLine, both: bool) -> None:
        for n in range(20):
            words = [1, 1000 + 50 * n]
            watched.plc.write(100, [n], watched.now_ns)
            for address, sent in ((105, words),) if both else ((105, words[:1]), (106, words[1:])):
                watched.plc.write(address, sent, watched.now_ns)
            watched.later(10)
        watched.alert(t_capture_mono_ns=watched.now_ns - 35 * MS)
        assert bool(watched.records[0]["flags"] & 4) is both
        assert ("function 16" in str(watched.plc.encoder_fault)) is not both

    @pytest.mark.parametrize("state", ["encoder_lost", "encoder_stuck", "encoder_backwards"])
    def test_an_encoder_that_the_detector_judges_lost(
        self, watched: SimulatedLine, state: str
    ) -> None:
        def scans(first: int) -> None:
            for n in range(first, first + 10):
                write(watched, plc_heartbeat=n, encoder=1000 + 100 * n)
                watched.later(10)

        def in_counts() -> list[bool]:
            return [bool(each["flags"] & 4) for each in watched.records if each["seq"]]

        scans(0)
        watched.alert("before", t_capture_mono_ns=watched.now_ns - 35 * MS)
        assert in_counts() == [True]
        watched.state(active=1, belt_state=state)
        assert in_counts() == [False]
        scans(10)
        watched.alert("during", t_capture_mono_ns=watched.now_ns - 35 * MS)
        assert in_counts() == [False, False]
        watched.state(active=2, belt_state=state)
        watched.state(active=2, belt_state="runs")
        scans(20)
        watched.alert("after", t_capture_mono_ns=watched.now_ns - 35 * MS)
        assert in_counts() == [False, False, True]


@given(st.integers(100, 110), st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=11))
def test_no_write_of_a_plc_breaks_the_input_words(address: int, words: list[int]) -> None:
    line = SimulatedLine()
    line.inference()
    line.state(active=1)
    line.alert()
    line.plc.write(address, words[: 111 - address], line.now_ns)
    assert all(0 <= word <= 0xFFFF for word in line.words())
    assert line.hazards[0] == 2


def test_swapped_words_of_a_slow_belt_give_no_count_between_their_changes() -> None:
    link, t_ns = PlcLink("plc", lambda _: None, lambda: EncoderScale(2**32, 0.05)), 0
    given = []
    for reading in range(200):  # a count in 50 readings
        t_ns += 20 * MS
        counts = 7000 + reading // 50
        swapped = (counts & 0xFFFF) << 16 | counts >> 16
        link.write(105, [swapped >> 16, swapped & 0xFFFF], t_ns)
        given.append(link.counts_at(t_ns - 5 * MS, 2**32))
    assert given[60:] == [None] * 140
    for reading in range(102):
        t_ns += 20 * MS
        counts = 7004 + reading // 50
        link.write(105, [counts >> 16, counts & 0xFFFF], t_ns)
    assert link.counts_at(t_ns - 5 * MS, 2**32) == 7006
