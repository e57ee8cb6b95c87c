from __future__ import annotations

from pathlib import Path

import pytest

from detector.commands.bridge import ends_of_lines
from detector.commands.keys import make_keys
from detector.wire.keys import load_keys
from tests.commands.conftest import Vigitri

DETECTOR = ("--subscribe", "tcp://127.0.0.1:5556", "--requests", "tcp://127.0.0.1:5557")
NAMED = (*DETECTOR, "--name", "a")
TWICE = (*NAMED, *NAMED)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "no line to bridge"),
        ((*DETECTOR, "--listen", "0.0.0.0:1502"), "`vigitri bridge --allow-remote`"),
        ((*DETECTOR, "--listen", "1502"), "a host and a port"),
        ((*DETECTOR, "--listen", "plc:1502"), "not an IP address"),
        ((*DETECTOR, "--unit", "1", "--unit", "2"), "1 lines need 1"),
        ((*DETECTOR, "--unit", "300"), "1 to 247"),
        (("--subscribe", "tcp://127.0.0.1:5556"), "one for each"),
        (("--subscribe", "5556", "--requests", "5557", "--listen", "127.0.0.1:0"), "5556"),
        (("--line", "nowhere.toml"), "nowhere.toml"),
        (("--subscribe", "tcp://0.0.0.0:1", "--requests", "tcp://0.0.0.0:2"), "can only be bound"),
        ((*DETECTOR, "--line-key", "a", "--line-key", "b"), "2 --line-key for 1"),
        ((*DETECTOR, "--line-key", "a"), "--line-key without --own-key"),
        ((*DETECTOR, "--own-key", "nowhere.secret.toml"), "nowhere.secret.toml"),
        ((*DETECTOR, "--name", "a", "--name", "b"), "2 --name for 1"),
        ((*DETECTOR, "--opcua", "opc.tcp://127.0.0.1:4840"), "--name NAME for each --subscribe"),
        ((*TWICE, "--opcua", "opc.tcp://127.0.0.1:4840"), "two lines are named 'a'"),
        ((*NAMED, "--opcua", "127.0.0.1:4840"), "write it like opc.tcp://"),
        ((*NAMED, "--opcua", "opc.tcp://0.0.0.0:4840"), "`vigitri bridge --allow-remote`"),
        ((*DETECTOR, "--opcua-security", "opcua"), "no effect without --opcua"),
        (("--subscribe", "tcp://192.0.2.1:1", "--requests", "tcp://192.0.2.1:2"), "give both keys"),
    ],
)
def test_invalid_options_are_refused_in_one_line(
    vigitri: Vigitri, arguments: tuple[str, ...], why: str
) -> None:
    result = vigitri("bridge", *arguments)
    assert result.code == 2
    assert result.out == []
    (line,) = result.err
    assert why in line


def test_a_profile_that_requires_keys_names_the_options_that_the_bridge_needs(
    vigitri: Vigitri, profile: Path, tmp_path: Path
) -> None:
    for name in ("line", "bridge"):
        make_keys(name, tmp_path)
    asks = tmp_path / "line.toml"
    keys = 'keys = "line.secret.toml"\nallowed_keys = "allowed"\n'
    asks.write_text(profile.read_text(encoding="utf-8") + keys, encoding="utf-8")
    (line,) = vigitri("bridge", "--line", asks).err
    assert "line belt-1 requires keys" in line
    assert "--own-key" in line
    bridge = tmp_path / "bridge.secret.toml"
    (end,) = ends_of_lines([asks], [], [], [], bridge)
    assert end.keys == load_keys(bridge, tmp_path / "line.public.toml")
    (tmp_path / "line.public.toml").unlink()
    (line,) = vigitri("bridge", "--line", asks, "--own-key", bridge).err
    assert "line.public.toml" in line
    (line,) = vigitri("bridge", *DETECTOR, "--own-key", bridge).err
    assert "give the line's --line-key too" in line
