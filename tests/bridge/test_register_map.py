from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.bridge.register_map import (
    FIRST_RECORD,
    INPUT_WORDS,
    NODE,
    PLC,
    PLC_FIRST,
    PLC_WORDS,
    RECORD,
    RECORD_WORDS,
    RECORDS,
    Register,
    decode_plc,
    encode_plc,
    from_words,
    to_words,
)
from detector.bridge.register_words import HazardWord, JamState, TopPriority, VisionWord


def covered(registers: tuple[Register, ...]) -> Counter[int]:
    return Counter(each.address + n for each in registers for n in range(each.words))


def test_every_word_of_the_map_belongs_to_one_register() -> None:
    records = range(FIRST_RECORD, FIRST_RECORD + RECORDS * RECORD_WORDS)
    words = covered(NODE) + Counter(records)
    assert words == Counter(range(INPUT_WORDS))
    assert covered(RECORD) == Counter(range(RECORD_WORDS))
    assert covered(PLC) == Counter(range(PLC_FIRST, PLC_FIRST + PLC_WORDS))


def test_zero_never_reads_clear() -> None:
    assert HazardWord(0) is HazardWord.UNKNOWN
    assert VisionWord(0) is VisionWord.UNKNOWN
    assert JamState(0) is JamState.UNKNOWN
    assert TopPriority(0) is TopPriority.UNKNOWN


@given(st.sampled_from(NODE + RECORD + PLC), st.integers(-(2**40), 2**40))
def test_any_value_is_clipped_to_the_words_of_its_register(register: Register, value: int) -> None:
    words = to_words(register, value)
    assert len(words) == register.words
    assert all(0 <= word <= 0xFFFF for word in words)
    least, most = {"uint16": (0, 2**16 - 1), "int16": (-(2**15), 2**15 - 1)}.get(
        register.kind, (0, 2**32 - 1)
    )
    if least <= value <= most:
        assert from_words(register, words) == value


@given(st.data())
def test_encoded_plc_registers_decode_to_the_same_values(data: st.DataObject) -> None:
    values = {
        each.name: data.draw(st.integers(0, 2**32 - 1 if each.kind == "uint32" else 2**16 - 1))
        for each in PLC
    }
    assert decode_plc(encode_plc(**values)) == values


@pytest.mark.parametrize("register", [*NODE, *RECORD, *PLC], ids=lambda each: each.name)
def test_every_register_has_a_description(register: Register) -> None:
    assert register.meaning
