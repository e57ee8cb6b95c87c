"""The page's texts are complete in both languages, and name everything that the wire can say."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import detector.station
from detector.terminal.texts import DISCLAIMER
from detector.vocabulary import AlarmState, Hazard, Outcome, Revision
from models.verifier import kinds

PAGE = Path(detector.station.__file__).parent / "page"
TEXTS = {
    language: json.loads((PAGE / f"texts.{language}.json").read_text(encoding="utf-8"))
    for language in ("en", "fr")
}
SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in (PAGE / "js").glob("*.js")}
ALIKE = ("unit.", "export.", "kind.", "alarm.pile", "account.signed_in", "why.size")
ALIKE += ("why.version", "shelve.minutes")
"""Beginnings of keys that read the same in both languages, or name what does."""


def test_both_languages_have_the_same_keys() -> None:
    assert TEXTS["en"].keys() == TEXTS["fr"].keys()


def test_no_text_is_left_in_english() -> None:
    same = [key for key, text in TEXTS["en"].items() if text == TEXTS["fr"][key]]
    assert [key for key in same if not key.startswith(ALIKE)] == []


def test_both_languages_fill_in_the_same_values() -> None:
    for key, text in TEXTS["en"].items():
        other = TEXTS["fr"][key]
        assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", other)), key


def test_every_text_that_the_scripts_ask_for_exists() -> None:
    asked = {
        key
        for text in SCRIPTS.values()
        for key in re.findall(r"""\b(?:t|caption)\(\s*"([a-z_.\-]+)\"""", text)
    }
    assert len(asked) > 100
    known = {key.removesuffix(".one").removesuffix(".many") for key in TEXTS["en"]}
    assert asked - known == set()


def test_every_word_of_the_wire_has_a_text() -> None:
    wanted = [
        *(f"hazard.{each}" for each in Hazard),
        *(f"state.{each}" for each in AlarmState),
        *(f"revision.{each}" for each in Revision),
        *(f"answer.{each}" for each in (*Outcome, "seen")),
    ]
    assert [key for key in wanted if key not in TEXTS["fr"]] == []


def test_every_kind_of_the_verifier_has_a_name() -> None:
    table = tomllib.loads((Path(kinds.__file__).parent / "kinds.toml").read_text(encoding="utf-8"))
    names = [name for group in table["kinds"].values() for name in group]
    assert [name for name in names if f"kind.{name}" not in TEXTS["fr"]] == []


def test_the_disclaimer_is_that_of_the_terminal() -> None:
    assert (TEXTS["en"]["disclaimer"], TEXTS["fr"]["disclaimer"]) == DISCLAIMER


def test_the_page_names_no_other_origin() -> None:
    files = [*PAGE.glob("*.html"), *PAGE.glob("style/*.css"), *PAGE.glob("js/*.js")]
    found = {
        (path.name, address)
        for path in files
        for address in re.findall(r"(?:https?:)?//[\w.]+\.\w+[^\s\"']*", path.read_text("utf-8"))
    }
    assert found == {("dom.js", "http://www.w3.org/2000/svg")}
