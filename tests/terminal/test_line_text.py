from __future__ import annotations

from datetime import UTC

from detector.terminal.line_text import not_kept, set_aside
from detector.wire import samples
from detector.wire.messages import Hazard, Shelving


def test_a_shelving_is_shown_with_its_end_and_operator() -> None:
    until_ns = samples.T_UTC_NS + 15 * 60 * 10**9
    shelving = Shelving(hazard=Hazard.GAS, operator="poste 2", t_until_utc_ns=until_ns)
    (words,) = set_aside(samples.STATE.model_copy(update={"shelved": (shelving,)}), UTC)
    assert words == (
        "shelved / mise en sommeil: GAS BOTTLE / bouteille de gaz, until / jusqu'à 08:35, "
        "by / par poste 2"
    )
    assert set_aside(samples.STATE.model_copy(update={"shelved": ()})) == []


def test_a_failed_journal_is_shown_with_the_reason() -> None:
    failed = {"journal": "failed", "journal_reason": "/var/lib: No space left; free some space"}
    (words,) = not_kept(samples.STATE.model_copy(update=failed))
    assert words.startswith("journal FAILED: a restart may lose alerts")
    assert words.endswith("(/var/lib: No space left; free some space)")
    for well in ("written", "off"):
        assert not_kept(samples.STATE.model_copy(update={"journal": well})) == []
