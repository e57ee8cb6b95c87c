"""A short fault tour of the wire; `vigitri bench faults` runs a longer one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults.tour import KINDS, inject, read_journal
from detector.delivery.journal_folder import JournalFolder, Record, encode


@pytest.mark.timeout(600)
def test_no_alert_is_lost_or_doubled_by_kills_cuts_and_delays() -> None:
    tally = inject(runs=6, seed=2)
    assert all(tally.injected[kind] >= 1 for kind in KINDS)
    assert tally.revisions > 0
    assert tally.lost == []
    assert tally.duplicates == []


def test_alerts_raised_before_the_consumer_registered_are_not_outstanding(tmp_path: Path) -> None:
    files = JournalFolder(tmp_path)
    assert files.open() == []

    def alert(number: int) -> dict[str, object]:
        payload = {"boot_id": "b", "event_id": f"a{number}", "revision": 1}
        return {"kind": "alert", "message": {"payload": payload}}

    here = {"kind": "consumer", "name": "faults"}
    documents = [alert(1), here, alert(2), here, alert(3)]
    files.append(
        [Record(encode(each), ("x", str(i)), stays=False) for i, each in enumerate(documents)]
    )
    files.close()
    assert [event_id for _, event_id, _ in read_journal(tmp_path)] == ["a2", "a3"]
