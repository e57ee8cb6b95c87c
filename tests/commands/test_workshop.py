from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.commands.conftest import Vigitri


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("evaluate", "none", "--data", "."), "no model 'none'"),
        (("evaluate", "vigitri-n1", "--data", "nowhere"), "nowhere: no such data folder"),
        (("quantise", "none", "--data", ".", "-o", "out"), "no model 'none'"),
        (("build-data", "--data", "nowhere", "-o", "out"), "nowhere: no such data folder"),
        (("build-data", "--data", ".", "-o", "out", "--stage", "no"), "has no stage 'no'; it has"),
        (("export", "none.pt", "-o", "out"), "none.pt: no such checkpoint"),
        (("adapt", "--answers", "nowhere", "--data", ".", "-o", "out"), "nowhere: no such folder"),
        (("answers", "none.toml", "--data", ".", "-o", "out"), "none.toml: cannot be read"),
    ],
)
def test_what_is_not_there_is_one_line(
    vigitri: Vigitri,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = vigitri("model", *words)
    assert (code, out, len(err)) == (2, [], 1)
    assert said in err[0]
    assert not (tmp_path / "out").exists()


def test_what_is_worse_is_named_and_exits_1(
    vigitri: Vigitri, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = SimpleNamespace(against=["scenes, battery: AP50 0.7 -> 0.5"], candidate=tmp_path)
    monkeypatch.setattr("models.adapt.run", lambda *_, **__: verdict)
    code, out, err = vigitri("model", "adapt", "--answers", ".", "--data", ".", "-o", "out")
    assert (code, out) == (1, [])
    assert err == [
        "vigitri: scenes, battery: AP50 0.7 -> 0.5",
        f"vigitri: not deployed; the candidate stays in {tmp_path}",
    ]
