from __future__ import annotations

import pytest

from tests.commands.conftest import Vigitri

DETECTOR = ("--subscribe", "tcp://127.0.0.1:5556", "--answers", "tcp://127.0.0.1:5557")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "no line to bridge"),
        ((*DETECTOR, "--listen", "0.0.0.0:1502"), "--allow-remote"),
        ((*DETECTOR, "--listen", "1502"), "a host and a port"),
        ((*DETECTOR, "--listen", "plc:1502"), "no IP address"),
        ((*DETECTOR, "--unit", "1", "--unit", "2"), "1 lines need 1"),
        ((*DETECTOR, "--unit", "300"), "1 to 247"),
        (("--subscribe", "tcp://127.0.0.1:5556"), "one for each"),
        (("--subscribe", "5556", "--answers", "5557", "--listen", "127.0.0.1:0"), "5556"),
        (("--line", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_what_can_t_be_bridged_is_one_line(
    vigitri: Vigitri, arguments: tuple[str, ...], why: str
) -> None:
    said = vigitri("bridge", *arguments)
    assert said.code == 2
    assert said.out == []
    (line,) = said.err
    assert why in line
