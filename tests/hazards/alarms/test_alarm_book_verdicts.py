"""Alarms of a line with a verifier: who is raised, as what, and what a site does with each kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detector.hazards.alarms.alarm_book import AlarmBook
from detector.hazards.alarms.alert_facts import LineFacts
from detector.hazards.tracking.tracker import Track
from detector.hazards.tracking.verdict import KindScores, verifier_rules
from detector.vocabulary import KindAction
from detector.wire.messages import AlarmState, Alert, Hazard, Outcome, Priority, Revision
from tests.fakes import BATTERY, GAS
from tests.hazards.alarms.test_alarm_book import LINE, SECOND, belt_at, track
from tests.verifiers import verifier_card

BOTTLE, AEROSOL, CELL, TIN = (
    (0.97, 0.01, 0.01, 0.01),
    (0.01, 0.97, 0.01, 0.01),
    (0.01, 0.01, 0.97, 0.01),
    (0.01, 0.01, 0.01, 0.97),
)


def line(**actions: KindAction) -> LineFacts:
    rules = verifier_rules(verifier_card(), actions, {})
    return replace(LINE, verifier=rules, thresholds=(0.4, 0.35))


def verified(
    made: Track, *passes: tuple[float, ...], by: LineFacts | None = None, undecided: bool = False
) -> Track:
    facts = by or line()
    assert facts.verifier is not None
    made.kind_scores = made.kind_scores or KindScores(facts.verifier)
    for row in passes:
        made.kind_scores.add(np.array(row, dtype=np.float32))
    made.undecided = undecided
    return made


def summary(alerts: list[Alert]) -> list[tuple[Revision, Hazard, str | None, AlarmState]]:
    return [(each.kind, each.hazard, each.class_name, each.state) for each in alerts]


CALLS, COUNTED = AlarmState.UNACKNOWLEDGED, AlarmState.SUPPRESSED
RAISED, UPDATED = Revision.RAISED, Revision.UPDATED


def test_the_alert_states_the_kind_its_probability_and_what_it_may_be_instead() -> None:
    book = AlarmBook(line())
    passes = ((0.8, 0.02, 0.02, 0.16), (0.9, 0.01, 0.01, 0.08))
    (alert,) = book.update([verified(track(1, GAS), *passes)], [], belt_at(0))
    assert (alert.class_name, alert.priority) == ("gas_bottle", Priority.HIGH)
    assert alert.probability is not None
    assert 0.85 < alert.probability < 0.95
    assert alert.why is not None
    assert [(each.name, each.hazard, each.probability) for each in alert.why.kinds] == [
        ("gas_bottle", "gas", 0.85),
        ("tin", "none", 0.12),
        ("aerosol", "gas", 0.015),
    ]
    assert alert.why.verifier_passes == 2
    assert (alert.why.score, alert.why.votes) == (0.6, {"gas_canister": 3})


def test_a_harmless_object_is_not_raised_however_sure_the_detector_is() -> None:
    book = AlarmBook(line())
    assert book.update([verified(track(1, GAS, score=0.9), TIN)], [], belt_at(0)) == []


def test_a_proposed_battery_that_is_a_gas_bottle_is_raised_as_gas() -> None:
    book = AlarmBook(line())
    (alert,) = book.update([verified(track(1, BATTERY), BOTTLE)], [], belt_at(0))
    assert summary([alert]) == [(RAISED, Hazard.GAS, "gas_bottle", CALLS)]
    assert alert.why is not None
    assert alert.why.plausible_length_mm == (60, 1600)


def test_a_verdict_that_comes_round_is_raised_then() -> None:
    book, doubtful = AlarmBook(line()), verified(track(1), TIN)
    assert book.update([doubtful], [], belt_at(0)) == []
    verified(doubtful, *[CELL] * 4)
    assert summary(book.update([doubtful], [], belt_at(1))) == [
        (RAISED, Hazard.BATTERY, "cell", CALLS)
    ]


def test_a_raised_alarm_keeps_its_hazard_when_later_passes_would_not_raise_it() -> None:
    book, battery = AlarmBook(line()), verified(track(1), CELL)
    (raised,) = book.update([battery], [], belt_at(0))
    verified(battery, *[(0.3, 0.0, 0.0, 0.7)] * 4)
    (updated,) = book.update([battery], [], belt_at(2 * SECOND))
    assert summary([updated]) == [(UPDATED, Hazard.BATTERY, "cell", CALLS)]
    assert (updated.probability or 0) < 0.5 < (raised.probability or 0)


def test_an_undecided_object_waits_and_is_decided_on_when_it_leaves_the_view() -> None:
    book, waiting = AlarmBook(line()), verified(track(1, GAS), BOTTLE, undecided=True)
    assert book.update([waiting], [], belt_at(0)) == []
    alerts = book.update([], [waiting], belt_at(1))
    assert summary(alerts) == [
        (RAISED, Hazard.GAS, "gas_bottle", CALLS),
        (UPDATED, Hazard.GAS, "gas_bottle", AlarmState.LATCHED),
    ]
    harmless = verified(track(2, GAS), TIN, undecided=True)
    assert book.update([], [harmless], belt_at(2)) == []


@pytest.mark.parametrize(("score", "raised"), [(0.34, []), (0.36, [Hazard.BATTERY])])
def test_an_object_that_the_verifier_never_saw_is_decided_on_by_the_cards_threshold(
    score: float, raised: list[Hazard]
) -> None:
    alerts = AlarmBook(line()).update([track(1, score=score)], [], belt_at(0))
    assert [each.hazard for each in alerts] == raised
    assert all(each.class_name == "battery" for each in alerts)
    assert all(each.why is not None and each.why.kinds == () for each in alerts)


def test_a_kind_that_the_site_ignores_raises_nothing() -> None:
    facts = line(aerosol="ignore")
    book = AlarmBook(facts)
    ignored, bottle = (
        verified(track(n, GAS), row, by=facts) for n, row in ((1, AEROSOL), (2, BOTTLE))
    )
    alerts = book.update([ignored, bottle], [], belt_at(0))
    assert summary(alerts) == [(RAISED, Hazard.GAS, "gas_bottle", CALLS)]


def test_a_kind_that_the_site_counts_is_published_calls_nobody_and_ends_with_its_object() -> None:
    facts = line(aerosol="count")
    book, counted = AlarmBook(facts), verified(track(1, GAS), AEROSOL, by=facts)
    assert summary(book.update([counted], [], belt_at(0))) == [
        (RAISED, Hazard.GAS, "aerosol", COUNTED)
    ]
    assert summary(book.update([], [counted], belt_at(SECOND))) == [
        (Revision.CLEARED, Hazard.GAS, "aerosol", AlarmState.NORMAL)
    ]
    assert book.active == 0


def test_a_counted_kind_that_came_on_a_stopped_belt_calls_nobody_once_it_runs() -> None:
    facts = line(aerosol="count", cell="count")
    book = AlarmBook(facts)
    objects = [verified(track(n, GAS), row, by=facts) for n, row in ((1, AEROSOL), (2, CELL))]
    book.update(objects, [], belt_at(0, speed=0.0))
    for second in range(1, 9):
        states = {each.state for each in book.update(objects, [], belt_at(second * SECOND))}
        assert states <= {COUNTED}


def test_a_counted_object_that_proves_to_be_a_kind_that_calls_calls() -> None:
    facts = line(aerosol="count")
    book, supposed = AlarmBook(facts), verified(track(1, GAS), AEROSOL, by=facts)
    (first,) = book.update([supposed], [], belt_at(0))
    verified(supposed, *[BOTTLE] * 4, by=facts)
    (second,) = book.update([supposed], [], belt_at(1))
    assert summary([first, second]) == [
        (RAISED, Hazard.GAS, "aerosol", COUNTED),
        (UPDATED, Hazard.GAS, "gas_bottle", CALLS),
    ]


def test_a_battery_that_proves_to_be_a_counted_aerosol_is_latched_by_no_one() -> None:
    facts = line(cell="count", aerosol="count")
    book, supposed = AlarmBook(facts), verified(track(1), CELL, by=facts)
    book.update([supposed], [], belt_at(0))
    verified(supposed, *[AEROSOL] * 4, by=facts)
    (second,) = book.update([supposed], [], belt_at(1))
    assert summary([second]) == [(UPDATED, Hazard.GAS, "aerosol", COUNTED)]
    assert book.update([], [supposed], belt_at(2))[-1].state is AlarmState.NORMAL


def test_many_counted_batteries_in_a_minute_are_still_an_alarm() -> None:
    facts = line(cell="count")
    facts = replace(facts, alarms=facts.alarms.model_copy(update={"cells_per_minute": 5}))
    book = AlarmBook(facts)
    alerts = []
    for number in range(5):
        one = verified(track(number), CELL, by=facts)
        alerts += book.update([one], [], belt_at(number * SECOND))
    calling = [each for each in alerts if each.state is CALLS]
    assert [(each.hazard, each.track) for each in calling] == [(Hazard.BATTERY, None)]


def test_after_a_restart_a_counted_alarm_stays_counted() -> None:
    facts = line(aerosol="count")
    first, counted = AlarmBook(facts), verified(track(1, GAS), AEROSOL, by=facts)
    (alert,) = first.update([counted], [], belt_at(0))
    again = AlarmBook(replace(facts, boot_id="c"))
    (restored,) = again.restore([alert], SECOND, SECOND)
    assert restored.state is COUNTED
    gone = again.update([], [], belt_at(60 * SECOND))
    assert [each.state for each in gone] == [AlarmState.NORMAL]


def test_after_a_restart_a_harmless_object_does_not_take_over_an_alarm() -> None:
    facts = line()
    (alert,) = AlarmBook(facts).update([verified(track(1, GAS), BOTTLE)], [], belt_at(0))
    again = AlarmBook(replace(facts, boot_id="c"))
    again.restore([alert], SECOND, SECOND)
    assert again.update([verified(track(1, GAS), TIN)], [], belt_at(SECOND)) == []
    (gone,) = again.update([], [], belt_at(60 * SECOND))
    assert gone.state is AlarmState.LATCHED
    (closed,) = again.close(f"{alert.boot_id}/{alert.event_id}", Outcome.REMOVED, BELT)
    assert closed.kind is Revision.CLEARED


BELT = belt_at(61 * SECOND)
