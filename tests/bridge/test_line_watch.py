from __future__ import annotations

import pytest

from detector.bridge.line_watch import BOOT_NS, TRANSPORT_MS
from detector.bridge.register_words import Status, VisionWord
from detector.client import AlertVanished, VisionChanged
from detector.client.events import How
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
from tests.bridge.conftest import MS, SimulatedLine

UNKNOWN, CLEAR, ACTIVE = 0, 1, 2
LAST_ETA_MS = max(arrival.eta_ms for arrival in samples.ALERT.arrivals)


class TestWatching:
    def test_a_starting_bridge_reads_unknown_until_the_first_completed_inference(
        self, line: SimulatedLine
    ) -> None:
        assert (line.read["state"], line.hazards) == (VisionWord.UNKNOWN, (UNKNOWN,) * 3)
        line.state()
        line.beat()
        assert (line.read["state"], line.hazards) == (VisionWord.UNKNOWN, (UNKNOWN,) * 3)
        line.inference()
        assert (line.read["state"], line.hazards) == (VisionWord.READY, (CLEAR,) * 3)

    def test_a_line_without_messages_becomes_a_fault(self, line: SimulatedLine) -> None:
        line.later(BOOT_NS / MS)
        assert line.read["state"] == VisionWord.UNAVAILABLE

    def test_hazards_read_unknown_until_all_alarms_are_known(self, line: SimulatedLine) -> None:
        line.inference()
        assert line.hazards == (UNKNOWN,) * 3
        assert line.read["status"] & Status.CATCHING_UP
        line.state(active=1)  # an alarm that was not received
        assert line.hazards == (UNKNOWN,) * 3
        line.alert()
        line.state(active=1)
        assert line.hazards == (ACTIVE, CLEAR, CLEAR)

    def test_silence_reads_unknown_and_fault_and_the_heartbeat_stops(
        self, watched: SimulatedLine
    ) -> None:
        watched.beat()
        beat = watched.read["heartbeat"]
        assert beat == 1
        watched.later(100 + TRANSPORT_MS - 1)
        assert watched.hazards == (CLEAR,) * 3
        watched.later(2)
        assert (watched.read["state"], watched.hazards) == (VisionWord.UNAVAILABLE, (UNKNOWN,) * 3)
        watched.beat()  # from a queue: no inference since
        assert watched.read["heartbeat"] == beat
        assert watched.read["coverage"] == 0xFFFF

    def test_a_hang_between_two_inferences_is_detected_as_soon_as_with_one_per_frame(
        self, watched: SimulatedLine
    ) -> None:
        watched.later(120)
        watched.skipped_frame(120)
        watched.later(100 + TRANSPORT_MS - 1)
        assert watched.hazards == (CLEAR,) * 3
        watched.later(2)
        assert (watched.read["state"], watched.hazards) == (VisionWord.UNAVAILABLE, (UNKNOWN,) * 3)

    def test_frames_without_inference_do_not_count_as_watching(
        self, watched: SimulatedLine
    ) -> None:
        for waited_ms in range(30, 331, 30):
            watched.later(30)
            watched.skipped_frame(waited_ms)
            assert watched.hazards == (CLEAR,) * 3
        watched.later(30)
        watched.skipped_frame(360)  # inference was due 300 ms after the last one
        assert (watched.read["state"], watched.hazards) == (VisionWord.UNAVAILABLE, (UNKNOWN,) * 3)
        watched.inference()
        assert watched.hazards == (CLEAR,) * 3

    def test_the_frame_age_counts_from_the_newest_frame_with_inference(
        self, watched: SimulatedLine
    ) -> None:
        watched.later(60)
        watched.skipped_frame(60)
        assert watched.read["frame_age_ms"] == 80

    def test_a_bridge_that_connects_between_two_inferences_reads_ready(
        self, line: SimulatedLine
    ) -> None:
        line.skipped_frame(150)
        line.state()
        assert (line.read["state"], line.hazards) == (VisionWord.READY, (CLEAR,) * 3)
        assert line.read["frame_age_ms"] == 150

    def test_inferences_queued_while_the_bridge_was_suspended_do_not_count(
        self, watched: SimulatedLine
    ) -> None:
        watched.inference(queued_ms=5000)
        watched.later(5000)
        assert watched.hazards == (UNKNOWN,) * 3

    @pytest.mark.parametrize("vision", [VisionState.UNAVAILABLE, VisionState.STARTING])
    def test_reported_loss_of_vision_takes_effect_at_once(
        self, watched: SimulatedLine, vision: VisionState
    ) -> None:
        watched.state(vision=vision, reason="no frame")
        assert (watched.read["state"], watched.hazards) == (VisionWord.UNAVAILABLE, (UNKNOWN,) * 3)
        watched.inference()
        watched.state(vision=VisionState.READY)
        assert watched.hazards == (CLEAR,) * 3

    def test_a_vision_unavailable_alarm_alone_takes_effect(self, watched: SimulatedLine) -> None:
        blind = samples.LINE_ALERT.model_copy(update={"hazard": Hazard.VISION_UNAVAILABLE})
        watched.alert(sample=blind)
        assert watched.hazards == (UNKNOWN,) * 3
        assert watched.records[0]["seq"] == 0

    def test_late_inference_is_degraded_and_hazards_are_still_known(
        self, watched: SimulatedLine
    ) -> None:
        watched.state(vision=VisionState.DEGRADED, reason="late", late=True)
        assert (watched.read["state"], watched.hazards) == (VisionWord.DEGRADED, (CLEAR,) * 3)
        assert watched.read["status"] & Status.LATE

    def test_a_belt_fault_is_degraded_and_not_late(self, watched: SimulatedLine) -> None:
        watched.state(vision=VisionState.DEGRADED, reason="it slips", belt_state="slips")
        assert (watched.read["state"], watched.hazards) == (VisionWord.DEGRADED, (CLEAR,) * 3)
        assert not watched.read["status"] & Status.LATE

    def test_after_missed_messages_no_hazard_reads_clear_until_all_alarms_are_known(
        self, watched: SimulatedLine
    ) -> None:
        watched.gap()
        assert (watched.read["state"], watched.hazards) == (VisionWord.DEGRADED, (UNKNOWN,) * 3)
        watched.state()
        assert watched.hazards == (CLEAR,) * 3

    def test_a_missed_new_alert_is_detected_although_a_missed_end_keeps_the_count(
        self, watched: SimulatedLine
    ) -> None:
        watched.alert("battery", hazard=Hazard.BATTERY)
        watched.alert("battery", state=AlarmState.NORMAL, received=False)
        missed = watched.alert("gas", received=False)
        watched.gap()
        watched.lacks_alerts = True
        watched.state(active=1)  # as many as we know
        assert watched.hazards == (UNKNOWN, ACTIVE, UNKNOWN)
        watched.send(missed)
        watched.lacks_alerts = False
        assert watched.hazards[0] == ACTIVE

    def test_a_restarted_detector_is_not_watching_until_its_first_inference(
        self, watched: SimulatedLine
    ) -> None:
        watched.alert()
        watched.boot_id = "boot-2"
        watched.beat()
        assert (watched.read["state"], watched.hazards) == (VisionWord.UNAVAILABLE, (UNKNOWN,) * 3)
        watched.inference()
        assert watched.hazards == (ACTIVE, UNKNOWN, UNKNOWN)  # it is still on the belt
        watched.state()
        assert watched.hazards == (ACTIVE, CLEAR, CLEAR)
        watched.later(LAST_ETA_MS + 501)
        watched.inference()
        assert watched.hazards == (CLEAR,) * 3

    @pytest.mark.parametrize("how", ["delivery", "snapshot"])
    def test_an_alert_received_before_the_first_published_message_is_known(self, how: How) -> None:
        """The connection for requests was there first: an alert that was carried over a restart."""
        line = SimulatedLine()
        line.send(line.alert(received=False), how=how)
        line.beat()
        line.inference()
        line.state(active=1)
        assert line.hazards == (ACTIVE, CLEAR, CLEAR)
        assert not line.read["status"] & Status.CATCHING_UP

    @pytest.mark.parametrize("how", ["delivery", "snapshot"])
    def test_an_alert_received_before_the_first_published_message_of_a_new_start_is_known(
        self, watched: SimulatedLine, how: How
    ) -> None:
        alert = watched.alert()
        watched.boot_id = "boot-2"
        watched.send(alert.model_copy(update={"revision": alert.revision + 1}), how=how)
        watched.inference()
        watched.state(active=1)
        assert watched.hazards == (ACTIVE, CLEAR, CLEAR)
        assert not watched.read["status"] & Status.CATCHING_UP

    def test_without_a_coverage_the_jam_register_is_unknown(self, watched: SimulatedLine) -> None:
        watched.state(coverage=None, coverage_state=CoverageState.UNKNOWN)
        assert watched.hazards == (CLEAR, CLEAR, UNKNOWN)
        watched.alert(sample=samples.LINE_ALERT)
        watched.state(active=1, coverage=None, coverage_state=CoverageState.UNKNOWN)
        assert watched.hazards == (CLEAR, CLEAR, ACTIVE)
        assert watched.read["jam_state"] == 2

    def test_a_lost_connection_takes_effect_at_once(self, watched: SimulatedLine) -> None:
        watched.watch.update(VisionChanged(VisionState.UNAVAILABLE, "connection lost"))
        assert (watched.read["state"], watched.hazards) == (VisionWord.UNAVAILABLE, (UNKNOWN,) * 3)
        watched.inference()
        assert watched.hazards == (CLEAR,) * 3

    def test_a_vanished_alert_is_over(self, watched: SimulatedLine) -> None:
        alert = watched.alert(arrivals=())
        assert watched.hazards[0] == ACTIVE
        watched.watch.update(AlertVanished(alert))
        assert watched.hazards[0] == CLEAR

    def test_messages_of_another_line_are_ignored(self, watched: SimulatedLine) -> None:
        watched.alert(line="tapis-2")
        assert watched.hazards == (CLEAR,) * 3


@pytest.fixture(params=[-3_600_000_000_000, 10**15])
def far(request: pytest.FixtureRequest) -> SimulatedLine:
    """A line on another host with an unrelated clock."""
    line = SimulatedLine()
    line.remote_clock_ns = request.param
    return line


class TestADetectorOnAnotherHost:
    def test_it_counts_as_watching_as_long_as_a_local_one(self, far: SimulatedLine) -> None:
        far.inference()
        far.state()
        far.later(100 + TRANSPORT_MS - 1)
        assert far.hazards == (CLEAR,) * 3
        far.later(2)
        assert far.hazards == (UNKNOWN,) * 3

    def test_inferences_queued_while_the_bridge_was_suspended_do_not_count(
        self, far: SimulatedLine
    ) -> None:
        far.inference()
        far.state()
        for _ in range(20):
            far.later(30)
            far.inference(queued_ms=5000)
        far.later(5000)
        assert far.hazards == (UNKNOWN,) * 3

    def test_an_alert_from_before_the_bridge_started_has_its_real_age(
        self, far: SimulatedLine
    ) -> None:
        alert = far.alert(received=False)
        far.later(3000)
        far.send(alert, age_ms=20, how="snapshot")  # the header of its first publication
        assert far.records[0]["seq"] == 0  # its age is not known yet
        far.inference()
        record = far.records[0]
        assert (record["age_ms"], record["eta_ms"]) == (3000, 200)


class TestOneHazard:
    def test_an_object_is_active_until_it_has_passed_the_last_action_point(
        self, watched: SimulatedLine
    ) -> None:
        battery = samples.ALERT.model_copy(update={"hazard": Hazard.BATTERY})
        watched.alert(sample=battery)
        watched.alert(
            sample=battery, kind=Revision.CLEARED, state=AlarmState.RETURNED_UNACKNOWLEDGED
        )
        assert watched.hazards[1] == ACTIVE
        assert watched.records[0]["eta_ms"] == round(samples.ALERT.arrivals[0].eta_ms)
        watched.later(5000)
        watched.inference()
        assert watched.hazards[1] == ACTIVE
        assert watched.records[0]["eta_ms"] == round(LAST_ETA_MS - 5000)
        watched.later(LAST_ETA_MS - 5000 + 501)
        watched.inference()
        watched.state(active=1)
        assert watched.hazards[1] == CLEAR
        assert watched.records[0]["seq"] == 0

    def test_an_object_on_a_stopped_belt_does_not_approach_and_stays_active(
        self, watched: SimulatedLine
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
        watched.inference()
        watched.state(belt_speed_mm_s=500.0)
        assert watched.hazards[1] == ACTIVE
        assert watched.records[0]["eta_ms"] == near_ms - 1000
        watched.later(LAST_ETA_MS - 1000 + 499)
        watched.inference()
        assert watched.hazards[1] == ACTIVE
        watched.later(2)
        assert watched.hazards[1] == CLEAR

    def test_a_reported_stop_is_used_for_three_seconds(self, watched: SimulatedLine) -> None:
        watched.alert()
        watched.state(active=1, belt_speed_mm_s=0.0)
        watched.later(5000)
        assert watched.records[0]["eta_ms"] == round(samples.ALERT.arrivals[0].eta_ms) - 2000

    def test_on_a_slow_belt_an_object_stays_active_after_its_alarm_has_expired(
        self, watched: SimulatedLine
    ) -> None:
        slow = (samples.ALERT.arrivals[0].model_copy(update={"eta_ms": 80_000.0}),)
        watched.alert(hazard=Hazard.BATTERY, arrivals=slow)
        watched.alert(
            hazard=Hazard.BATTERY, arrivals=slow, kind=Revision.EXPIRED, state=AlarmState.NORMAL
        )
        watched.state()
        watched.inference()
        assert watched.hazards[1] == ACTIVE

    def test_gas_is_active_until_an_outcome_is_reported(self, watched: SimulatedLine) -> None:
        watched.alert()
        watched.alert(kind=Revision.UPDATED, state=AlarmState.LATCHED)
        watched.later(10 * LAST_ETA_MS)
        watched.inference()
        assert watched.hazards[0] == ACTIVE
        watched.alert(
            kind=Revision.CLEARED, state=AlarmState.NORMAL, outcome=Outcome.REMOVED, arrivals=()
        )
        watched.state()
        assert watched.hazards[0] == CLEAR

    def test_an_outcome_clears_the_hazard_at_once(self, watched: SimulatedLine) -> None:
        watched.alert()
        watched.alert(kind=Revision.CLEARED, state=AlarmState.NORMAL, outcome=Outcome.FALSE_ALARM)
        assert watched.hazards[0] == CLEAR

    @pytest.mark.parametrize("state", [AlarmState.SHELVED, AlarmState.SUPPRESSED])
    def test_a_shelved_or_suppressed_alarm_still_reads_active(
        self, watched: SimulatedLine, state: AlarmState
    ) -> None:
        watched.alert(state=state)
        assert watched.hazards[0] == ACTIVE

    def test_shelvings_are_shown_in_the_status(self, watched: SimulatedLine) -> None:
        shelving = Shelving(hazard=Hazard.GAS, operator="poste 2", t_until_utc_ns=0)
        watched.state(shelved=(shelving,))
        assert watched.read["status"] & Status.GAS_SHELVED
        watched.state()
        assert not watched.read["status"] & Status.GAS_SHELVED

    def test_an_accumulation_of_batteries_is_not_reported_to_the_plc(
        self, watched: SimulatedLine
    ) -> None:
        watched.alert(sample=samples.LINE_ALERT, hazard=Hazard.BATTERY)
        watched.state(active=1)
        assert watched.hazards == (CLEAR,) * 3
        assert watched.records[0]["seq"] == 0

    def test_a_repeated_revision_does_not_create_a_second_event(
        self, watched: SimulatedLine
    ) -> None:
        first = watched.alert()
        watched.alert(kind=Revision.CLEARED, state=AlarmState.NORMAL, outcome=Outcome.REMOVED)
        assert watched.hazards[0] == CLEAR
        watched.send(first)
        assert watched.hazards[0] == CLEAR
        assert watched.read["last_seq"] == 1001
