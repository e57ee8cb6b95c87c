"""State machine of a shift: whatever happens in any order, only known hazards read clear."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from detector.bridge.line_watch import TRANSPORT_MS
from detector.bridge.register_words import VisionWord
from detector.wire.messages import AlarmState, Alert, Hazard, Outcome, Revision, VisionState
from tests.bridge.conftest import SimulatedLine

CLEAR, ACTIVE = 1, 2


class AnyShift(RuleBasedStateMachine):
    """Any sequence of messages and lost messages of a detector."""

    @initialize()
    def start(self) -> None:
        self.line = SimulatedLine()
        self.open: dict[str, AlarmState] = {}
        self.number = 0
        self.inferred = self.reported_blind = False
        self.silent_ms = 0.0
        self.missed = True
        self.in_transit: list[Alert] = []

    @rule()
    def an_inference_is_completed(self) -> None:
        self.line.inference()
        self.inferred, self.silent_ms = True, 0.0

    @rule()
    def a_heartbeat(self) -> None:
        self.line.beat()

    @rule(vision=st.sampled_from(list(VisionState)))
    def the_state_is_published(self, vision: VisionState) -> None:
        self.line.state(active=len(self.open), vision=vision)
        self.reported_blind = vision in {VisionState.STARTING, VisionState.UNAVAILABLE}
        self.missed = self.missed and bool(self.in_transit)

    @rule(hazard=st.sampled_from([Hazard.GAS, Hazard.BATTERY]), received=st.booleans())
    def a_hazard_is_raised(self, hazard: Hazard, received: bool) -> None:
        self.number += 1
        event_id = f"a{self.number}"
        self.open[event_id] = AlarmState.UNACKNOWLEDGED
        self.publish(event_id, received=received, hazard=hazard)

    @precondition(lambda self: self.open)
    @rule(received=st.booleans())
    def the_oldest_is_closed(self, received: bool) -> None:
        event_id = next(iter(self.open))
        del self.open[event_id]
        self.publish(
            event_id,
            received=received,
            kind=Revision.CLEARED,
            state=AlarmState.NORMAL,
            outcome=Outcome.REMOVED,
        )

    def publish(self, event_id: str, *, received: bool, **changes: Any) -> None:
        alert = self.line.alert(event_id, received=received, **changes)
        if not received:
            self.line.gap()
            self.in_transit.append(alert)
            self.line.lacks_alerts = self.missed = True

    @precondition(lambda self: self.in_transit)
    @rule()
    def missed_alerts_arrive(self) -> None:
        for alert in self.in_transit:
            self.line.send(alert)
        self.in_transit.clear()
        self.line.lacks_alerts = False

    @rule()
    def the_detector_restarts(self) -> None:
        self.line.boot_id = f"boot-{self.number}-{id(object())}"
        self.open.clear()
        self.in_transit.clear()
        self.line.lacks_alerts = False
        self.line.revisions.clear()
        self.number += 1
        self.line.beat()
        self.inferred = self.reported_blind = False
        self.missed = True

    @rule(ms=st.sampled_from([10.0, 90.0, 200.0, 3000.0]))
    def time_passes(self, ms: float) -> None:
        self.line.later(ms)
        self.silent_ms += ms

    @invariant()
    def nothing_reads_clear_unless_it_is_known_to_be_clear(self) -> None:
        if not hasattr(self, "line"):
            return
        read = self.line.read
        clear = [name for name in ("gas", "battery", "jam") if read[name] == CLEAR]
        watched = (
            self.inferred and not self.reported_blind and self.silent_ms <= 100 + TRANSPORT_MS + 1
        )
        if not watched:
            assert not clear
            assert read["state"] in (VisionWord.UNKNOWN, VisionWord.UNAVAILABLE)
        if self.missed:
            assert not clear
        if self.open and not self.missed and watched:
            assert read["gas"] == ACTIVE or read["battery"] == ACTIVE


TestAnyShift = AnyShift.TestCase
TestAnyShift.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
