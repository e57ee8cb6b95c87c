"""The plant of the soak starts each process with options that its command accepts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.soak import plant as module
from detector.commands.bridge import _check_names, ends_of_lines


def test_the_bridge_names_its_line_as_opc_ua_demands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[list[tuple[str, str]], tuple[str, ...]]] = []
    monkeypatch.setattr(
        module, "BridgeProcess", lambda ends, *options, **_: started.append((ends, options))
    )
    plant = module.Plant(tmp_path, journal=None)
    plant.__dict__.update(
        to_bridge=[SimpleNamespace(endpoint="tcp://127.0.0.1:1")] * 2,
        _opcua="opc.tcp://127.0.0.1:1/vigitri",
        _modbus="127.0.0.1:1",
    )
    plant._made("bridge")
    [(ends, options)] = started
    names = [value for key, value in pairwise(options) if key == "--name"]
    publish, requests = zip(*ends, strict=True)
    _check_names(ends_of_lines([], publish, requests, [], names=names))
