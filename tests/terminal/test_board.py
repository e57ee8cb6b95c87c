from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.client import Gap, Received
from detector.terminal import board as board_module
from detector.terminal.board import Board
from detector.wire import samples
from detector.wire.messages import AlarmState, Alert, Priority, Revision, VisionState

Receive = Callable[..., Received]
MS = 1_000_000


def at(t_ms: float) -> int:
    return samples.T_MONO_NS + round(t_ms * MS)


def alert(**changes: object) -> Alert:
    return samples.ALERT.model_copy(update=changes)


@pytest.fixture
def board() -> Board:
    return Board("tcp://127.0.0.1:5556", at(0))


@pytest.fixture
def watching(board: Board, receive: Receive) -> Board:
    board.update(receive(samples.STATE))
    board.update(receive(samples.HEARTBEAT))
    return board


def test_before_the_first_heartbeat_the_state_is_unknown(board: Board, receive: Receive) -> None:
    assert board.vision(at(500)) == (VisionState.UNKNOWN, "no heartbeat yet, for 0 s")
    board.update(receive(samples.STATE))
    assert board.vision(at(30_000)) == (VisionState.UNKNOWN, "no heartbeat yet, for 30 s")


def test_a_heartbeat_and_a_ready_line_are_watching(watching: Board) -> None:
    assert watching.vision(at(999)) == (VisionState.READY, "")


def test_without_a_heartbeat_for_a_second_it_is_blind(watching: Board) -> None:
    assert watching.vision(at(1200)) == (VisionState.UNAVAILABLE, "no heartbeat for 1.2 s")


def test_a_heartbeat_that_waited_in_a_queue_is_as_old_as_its_frame(
    watching: Board, receive: Receive
) -> None:
    late = receive(samples.HEARTBEAT, 100)._replace(t_received_mono_ns=at(60_000))
    watching.update(late)
    assert watching.vision(at(60_000))[0] is VisionState.UNAVAILABLE


def test_a_heartbeat_alone_is_not_watching(board: Board, receive: Receive) -> None:
    board.update(receive(samples.HEARTBEAT))
    assert board.vision(at(100))[0] is VisionState.UNKNOWN


def test_an_outdated_line_state_is_unknown(watching: Board, receive: Receive) -> None:
    watching.update(receive(samples.HEARTBEAT, 3500))
    vision, reason = watching.vision(at(3600))
    assert vision is VisionState.UNKNOWN
    assert reason == "no line state for 3.6 s"


@pytest.mark.parametrize(
    "vision",
    [VisionState.STARTING, VisionState.UNAVAILABLE, VisionState.DEGRADED, VisionState.READY],
)
def test_the_line_state_counts_even_with_a_fresh_heartbeat(
    watching: Board, receive: Receive, vision: VisionState
) -> None:
    state = samples.STATE.model_copy(update={"vision": vision, "reason": "frozen image"})
    watching.update(receive(state))
    reported, reason = watching.vision(at(100))
    assert reported is vision
    assert ("frozen image" in reason) == (vision is not VisionState.READY)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    vision=st.sampled_from(VisionState),
    beat_ms=st.none() | st.integers(0, 10_000),
    state_ms=st.none() | st.integers(0, 10_000),
)
def test_watching_needs_a_fresh_heartbeat_a_fresh_state_and_ready_vision(
    receive: Receive, vision: VisionState, beat_ms: int | None, state_ms: int | None
) -> None:
    board = Board("", at(0))
    if state_ms is not None:
        state = samples.STATE.model_copy(update={"vision": vision})
        board.update(receive(state, state_ms))
    if beat_ms is not None:
        board.update(receive(samples.HEARTBEAT, beat_ms))
    fresh = (
        beat_ms is not None
        and state_ms is not None
        and 10_020 - beat_ms <= 1000
        and 10_020 - state_ms - 20 <= 3000
    )
    watching = board.vision(at(10_020))[0] is VisionState.READY
    assert watching == (fresh and vision is VisionState.READY)


def test_all_revisions_of_an_alert_are_one_row(watching: Board, receive: Receive) -> None:
    assert watching.update(receive(alert()))
    assert watching.update(receive(alert(revision=2, kind=Revision.UPDATED, probability=0.97)))
    (known,) = watching.active()
    assert known.payload.probability == 0.97


def test_a_known_revision_is_not_new(watching: Board, receive: Receive) -> None:
    watching.update(receive(alert(revision=3)))
    assert not watching.update(receive(alert(revision=3)))
    assert not watching.update(receive(alert(revision=2)))


@pytest.mark.parametrize("state", [state for state in AlarmState if state is not AlarmState.NORMAL])
def test_only_a_closed_alert_is_removed(
    watching: Board, receive: Receive, state: AlarmState
) -> None:
    watching.update(receive(alert(state=state)))
    assert len(watching.active()) == 1
    watching.update(receive(alert(revision=2, state=AlarmState.NORMAL, kind=Revision.CLEARED)))
    assert watching.active() == []
    watching.update(receive(alert(revision=1)))  # sent again: it stays closed
    assert watching.active() == []


def test_the_most_urgent_alert_is_first(watching: Board, receive: Receive) -> None:
    later = samples.ALERT.arrivals[1:]
    watching.update(receive(alert(event_id="low", priority=Priority.LOW)))
    watching.update(receive(alert(event_id="asleep", state=AlarmState.SHELVED)))
    watching.update(receive(alert(event_id="later", arrivals=later)))
    watching.update(receive(alert(event_id="sooner")))
    order = [known.payload.event_id for known in watching.active()]
    assert order == ["sooner", "later", "low", "asleep"]


def test_alerts_that_were_not_received_are_counted(watching: Board, receive: Receive) -> None:
    assert watching.missing_alerts() == 1  # the state counts one, and none was received
    watching.update(receive(alert()))
    assert watching.missing_alerts() == 0  # a state from before the alert no longer counts
    watching.update(receive(samples.STATE.model_copy(update={"active_alerts": 3})))
    assert watching.missing_alerts() == 2


def test_an_alert_closed_after_the_last_line_state_is_not_missing(
    board: Board, receive: Receive
) -> None:
    board.update(receive(alert()))
    board.update(receive(samples.STATE))
    board.update(receive(alert(revision=2, state=AlarmState.NORMAL, kind=Revision.CLEARED)))
    assert board.missing_alerts() == 0


def test_a_restart_removes_earlier_alerts_and_is_noted(watching: Board, receive: Receive) -> None:
    watching.update(receive(alert()))
    watching.update(receive(samples.STATE, 500, boot_id="another"))
    assert watching.active() == []
    assert watching.vision(at(600))[0] is VisionState.UNKNOWN
    assert list(watching.notes) == ["the detector has restarted; earlier alerts no longer shown: 1"]
    assert watching.restarts == 1


def test_a_gap_is_noted(watching: Board) -> None:
    watching.update(Gap("alert/tapis-1/gas", 2, "boot"))
    assert list(watching.notes) == ["missed 2 messages of alert/tapis-1/gas"]


def test_latency_is_measured_from_heartbeats_and_fresh_alerts(
    board: Board, receive: Receive
) -> None:
    assert board.latency_ms(0.5) is None
    for late_ms in range(100):
        beat = receive(samples.HEARTBEAT)
        board.update(beat._replace(t_received_mono_ns=at(late_ms)))
    board.update(receive(alert(kind=Revision.ACKNOWLEDGED))._replace(t_received_mono_ns=at(10**6)))
    assert (board.latency_ms(0.5), board.latency_ms(0.99)) == (50.0, 99.0)
    assert board.latencies == 100


def test_the_number_of_remembered_alerts_is_bounded(
    watching: Board, receive: Receive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_module, "REVISIONS_KEPT", 50)
    for number in range(200):
        alert = samples.ALERT.model_copy(update={"event_id": f"e-{number}", "state": "normal"})
        assert watching.update(receive(alert))
    assert not watching.update(receive(alert))
    assert len(watching._revisions) == 50
