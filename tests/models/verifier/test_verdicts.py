from pathlib import Path

import numpy as np
import pytest

from detector.vision.catalogue import ModelError
from models.verifier.export import HEAD
from models.verifier.kinds import Kinds
from models.verifier.verdicts import Verdicts
from models.workshop import WorkshopError
from tests.verifiers import write_verifier

PX = 32


@pytest.fixture
def folder(tmp_path: Path, kinds: Kinds) -> Path:
    write_verifier(tmp_path, px=PX)
    _write_head(tmp_path, len(kinds.names), 3)
    return tmp_path


def _write_head(folder: Path, kinds: int, features: int) -> None:
    np.savez(
        folder / HEAD,
        weights=np.zeros((kinds, features), np.float32),
        bias=np.zeros(kinds, np.float32),
    )


def test_a_verifier_that_fits_is_opened(folder: Path, kinds: Kinds) -> None:
    verdicts = Verdicts(folder, kinds, PX, 1.3)
    assert verdicts.features(np.zeros((0, PX, PX, 3), np.uint8)).shape == (0, 3)


def test_a_head_of_other_kinds_is_a_one_line_error(folder: Path, kinds: Kinds) -> None:
    _write_head(folder, len(kinds.names) - 1, 3)
    with pytest.raises(WorkshopError, match=r"has 33 kinds, kinds\.toml has 34; train it again"):
        Verdicts(folder, kinds, PX, 1.3)


def test_a_head_of_another_network_is_a_one_line_error(folder: Path, kinds: Kinds) -> None:
    _write_head(folder, len(kinds.names), 192)
    with pytest.raises(WorkshopError, match=r"gives 3 features, .*takes 192; the two files do not"):
        Verdicts(folder, kinds, PX, 1.3)


def test_a_network_of_another_input_is_a_one_line_error(folder: Path, kinds: Kinds) -> None:
    with pytest.raises(
        ModelError, match=r"takes crops of \[32, 32, 3\], the recipe has input_px = 64"
    ):
        Verdicts(folder, kinds, 64, 1.3)
