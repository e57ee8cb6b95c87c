from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import hypothesis
import numpy as np
import pytest

from tests.fake_line import clock, wire, work  # noqa: F401 - fixtures of the tests of a line's loop

# The same examples every time and no limit on one of them: a shared machine has slow moments.
hypothesis.settings.register_profile(
    "vigitri",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("vigitri")


@pytest.fixture(autouse=True, scope="session")
def folders_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Journals of lines that name no folder go there, not into somebody's home; and the lines of
    the tests take turns with each other alone, not with whatever else runs on this machine."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    os.environ["TMPDIR"] = str(tmp_path_factory.mktemp("tmp"))


@pytest.fixture(autouse=True)
def signals_are_given_back() -> Iterator[None]:
    """A command that a test runs in this process hears Ctrl-C itself; afterwards it ends pytest
    again."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
