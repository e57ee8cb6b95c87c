from __future__ import annotations

import hypothesis
import numpy as np
import pytest

# The same examples every time and no limit on one of them: a shared machine has slow moments.
hypothesis.settings.register_profile("vigitri", deadline=None, derandomize=True)
hypothesis.settings.load_profile("vigitri")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
