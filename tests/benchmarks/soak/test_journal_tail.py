from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.faults.consumer import NAME
from benchmarks.soak.journal_tail import JournalTail
from detector.delivery.journal_folder import JournalFolder, Record, encode

HERE = {"kind": "consumer", "name": NAME}


def alert(number: int) -> dict[str, Any]:
    payload = {"boot_id": "b", "event_id": f"a{number}", "revision": 1}
    return {"kind": "alert", "message": {"payload": payload}}


def append(files: JournalFolder, *documents: dict[str, Any]) -> None:
    files.append([Record(encode(each), (json.dumps(each),), stays=False) for each in documents])


def test_every_alert_since_the_consumer_registered_is_copied_once(tmp_path: Path) -> None:
    files = JournalFolder(tmp_path / "journal")
    files.open()
    tail = JournalTail(tmp_path / "journal", tmp_path / "copy.jsonl")
    append(files, alert(1), {"kind": "consumer", "name": "another"}, alert(2), HERE, alert(3))
    tail.update()
    append(files, alert(3), alert(4))
    tail.update()
    tail.update()
    files.close()
    copy = tmp_path / "copy.jsonl"
    copied = [json.loads(line)["event_id"] for line in copy.read_text().splitlines()]
    assert copied == ["a3", "a4"]
    assert {event_id for _, event_id, _ in tail.revisions} == {"a3", "a4"}


def test_alerts_of_deleted_segments_are_kept(tmp_path: Path) -> None:
    files = JournalFolder(tmp_path / "journal", segment_bytes=300, kept=2)
    files.open()
    tail = JournalTail(tmp_path / "journal", tmp_path / "copy.jsonl")
    append(files, HERE)
    for number in range(30):
        append(files, alert(number))
        tail.update()
    files.close()
    assert len(tail.revisions) == 30


def test_a_torn_line_is_read_once_it_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    segment, line = folder / "00000001.journal", encode(alert(1))
    tail = JournalTail(folder, tmp_path / "copy.jsonl")
    segment.write_bytes(encode(HERE) + line[:20])
    tail.update()
    assert tail.revisions == set()
    segment.write_bytes(encode(HERE) + line)
    tail.update()
    assert tail.revisions == {("b", "a1", 1)}
