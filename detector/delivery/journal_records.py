"""The records of a journal: starts, alerts, and positions of consumers."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import ValidationError

from detector.delivery.alert_log import HELD_MAX, HeldAlert
from detector.delivery.journal_folder import Record, encode
from detector.wire.messages import AlarmState, Alert

logger = logging.getLogger(__name__)


def start_record(boot_id: str) -> Record:
    document = {"kind": "start", "boot_id": boot_id, "t_utc_ns": time.time_ns()}
    return Record(encode(document), ("start",), stays=True)


def alert_record(held: HeldAlert) -> Record:
    head = f'{{"kind":"alert","boot_id":{json.dumps(held.boot_id)},"alert_seq":{held.alert_seq},'
    data = head.encode() + b'"message":' + held.message + b"}"
    return Record(encode(data), ("alert", *held.key), stays=held.is_open)


def consumer_record(name: str, boot_id: str, alert_seq: int) -> Record:
    document = {"kind": "consumer", "name": name, "boot_id": boot_id, "alert_seq": alert_seq}
    return Record(encode(document), ("consumer", name), stays=True)


@dataclass(slots=True)
class FormerStarts:
    """Journal contents of earlier starts of the detector."""

    boots: list[str] = field(default_factory=list)
    """Boot ids in order of start."""
    consumers: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Position by consumer; the one that confirmed last is last."""
    alerts: list[tuple[HeldAlert, Alert]] = field(default_factory=list)
    """The last revisions, and the last revision of each open alert, however old; oldest first."""

    def records(self) -> list[Record]:
        """Records that must outlive their segment."""
        consumers = [consumer_record(name, *at) for name, at in self.consumers.items()]
        last = {held.key: held for held, _ in self.alerts}
        return consumers + [alert_record(held) for held in last.values() if held.is_open]


class _AlertRecord(NamedTuple):
    """An alert revision, parsed only as far as needed to decide whether to keep it."""

    key: tuple[str, str]
    is_open: bool
    data: bytes


def read_former(found: Iterable[bytes], expires_mono_ns: int) -> FormerStarts:
    """Read the records found in a journal.

    A journal holds some 8,000 revisions. Only those that can still be requested are parsed in full;
    parsing all would delay the start by seconds. Unreadable records are skipped and logged.
    """
    former, not_understood = FormerStarts(), _NotUnderstood()
    revisions: dict[tuple[str, int], _AlertRecord] = {}
    for data in found:
        with not_understood:
            _add(data, former, revisions)
    last = {each.key: position for position, each in revisions.items()}
    first_held = len(revisions) - HELD_MAX
    for number, (position, each) in enumerate(revisions.items()):
        if number >= first_held or (each.is_open and last[each.key] == position):
            with not_understood:
                former.alerts.append(_parsed(position, each, expires_mono_ns))
    if not_understood.records:
        logger.warning(
            "journal: skipped %d unreadable records, the last: %s",
            not_understood.records,
            not_understood.why[:80],
        )
    return former


def _add(data: bytes, former: FormerStarts, revisions: dict[tuple[str, int], _AlertRecord]) -> None:
    document = json.loads(data)
    kind = document["kind"]
    if kind not in {"start", "alert", "consumer"}:
        return
    boot_id = str(document["boot_id"])
    if kind == "consumer":
        name = str(document["name"])
        former.consumers.pop(name, None)
        former.consumers[name] = boot_id, int(document["alert_seq"])
        return
    if boot_id not in former.boots:
        former.boots.append(boot_id)
    if kind == "alert":
        alert = document["message"]["payload"]
        key = str(alert["boot_id"]), str(alert["event_id"])
        # The start of a segment repeats open alerts: those are not new revisions.
        position = boot_id, int(document["alert_seq"])
        is_open = alert["state"] != AlarmState.NORMAL
        revisions.setdefault(position, _AlertRecord(key, is_open, data))


def _parsed(
    position: tuple[str, int], record: _AlertRecord, expires_mono_ns: int
) -> tuple[HeldAlert, Alert]:
    message: dict[str, Any] = json.loads(record.data)["message"]
    alert = Alert.model_validate_json(json.dumps(message["payload"]), extra="ignore")
    held = HeldAlert(
        *position,
        key=record.key,
        message=json.dumps(message).encode(),
        is_open=record.is_open,
        expires_mono_ns=expires_mono_ns,
    )
    return held, alert


_DAMAGE = (KeyError, TypeError, ValueError, OverflowError, RecursionError)


class _NotUnderstood:
    """Suppresses and counts the errors of damaged records and of records of a later version."""

    def __init__(self) -> None:
        self.records, self.why = 0, ""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if not isinstance(error, _DAMAGE):
            return False
        self.records += 1
        self.why = "unknown fields" if isinstance(error, ValidationError) else repr(error)
        return True
