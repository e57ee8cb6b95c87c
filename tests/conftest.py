from __future__ import annotations

import os

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
def state_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Journals of lines that name no folder go there, not into somebody's home."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
