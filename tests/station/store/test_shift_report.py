from __future__ import annotations

import base64
import hashlib
import re

import pytest

from detector.station.store import Store
from detector.station.store.report_texts import TEXTS, Language
from detector.station.store.shift_report import content_security_policy, shift_report
from detector.vocabulary import Hazard, Outcome
from tests.station.store.conftest import BOOT, HOUR_NS, LINE, T_NS, Filled, alert

SHIFT = (T_NS - HOUR_NS, T_NS + 7 * HOUR_NS)


def test_both_languages_have_the_same_texts_and_every_word_of_the_wire() -> None:
    assert TEXTS["en"].keys() == TEXTS["fr"].keys()
    assert {*Hazard, *Outcome} <= TEXTS["en"].keys()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_report_has_the_alarms_of_the_shift_and_who_answered(
    filled: Filled, language: Language
) -> None:
    filled.answered("a1", Outcome.FALSE_ALARM, class_name="aerosol")
    filled.add(alert("late", at_ns=SHIFT[1] + 1, class_name="outside"))
    filled.store.record_answer(LINE, BOOT, "a1", "seen", "Zoé <b>", t_ns=T_NS, source="page")
    filled.store.record_state(LINE, T_NS, "unavailable", "no frame & no light")
    filled.store.record_state(LINE, T_NS + 30 * 10**9, "ready", "")
    page = shift_report(filled.store, LINE, *SHIFT, language)
    assert f'<html lang="{language}">' in page
    assert "Zoé &lt;b&gt;" in page
    assert "aerosol" in page
    assert "no frame &amp; no light" in page
    assert "0 min 30 s" in page
    assert "outside" not in page
    assert TEXTS[language]["false_alarm"] in page


def test_a_shift_without_anything_has_a_report(store: Store) -> None:
    assert TEXTS["en"]["none"] in shift_report(store, None, *SHIFT)


def test_the_report_asks_nothing_of_another_place(filled: Filled) -> None:
    filled.answered("a1", Outcome.REMOVED)
    page = shift_report(filled.store, LINE, *SHIFT)
    assert not re.search(r"(src|href|url\(|@import|<script|style=)", page)
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in content_security_policy()


def test_a_busy_shift_stays_as_long_as_two_pages(filled: Filled) -> None:
    for number in range(60):
        filled.answered(f"a{number}", Outcome.REMOVED, class_name=f"kind-{number}")
    page = shift_report(filled.store, LINE, *SHIFT)
    assert page.count("<tr") < 60
    assert "and 42 more" in page
