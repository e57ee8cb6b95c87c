from __future__ import annotations

import pytest

from detector.bridge.line_watch import BOOT_NS, TRANSPORT_MS
from detector.bridge.register_map import State, Status
from detector.client import Sight, SightChanged, Vanished
from detector.wire import samples
from detector.wire.messages import (
    AlarmState,
    CoverageState,
    Hazard,
    Outcome,
    Revision,
    Shelving,
    VisionState,
)
from tests.bridge.conftest import MS, HeardLine

UNKNOWN, CLEAR, ACTIVE = 0, 1, 2
LAST_ETA_MS = max(arrival.eta_ms for arrival in samples.ALERT.arrivals)


class TestWhoWatches:
    def test_a_bridge_that_starts_reads_unknown_until_the_first_completed_inference(
        self, line: HeardLine
    ) -> None:
        assert (line.read["state"], line.hazards) == (State.BOOT, (UNKNOWN,) * 3)
        line.state()
        line.beat()
        assert (line.read["state"], line.hazards) == (State.BOOT, (UNKNOWN,) * 3)
        line.look()
        assert (line.read["state"], line.hazards) == (State.READY, (CLEAR,) * 3)

    def test_a_line_that_nobody_hears_of_is_a_fault_after_a_while(self, line: HeardLine) -> None:
        line.later(BOOT_NS / MS)
        assert line.read["state"] == State.FAULT

    def test_a_look_without_the_word_that_all_alarms_are_known_reads_unknown(
        self, line: HeardLine
    ) -> None:
        line.look()
        assert line.hazards == (UNKNOWN,) * 3
        assert line.read["status"] & Status.CATCHING_UP
        line.state(active=1)  # an alarm that we have not heard of
        assert line.hazards == (UNKNOWN,) * 3
        line.alert()
        line.state(active=1)
        assert line.hazards == (ACTIVE, CLEAR, CLEAR)

    def test_silence_becomes_unknown_and_fault_and_the_heartbeat_stands(
        self, watched: HeardLine
    ) -> None:
        watched.beat()
        beat = watched.read["heartbeat"]
        assert beat == 1
        watched.later(100 + TRANSPORT_MS - 1)
        assert watched.hazards == (CLEAR,) * 3
        watched.later(2)
        assert (watched.read["state"], watched.hazards) == (State.FAULT, (UNKNOWN,) * 3)
        watched.beat()  # waited in a queue: nobody has looked since
        assert watched.read["heartbeat"] == beat
        assert watched.read["coverage"] == 0xFFFF

    def test_a_detector_that_hangs_between_two_looks_is_a_fault_as_soon_as_with_a_look_per_frame(
        self, watched: HeardLine
    ) -> None:
        watched.later(120)
        watched.no_look(120)
        watched.later(100 + TRANSPORT_MS - 1)
        assert watched.hazards == (CLEAR,) * 3
        watched.later(2)
        assert (watched.read["state"], watched.hazards) == (State.FAULT, (UNKNOWN,) * 3)

    def test_frames_that_go_on_without_a_look_are_no_watch(self, watched: HeardLine) -> None:
        for waited_ms in range(30, 331, 30):
            watched.later(30)
            watched.no_look(waited_ms)
            assert watched.hazards == (CLEAR,) * 3
        watched.later(30)
        watched.no_look(360)  # due 300 ms after the last look
        assert (watched.read["state"], watched.hazards) == (State.FAULT, (UNKNOWN,) * 3)
        watched.look()
        assert watched.hazards == (CLEAR,) * 3

    def test_the_frame_s_age_counts_from_the_newest_that_was_looked_at(
        self, watched: HeardLine
    ) -> None:
        watched.later(60)
        watched.no_look(60)
        assert watched.read["frame_age_ms"] == 80

    def test_who_comes_between_two_looks_reads_what_they_found(self, line: HeardLine) -> None:
        line.no_look(150)
        line.state()
        assert (line.read["state"], line.hazards) == (State.READY, (CLEAR,) * 3)
        assert line.read["frame_age_ms"] == 150

    def test_looks_that_waited_in_a_queue_while_the_bridge_slept_are_none(
        self, watched: HeardLine
    ) -> None:
        watched.look(queued_ms=5000)
        watched.later(5000)
        assert watched.hazards == (UNKNOWN,) * 3

    @pytest.mark.parametrize("vision", [VisionState.UNAVAILABLE, VisionState.STARTING])
    def test_a_detector_that_says_it_is_blind_is_believed_at_once(
        self, watched: HeardLine, vision: VisionState
    ) -> None:
        watched.state(vision=vision, reason="no frame")
        assert (watched.read["state"], watched.hazards) == (State.FAULT, (UNKNOWN,) * 3)
        watched.look()
        watched.state(vision=VisionState.READY)
        assert watched.hazards == (CLEAR,) * 3

    def test_the_alarm_that_vision_is_lost_is_enough(self, watched: HeardLine) -> None:
        blind = samples.LINE_ALERT.model_copy(update={"hazard": Hazard.VISION_UNAVAILABLE})
        watched.alert(sample=blind)
        assert watched.hazards == (UNKNOWN,) * 3
        assert watched.records[0]["seq"] == 0

    def test_late_looks_are_degraded_and_say_what_they_know(self, watched: HeardLine) -> None:
        watched.state(vision=VisionState.DEGRADED, reason="late", late=True)
        assert (watched.read["state"], watched.hazards) == (State.DEGRADED, (CLEAR,) * 3)
        assert watched.read["status"] & Status.LATE

    def test_a_doubtful_belt_is_degraded_and_not_late(self, watched: HeardLine) -> None:
        watched.state(vision=VisionState.DEGRADED, reason="it slips", belt_state="slips")
        assert (watched.read["state"], watched.hazards) == (State.DEGRADED, (CLEAR,) * 3)
        assert not watched.read["status"] & Status.LATE

    def test_after_missed_messages_nothing_reads_clear_until_all_is_known(
        self, watched: HeardLine
    ) -> None:
        watched.gap()
        assert (watched.read["state"], watched.hazards) == (State.DEGRADED, (UNKNOWN,) * 3)
        watched.state()
        assert watched.hazards == (CLEAR,) * 3

    def test_an_alert_that_is_missed_while_another_ends_unheard_is_not_taken_for_none(
        self, watched: HeardLine
    ) -> None:
        watched.alert("battery", hazard=Hazard.BATTERY)
        watched.alert("battery", state=AlarmState.NORMAL, heard=False)
        missed = watched.alert("gas", heard=False)
        watched.gap()
        watched.lacks_alerts = True
        watched.state(active=1)  # as many as we know
        assert watched.hazards == (UNKNOWN, ACTIVE, UNKNOWN)
        watched.say(missed)
        watched.lacks_alerts = False
        assert watched.hazards[0] == ACTIVE

    def test_a_restarted_detector_has_not_looked_yet(self, watched: HeardLine) -> None:
        watched.alert()
        watched.boot_id = "boot-2"
        watched.beat()
        assert (watched.read["state"], watched.hazards) == (State.FAULT, (UNKNOWN,) * 3)
        watched.look()
        assert watched.hazards == (ACTIVE, UNKNOWN, UNKNOWN)  # it still lies on the belt
        watched.state()
        assert watched.hazards == (ACTIVE, CLEAR, CLEAR)
        watched.later(LAST_ETA_MS + 501)
        watched.look()
        assert watched.hazards == (CLEAR,) * 3

    def test_without_a_coverage_the_jam_word_is_unknown(self, watched: HeardLine) -> None:
        watched.state(coverage=None, coverage_state=CoverageState.UNKNOWN)
        assert watched.hazards == (CLEAR, CLEAR, UNKNOWN)
        watched.alert(sample=samples.LINE_ALERT)
        watched.state(active=1, coverage=None, coverage_state=CoverageState.UNKNOWN)
        assert watched.hazards == (CLEAR, CLEAR, ACTIVE)
        assert watched.read["jam_state"] == 2

    def test_a_connection_that_is_cut_is_blind_at_once(self, watched: HeardLine) -> None:
        watched.watch.update(SightChanged(Sight.BLIND, "the connection is cut"))
        assert (watched.read["state"], watched.hazards) == (State.FAULT, (UNKNOWN,) * 3)
        watched.look()
        assert watched.hazards == (CLEAR,) * 3

    def test_an_alert_that_has_vanished_is_over(self, watched: HeardLine) -> None:
        alert = watched.alert(arrivals=())
        assert watched.hazards[0] == ACTIVE
        watched.watch.update(Vanished(alert))
        assert watched.hazards[0] == CLEAR

    def test_another_line_at_the_same_endpoint_is_not_this_one(self, watched: HeardLine) -> None:
        watched.alert(line="tapis-2")
        assert watched.hazards == (CLEAR,) * 3


@pytest.fixture(params=[-3_600_000_000_000, 10**15])
def far(request: pytest.FixtureRequest) -> HeardLine:
    """A line on another host, whose clock has nothing to do with ours."""
    line = HeardLine()
    line.their_clock_ns = request.param
    return line


class TestADetectorOnAnotherHost:
    def test_it_is_believed_as_long_as_one_here(self, far: HeardLine) -> None:
        far.look()
        far.state()
        far.later(100 + TRANSPORT_MS - 1)
        assert far.hazards == (CLEAR,) * 3
        far.later(2)
        assert far.hazards == (UNKNOWN,) * 3

    def test_looks_that_waited_in_a_queue_while_the_bridge_slept_are_none(
        self, far: HeardLine
    ) -> None:
        far.look()
        far.state()
        for _ in range(20):
            far.later(30)
            far.look(queued_ms=5000)
        far.later(5000)
        assert far.hazards == (UNKNOWN,) * 3

    def test_an_alert_of_before_the_bridge_came_is_as_old_as_it_is(self, far: HeardLine) -> None:
        alert = far.alert(heard=False)
        far.later(3000)
        far.say(alert, age_ms=20, how="snapshot")  # its header is of when it was sent first
        assert far.records[0]["seq"] == 0  # nobody can say how old it is
        far.look()
        record = far.records[0]
        assert (record["age_ms"], record["eta_ms"]) == (3000, 200)


class TestOneHazard:
    def test_it_is_active_until_it_has_passed_the_last_action_point(
        self, watched: HeardLine
    ) -> None:
        battery = samples.ALERT.model_copy(update={"hazard": Hazard.BATTERY})
        watched.alert(sample=battery)
        watched.alert(
            sample=battery, kind=Revision.CLEARED, state=AlarmState.RETURNED_UNACKNOWLEDGED
        )
        assert watched.hazards[1] == ACTIVE
        assert watched.records[0]["eta_ms"] == round(samples.ALERT.arrivals[0].eta_ms)
        watched.later(5000)
        watched.look()
        assert watched.hazards[1] == ACTIVE
        assert watched.records[0]["eta_ms"] == round(LAST_ETA_MS - 5000)
        watched.later(LAST_ETA_MS - 5000 + 501)
        watched.look()
        watched.state(active=1)
        assert watched.hazards[1] == CLEAR
        assert watched.records[0]["seq"] == 0

    def test_on_a_belt_that_stands_it_comes_no_nearer_and_is_never_taken_for_passed(
        self, watched: HeardLine
    ) -> None:
        def left(kind: Revision, state: AlarmState, travelled_ms: float, age_ms: float) -> None:
            arrivals = tuple(
                each.model_copy(update={"eta_ms": each.eta_ms - travelled_ms})
                for each in samples.ALERT.arrivals
            )
            watched.alert(
                hazard=Hazard.BATTERY,
                kind=kind,
                state=state,
                place=place,
                arrivals=arrivals,
                t_capture_utc_ns=samples.T_UTC_NS + round(age_ms * MS),
            )

        assert samples.ALERT.place is not None
        place = samples.ALERT.place.model_copy(update={"t_utc_ns": samples.T_UTC_NS})
        seen_ns = watched.now_ns
        left(Revision.CLEARED, AlarmState.RETURNED_UNACKNOWLEDGED, 0, 0)
        watched.later(1000)
        for _ in range(2 * round(LAST_ETA_MS / 1000)):
            watched.state(active=1, belt_speed_mm_s=0.0)
            watched.later(1000)
        near_ms = round(samples.ALERT.arrivals[0].eta_ms)
        assert watched.records[0]["eta_ms"] == near_ms - 1000
        left(Revision.EXPIRED, AlarmState.NORMAL, 1000, (watched.now_ns - seen_ns) / MS)
        watched.look()
        watched.state(belt_speed_mm_s=500.0)
        assert watched.hazards[1] == ACTIVE
        assert watched.records[0]["eta_ms"] == near_ms - 1000
        watched.later(LAST_ETA_MS - 1000 + 499)
        watched.look()
        assert watched.hazards[1] == ACTIVE
        watched.later(2)
        assert watched.hazards[1] == CLEAR

    def test_that_it_stands_is_believed_for_three_seconds(self, watched: HeardLine) -> None:
        watched.alert()
        watched.state(active=1, belt_speed_mm_s=0.0)
        watched.later(5000)
        assert watched.records[0]["eta_ms"] == round(samples.ALERT.arrivals[0].eta_ms) - 2000

    def test_on_a_slow_belt_it_arrives_though_its_alarm_has_expired_before(
        self, watched: HeardLine
    ) -> None:
        slow = (samples.ALERT.arrivals[0].model_copy(update={"eta_ms": 80_000.0}),)
        watched.alert(hazard=Hazard.BATTERY, arrivals=slow)
        watched.alert(
            hazard=Hazard.BATTERY, arrivals=slow, kind=Revision.EXPIRED, state=AlarmState.NORMAL
        )
        watched.state()
        watched.look()
        assert watched.hazards[1] == ACTIVE

    def test_gas_is_active_until_somebody_says_what_became_of_it(self, watched: HeardLine) -> None:
        watched.alert()
        watched.alert(kind=Revision.UPDATED, state=AlarmState.LATCHED)
        watched.later(10 * LAST_ETA_MS)
        watched.look()
        assert watched.hazards[0] == ACTIVE
        watched.alert(
            kind=Revision.CLEARED, state=AlarmState.NORMAL, outcome=Outcome.REMOVED, arrivals=()
        )
        watched.state()
        assert watched.hazards[0] == CLEAR

    def test_an_outcome_takes_it_off_the_belt_at_once(self, watched: HeardLine) -> None:
        watched.alert()
        watched.alert(kind=Revision.CLEARED, state=AlarmState.NORMAL, outcome=Outcome.FALSE_ALARM)
        assert watched.hazards[0] == CLEAR

    @pytest.mark.parametrize("state", [AlarmState.SHELVED, AlarmState.SUPPRESSED])
    def test_a_shelved_or_suppressed_alarm_lies_on_the_belt_all_the_same(
        self, watched: HeardLine, state: AlarmState
    ) -> None:
        watched.alert(state=state)
        assert watched.hazards[0] == ACTIVE

    def test_what_is_shelved_is_told_whether_or_not_it_lies_there(self, watched: HeardLine) -> None:
        shelving = Shelving(hazard=Hazard.GAS, operator="poste 2", t_until_utc_ns=0)
        watched.state(shelved=(shelving,))
        assert watched.read["status"] & Status.GAS_SHELVED
        watched.state()
        assert not watched.read["status"] & Status.GAS_SHELVED

    def test_that_there_are_many_batteries_is_for_people_alone(self, watched: HeardLine) -> None:
        watched.alert(sample=samples.LINE_ALERT, hazard=Hazard.BATTERY)
        watched.state(active=1)
        assert watched.hazards == (CLEAR,) * 3
        assert watched.records[0]["seq"] == 0

    def test_a_revision_that_is_sent_again_makes_no_second_event(self, watched: HeardLine) -> None:
        first = watched.alert()
        watched.alert(kind=Revision.CLEARED, state=AlarmState.NORMAL, outcome=Outcome.REMOVED)
        assert watched.hazards[0] == CLEAR
        watched.say(first)
        assert watched.hazards[0] == CLEAR
        assert watched.read["last_seq"] == 1001
