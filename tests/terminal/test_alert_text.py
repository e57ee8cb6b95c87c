from __future__ import annotations

import pytest

from detector.terminal.alert_text import alert_line, call_style, kinds_line, time_to_act, where
from detector.terminal.texts import HAZARDS, STATES, hazard_name
from detector.wire import samples
from detector.wire.messages import (
    AlarmState,
    Hazard,
    KindProbability,
    Outcome,
    Priority,
    Revision,
)


def test_an_alert_in_one_line() -> None:
    assert str(alert_line(samples.ALERT, samples.HEADER)) == (
        "2026-03-06T08:20:00.000Z  RAISED      ▲ HIGH GAS BOTTLE / bouteille de gaz  "
        "x 412 y 310 mm (nominal)  p 0.91 gas_bottle  "
        "picker-1: act within 2.4 s, arrives in 3.2 s  unacknowledged / non acquittée  "
        "20260306T081500Z-7f3a/e-17 r1  age 23 ms"
    )


def test_a_line_state_in_one_line() -> None:
    assert str(alert_line(samples.LINE_ALERT)) == (
        "RAISED      ◆ MEDIUM OVERLOAD / trop-plein  coverage 88 % over 1.4 m of belt  "
        "unacknowledged / non acquittée  20260306T081500Z-7f3a/s-3 r1"
    )


def test_a_closed_alert_shows_its_outcome_and_no_countdown() -> None:
    closed = samples.ALERT.model_copy(
        update={
            "kind": Revision.CLEARED,
            "state": AlarmState.NORMAL,
            "outcome": Outcome.REMOVED,
        }
    )
    line = str(alert_line(closed))
    assert "CLEARED" in line
    assert "outcome: removed  closed / close" in line
    assert "picker-1" not in line


def test_a_fetched_alert_counts_down_from_its_age() -> None:
    line = str(alert_line(samples.ALERT, samples.HEADER, fetched_after_ms=60_000.0))
    assert line.startswith("2026-03-06T08:20:00.000Z  RAISED")
    assert "PAST every action point" in line
    assert line.endswith("age 60000 ms")


def test_a_pile_shows_its_number_of_objects() -> None:
    pile = samples.ALERT.model_copy(update={"members": 5})
    assert where(pile) == "x 412 y 310 mm (nominal), 5 together / ensemble"


@pytest.mark.parametrize(
    ("elapsed_ms", "words"),
    [
        (0, "picker-1: act within 2.4 s, arrives in 3.2 s"),
        (2300, "picker-1: act within 0.1 s, arrives in 0.9 s"),
        (2500, "ejector: act within 5.1 s, arrives in 5.5 s"),
        (7700, "ejector: TOO LATE to act, arrives in 0.3 s"),
        (8100, "PAST every action point"),
    ],
)
def test_the_countdown_is_to_the_next_action_point_in_time(elapsed_ms: float, words: str) -> None:
    assert time_to_act(samples.ALERT, elapsed_ms) == words


def test_without_millimetres_the_place_is_in_image_coordinates() -> None:
    assert samples.ALERT.place is not None
    pixels = samples.ALERT.place.model_copy(
        update={"mm_basis": "none", "x_mm": None, "y_mm": None, "belt_position_mm": None}
    )
    assert where(samples.ALERT.model_copy(update={"place": pixels})) == "at 908,536 px (no mm)"
    surveyed = samples.ALERT.place.model_copy(update={"mm_basis": "points"})
    assert where(samples.ALERT.model_copy(update={"place": surveyed})) == "x 412 y 310 mm"
    unverified = samples.ALERT.place.model_copy(update={"mm_basis": "unverified"})
    shown = where(samples.ALERT.model_copy(update={"place": unverified}))
    assert shown == "x 412 y 310 mm (unverified)"


def test_colour_depends_on_the_state_and_comes_with_text() -> None:
    styles = {
        state: call_style(samples.ALERT.model_copy(update={"state": state})) for state in AlarmState
    }
    assert styles[AlarmState.UNACKNOWLEDGED] == styles[AlarmState.LATCHED] == "bold white on red3"
    assert styles[AlarmState.ACKNOWLEDGED] == "red3"
    assert styles[AlarmState.SHELVED] == styles[AlarmState.NORMAL] == "grey62"
    for priority in Priority:
        alert = samples.ALERT.model_copy(update={"priority": priority})
        assert priority.upper() in str(alert_line(alert))


def test_all_hazards_and_states_have_texts_in_both_languages() -> None:
    assert set(HAZARDS) == set(Hazard)
    assert set(STATES) == set(AlarmState)
    assert hazard_name(Hazard.JAM) == "JAM / bourrage"


def test_an_alert_that_the_verifier_decided_shows_its_kinds_and_its_passes() -> None:
    assert samples.ALERT.why is not None
    kinds = tuple(
        KindProbability(name=name, hazard=hazard, probability=probability)
        for name, hazard, probability in (
            ("gas_cartridge", "gas", 0.91),
            ("tin", "none", 0.06),
            ("aerosol", "gas", 0.02),
        )
    )
    why = samples.ALERT.why.model_copy(update={"kinds": kinds, "verifier_passes": 3})
    assert kinds_line(why) == "gas cartridge 0.91; next: tin 0.06; 3 passes"
    one = why.model_copy(update={"kinds": kinds[:1], "verifier_passes": 1})
    assert kinds_line(one) == "gas cartridge 0.91; 1 pass"
    decided = samples.ALERT.model_copy(update={"why": why, "class_name": "gas_cartridge"})
    assert "p 0.91 gas cartridge 0.91; next: tin 0.06; 3 passes" in str(alert_line(decided))
