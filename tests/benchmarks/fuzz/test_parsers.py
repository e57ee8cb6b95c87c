"""A short run of each fuzzer that needs no process; `vigitri bench fuzz` runs longer ones."""

from __future__ import annotations

from random import Random

import pytest

from benchmarks.fuzz.changes.of_protobuf import fields_of, written
from benchmarks.fuzz.parser import Finding
from benchmarks.fuzz.parsers import PARSERS, opened
from benchmarks.fuzz.parsers.model_files import OnnxModel
from tests.benchmarks.fuzz.failing import Failing

CASES = {"request": 4, "film": 60, "onnx": 60, "station": 60}
"""Of parsers that take long for one; of the others more."""
NEED_A_PROCESS = {"modbus", "opcua"}
OF_A_FORMAT = {"request", "published", "evidence", "modbus", "opcua"}
"""Their valid input is a part of a case."""


@pytest.mark.parametrize("name", sorted(set(PARSERS) - NEED_A_PROCESS))
@pytest.mark.filterwarnings("ignore")
def test_changed_input_ends_in_a_value_or_a_clear_error(name: str) -> None:
    refused = 0
    with opened(name) as parser:
        for number in range(CASES.get(name, 150)):
            case = parser.case(7, number)
            assert parser.finding(case) is None, case[:300]
        for seed in parser.seeds:
            try:
                parser.parse(seed)
            except parser.refusals:
                refused += 1
    assert refused < len(parser.seeds) / 2, "valid input is refused: nothing behind that is tried"


@pytest.mark.parametrize("name", sorted(NEED_A_PROCESS))
def test_a_bridge_answers_a_valid_request_after_changed_ones(name: str) -> None:
    with opened(name) as parser:
        findings = [parser.finding(parser.case(1, number)) for number in range(10)]
    assert findings == [None] * 10
    assert parser.unread == 0


def test_a_case_is_the_same_in_every_run() -> None:
    one, other = opened("profile"), opened("profile")
    assert [one.case(1, n) for n in range(20)] == [other.case(1, n) for n in range(20)]
    assert one.case(1, 3) != one.case(2, 3)


def test_what_is_neither_a_sound_value_nor_a_clear_error_is_a_finding() -> None:
    parser = Failing()
    assert parser.finding(b"refused") is None
    assert parser.finding(b"accepted") is None
    unsound, raised = parser.finding(b"unsound"), parser.finding(b"raises")
    assert isinstance(unsound, Finding)
    assert unsound.detail == "a value"
    assert isinstance(raised, Finding)
    assert raised.kind.startswith("KeyError at ")


def test_a_protobuf_message_is_written_as_it_was_read() -> None:
    parser = OnnxModel()
    (model,) = parser.seeds
    assert written(fields_of(model)) == model
    changed = [parser.changed(Random(number)) for number in range(50)]
    assert sum(bool(fields_of(case)) for case in changed) > 35  # most are messages still
