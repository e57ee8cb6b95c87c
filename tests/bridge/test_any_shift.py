"""Whatever happens in a shift, in any order: what the PLC reads as clear is known to be."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from detector.bridge.line_watch import TRANSPORT_MS
from detector.bridge.register_map import State
from detector.wire.messages import AlarmState, Alert, Hazard, Outcome, Revision, VisionState
from tests.bridge.conftest import HeardLine

CLEAR, ACTIVE = 1, 2


class AnyShift(RuleBasedStateMachine):
    """Whatever a detector says or does not say: nothing reads clear that is not known to be."""

    @initialize()
    def start(self) -> None:
        self.line = HeardLine()
        self.open: dict[str, AlarmState] = {}
        self.number = 0
        self.looked = self.told_blind = False
        self.silent_ms = 0.0
        self.missed = True
        self.on_its_way: list[Alert] = []

    @rule()
    def a_look_is_completed(self) -> None:
        self.line.look()
        self.looked, self.silent_ms = True, 0.0

    @rule()
    def a_beat(self) -> None:
        self.line.beat()

    @rule(vision=st.sampled_from(list(VisionState)))
    def the_state_is_told(self, vision: VisionState) -> None:
        self.line.state(active=len(self.open), vision=vision)
        self.told_blind = vision in {VisionState.STARTING, VisionState.UNAVAILABLE}
        self.missed = self.missed and bool(self.on_its_way)

    @rule(hazard=st.sampled_from([Hazard.GAS, Hazard.BATTERY]), heard=st.booleans())
    def a_hazard_is_raised(self, hazard: Hazard, heard: bool) -> None:
        self.number += 1
        event_id = f"a{self.number}"
        self.open[event_id] = AlarmState.UNACKNOWLEDGED
        self.tell(event_id, heard=heard, hazard=hazard)

    @precondition(lambda self: self.open)
    @rule(heard=st.booleans())
    def somebody_closes_the_oldest(self, heard: bool) -> None:
        event_id = next(iter(self.open))
        del self.open[event_id]
        self.tell(
            event_id,
            heard=heard,
            kind=Revision.CLEARED,
            state=AlarmState.NORMAL,
            outcome=Outcome.REMOVED,
        )

    def tell(self, event_id: str, *, heard: bool, **changes: Any) -> None:
        alert = self.line.alert(event_id, heard=heard, **changes)
        if not heard:
            self.line.gap()
            self.on_its_way.append(alert)
            self.line.lacks_alerts = self.missed = True

    @precondition(lambda self: self.on_its_way)
    @rule()
    def what_was_missed_comes(self) -> None:
        for alert in self.on_its_way:
            self.line.say(alert)
        self.on_its_way.clear()
        self.line.lacks_alerts = False

    @rule()
    def the_detector_restarts(self) -> None:
        self.line.boot_id = f"boot-{self.number}-{id(object())}"
        self.open.clear()
        self.on_its_way.clear()
        self.line.lacks_alerts = False
        self.line.revisions.clear()
        self.number += 1
        self.line.beat()
        self.looked = self.told_blind = False
        self.missed = True

    @rule(ms=st.sampled_from([10.0, 90.0, 200.0, 3000.0]))
    def time_passes(self, ms: float) -> None:
        self.line.later(ms)
        self.silent_ms += ms

    @invariant()
    def nothing_reads_clear_unless_somebody_looks_and_nothing_is_there(self) -> None:
        if not hasattr(self, "line"):
            return
        read = self.line.read
        clear = [name for name in ("gas", "battery", "jam") if read[name] == CLEAR]
        watched = self.looked and not self.told_blind and self.silent_ms <= 100 + TRANSPORT_MS + 1
        if not watched:
            assert not clear
            assert read["state"] in (State.BOOT, State.FAULT)
        if self.missed:
            assert not clear
        if self.open and not self.missed and watched:
            assert read["gas"] == ACTIVE or read["battery"] == ACTIVE


TestAnyShift = AnyShift.TestCase
TestAnyShift.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
