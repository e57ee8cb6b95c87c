"""The part of a card that describes a verifier: what contradicts itself is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.verifiers import verifier_card

_FUSION = {"verifier": 1.0, "detector": 0.3, "offset": 0.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batches": [4, 2]}, "batches must rise"),
        ({"batches": []}, "at least 1"),
        ({"fusion": {"gas": _FUSION}}, "kinds with hazard = 'battery' go together"),
        ({"kinds": [{"name": "cell", "hazard": "battery"}] * 2}, "cell is there twice"),
        ({"kinds": [{"name": "Cell", "hazard": "battery"}] * 2}, "pattern"),
        (
            {"kinds": [{"name": f"{w}", "hazard": "none"} for w in ("tin", "can")], "fusion": {}},
            "one kind must be a hazard",
        ),
        ({"context": 0.5}, "greater than or equal to 1"),
        ({"pixels": 3}, "not permitted"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        verifier_card(**changes)
