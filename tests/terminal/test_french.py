"""Everything that the terminal says exists in French."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import detector.terminal
from detector.terminal.alert_text import alert_line
from detector.terminal.french import FRENCH, language_of_terminal, say, speak
from detector.terminal.line_text import not_kept
from detector.vocabulary import BeltState, Outcome, Priority, Revision, SpeedBasis
from detector.wire import samples

FILES = sorted(Path(detector.terminal.__file__).parent.glob("*.py"))
FOLLOWS_THE_SETTING = {"unknown", "runs", "stopped"}


@pytest.fixture
def in_french() -> Iterator[None]:
    speak("fr")
    yield
    speak("en")


def fields(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_every_text_that_is_said_has_a_french_one() -> None:
    said = {
        call.args[0].value
        for path in FILES
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "say"
        and isinstance(call.args[0], ast.Constant)
    }
    assert len(said) > 25
    assert said - FRENCH.keys() == set()


def test_every_word_of_the_wire_that_is_said_has_a_french_one() -> None:
    faults = set(get_args(BeltState)) - FOLLOWS_THE_SETTING
    words = {
        *(each.upper() for each in (*Priority, *Revision)),
        *(each.replace("_", " ") for each in Outcome),
        *get_args(SpeedBasis),
        *(f"belt {each.replace('_', ' ').upper()}{{reason}}" for each in faults),
    }
    assert words - FRENCH.keys() == set()


def test_the_french_text_fills_in_the_same_values() -> None:
    assert {text for text, french in FRENCH.items() if fields(text) != fields(french)} == set()


@pytest.mark.usefixtures("in_french")
def test_an_alert_in_french() -> None:
    line = str(alert_line(samples.ALERT, samples.HEADER))
    assert "▲ HAUTE BOUTEILLE DE GAZ" in line
    assert "picker-1 : agir avant 2.4 s, arrive dans 3.2 s" in line
    assert "non acquittée" in line
    assert not re.search(r"\b(act|arrives|age|pass|HIGH|unacknowledged)\b", line)


@pytest.mark.usefixtures("in_french")
def test_a_failed_journal_in_french() -> None:
    state = samples.STATE.model_copy(update={"journal": "failed"})
    assert not_kept(state) == ["journal EN ÉCHEC : un redémarrage peut perdre des alertes"]


def test_english_is_said_as_it_is_written() -> None:
    assert say("missed {n}", n=3) == "missed 3"


@pytest.mark.parametrize(
    ("locale", "language"), [("fr_FR.UTF-8", "fr"), ("de_DE.UTF-8", "en"), ("", "en")]
)
def test_the_language_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch, locale: str, language: str
) -> None:
    for variable in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", locale)
    assert language_of_terminal() == language
