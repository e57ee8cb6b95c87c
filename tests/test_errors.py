from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detector.errors import LINE_MOST, VigitriError, printable


def test_input_repeated_in_an_error_cannot_control_the_terminal() -> None:
    error = VigitriError("tapis 1 : clé \x1b[31mrouge\x00 n’existe pas\nécrivez \udcff")
    assert str(error) == "tapis 1 : clé \\x1b[31mrouge\\x00 n’existe pas\nécrivez \\udcff"


@given(st.text(max_size=3 * LINE_MOST))
def test_every_line_of_an_error_is_printable_and_of_limited_length(text: str) -> None:
    lines = printable(text).split("\n")
    assert len(lines) == text.count("\n") + 1
    for line in lines:
        assert len(line) <= LINE_MOST
        assert line.replace("\xa0", "").replace("\u202f", "").isprintable()
