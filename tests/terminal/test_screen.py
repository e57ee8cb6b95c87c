from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from detector.client import Gap, Received
from detector.terminal.board import Board
from detector.terminal.screen import screen
from detector.terminal.texts import DISCLAIMER
from detector.wire import samples
from detector.wire.messages import CoverageState, Hazard, Shelving, VisionState

Receive = Callable[..., Received]
MS = 1_000_000


@pytest.fixture
def board(receive: Receive) -> Board:
    made = Board("tcp://127.0.0.1:5556", samples.T_MONO_NS)
    made.update(receive(samples.STATE.model_copy(update={"active_alerts": 0})))
    made.update(receive(samples.HEARTBEAT))
    return made


def shown(
    board: Board,
    t_ms: float = 100,
    *,
    width: int = 140,
    height: int = 24,
    missed: int = 0,
    malformed: int = 0,
    colour: bool = False,
) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        legacy_windows=False,
    )
    now_ns = samples.T_MONO_NS + round(t_ms * MS)
    console.print(screen(board, now_ns, console, missed=missed, malformed=malformed))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_belt_is_shown_as_clear_only_while_it_is_watched(board: Board) -> None:
    assert "No active alert. / Aucune alerte." in shown(board)
    blind = shown(board, 1200)
    assert "UNAVAILABLE: no heartbeat for 1.2 s / AVEUGLE, personne ne surveille" in blind
    assert "No active alert" not in blind
    assert "42 % clear" not in blind
    assert "coverage UNKNOWN (was 42 %)" in blind


def test_before_the_first_heartbeat_the_screen_shows_unknown() -> None:
    nothing = shown(Board("tcp://127.0.0.1:5556", samples.T_MONO_NS), 3000)
    assert "UNKNOWN: no heartbeat yet, for 3 s / état inconnu" in nothing
    assert "No active alert" not in nothing


def test_an_alert_shows_hazard_place_probability_and_time_to_act(
    board: Board, receive: Receive
) -> None:
    board.update(receive(samples.ALERT))
    text = shown(board, 800)
    for fact in (
        "▲ HIGH GAS BOTTLE / bouteille de gaz",
        "20260306T081500Z-7f3a/e-17",
        "x 412 y 310 mm (nominal)",
        "p 0.91 gas_bottle",
        "picker-1: act within 1.6 s",
        "arrives in 2.4 s",
        "unacknowledged",
        "0.8 s",
    ):
        assert fact in text


def test_the_health_bar_is_always_shown(board: Board) -> None:
    text = words(shown(board, missed=3, malformed=1))
    assert (
        "vision ready · coverage 42 % clear · belt 500 mm/s (image) · "
        "frames 1230, overwritten 4 · heartbeat 0.1 s · capture→here p50 20 p99 20 ms (last 1) · "
        "missed 3 · unreadable 1"
    ) in text


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"coverage_state": CoverageState.UNKNOWN, "coverage": None}, "coverage UNKNOWN"),
        ({"coverage_state": CoverageState.OVERLOAD, "coverage": 0.88}, "coverage 88 % OVERLOAD"),
        ({"belt_speed_mm_s": None, "speed_basis": "none"}, "belt UNKNOWN"),
        ({"camera_restarts": 2}, "camera restarts 2"),
        ({"vision": VisionState.DEGRADED, "reason": "dirty lens"}, "DEGRADED: dirty lens"),
        ({"vision": VisionState.UNAVAILABLE, "reason": "no frame"}, "UNAVAILABLE: no frame"),
    ],
)
def test_abnormal_states_are_shown_in_words(
    board: Board, receive: Receive, changes: dict[str, object], fact: str
) -> None:
    board.update(receive(samples.STATE.model_copy(update=changes)))
    assert fact in shown(board)


def test_only_abnormal_states_have_colour(board: Board, receive: Receive) -> None:
    background = "\x1b[1;38;2"
    assert background not in shown(board, colour=True)
    assert "\x1b[1" in shown(board, 1200, colour=True)  # blind
    board.update(receive(samples.ALERT))
    assert "\x1b[1" in shown(board, colour=True)


def test_alerts_that_do_not_fit_are_counted_and_health_and_disclaimer_stay_visible(
    board: Board, receive: Receive
) -> None:
    for number in range(40):
        board.update(receive(samples.ALERT.model_copy(update={"event_id": f"e-{number}"})))
    board.update(receive(samples.STATE.model_copy(update={"active_alerts": 41})))
    for width in (80, 140):
        text = shown(board, width=width)
        rows = text.count("GAS BOTTLE")
        assert rows >= 2
        assert f"active, but no room here: {40 - rows} more" in text
        assert "active, but not received here: 1 more" in text
        assert "unreadable 0" in text
        assert words(DISCLAIMER[1]) in words(text)


def test_the_disclaimer_is_shown_in_both_languages(board: Board) -> None:
    text = words(shown(board, width=80))
    for language in DISCLAIMER:
        assert language in text


def test_gaps_are_shown(board: Board) -> None:
    board.update(Gap("alert/tapis-1/gas", 2, "boot"))
    assert "missed 2 messages of alert/tapis-1/gas" in shown(board)


def test_a_fault_of_the_belt_is_shown_with_its_figures(receive: Receive) -> None:
    made = Board("tcp://127.0.0.1:5556", samples.T_MONO_NS)
    fault = {"belt_state": "slips", "belt_reason": "encoder 300 mm/s, image 400 mm/s"}
    made.update(receive(samples.STATE.model_copy(update=fault)))
    made.update(receive(samples.HEARTBEAT))
    assert "belt SLIPS (encoder 300 mm/s, image 400 mm/s)" in words(shown(made))
    fine = {"belt_state": "runs", "speed_basis": "encoder", "image_mm_s": 398.0}
    made.update(receive(samples.STATE.model_copy(update=fine)))
    assert "(encoder) · by image 398 mm/s" in words(shown(made))


def test_the_age_of_an_alert_fetched_from_another_host_counts_from_capture(
    board: Board, receive: Receive
) -> None:
    """An alert arrives by replay after an hour without network, long past its action points."""
    hour_ms = 3_600_000
    ahead_ns = 77 * hour_ms * MS  # their CLOCK_MONOTONIC minus ours
    alert = receive(samples.ALERT)
    received_ns = samples.T_MONO_NS + hour_ms * MS

    def elsewhere(item: Received, t_ms: float) -> Received:
        remote_ns = samples.T_MONO_NS + round(t_ms * MS) + ahead_ns
        header = item.header.model_copy(update={"t_capture_mono_ns": remote_ns, "age_ms": 20.0})
        return item._replace(header=header, same_host=False, t_received_mono_ns=received_ns)

    board.update(elsewhere(alert, 0)._replace(how="replay"))
    board.update(elsewhere(receive(samples.HEARTBEAT), hour_ms - 20))
    there = words(shown(board, hour_ms + 100))
    assert "PAST every action point" in there
    assert "3600.1 s" in there


def test_shelvings_and_a_failed_journal_are_shown_without_open_alerts(
    board: Board, receive: Receive
) -> None:
    shelving = Shelving(hazard=Hazard.GAS, operator="poste 2", t_until_utc_ns=samples.T_UTC_NS)
    change = {"active_alerts": 0, "shelved": (shelving,), "journal": "failed"}
    board.update(receive(samples.STATE.model_copy(update=change)))
    there = words(shown(board))
    assert "shelved / mise en sommeil: GAS BOTTLE / bouteille de gaz" in there
    assert "journal FAILED" in there
