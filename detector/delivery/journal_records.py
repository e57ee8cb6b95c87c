"""What stands in a journal's records: starts, alerts, and how far each consumer has come."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import ValidationError

from detector.delivery.alert_log import HELD_MAX, HeldAlert
from detector.delivery.journal_folder import Record, encode
from detector.wire.messages import AlarmState, Alert


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
    """What earlier starts of the detector have left behind."""

    boots: list[str] = field(default_factory=list)
    """In the order of their starts."""
    consumers: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Up to where each has confirmed, the one that moved last at the end."""
    alerts: list[tuple[HeldAlert, Alert]] = field(default_factory=list)
    """The last revisions, and the last one of each alert that is open, however old; oldest
    first."""

    def records(self) -> list[Record]:
        """What must outlive its segment."""
        consumers = [consumer_record(name, *at) for name, at in self.consumers.items()]
        last = {held.key: held for held, _ in self.alerts}
        return consumers + [alert_record(held) for held in last.values() if held.is_open]


class _Told(NamedTuple):
    """An alert's revision, no more of it read than tells whether it is wanted."""

    key: tuple[str, str]
    is_open: bool
    data: bytes


def read_former(
    found: Iterable[bytes], expires_mono_ns: int, tell: Callable[[str], None]
) -> FormerStarts:
    """A journal holds some 8,000 revisions: only those that can still be asked for are read in
    full, or a start would take seconds longer. What is not understood is passed over and told."""
    former, not_understood = FormerStarts(), _NotUnderstood()
    told: dict[tuple[str, int], _Told] = {}
    for data in found:
        with not_understood:
            _note(data, former, told)
    last = {each.key: position for position, each in told.items()}
    from_here = len(told) - HELD_MAX
    for number, (position, each) in enumerate(told.items()):
        if number >= from_here or (each.is_open and last[each.key] == position):
            with not_understood:
                former.alerts.append(_in_full(position, each, expires_mono_ns))
    if not_understood.records:
        tell(
            f"journal: passed over {not_understood.records} records that are not understood, the "
            f"last: {not_understood.why[:80]}"
        )
    return former


def _note(data: bytes, former: FormerStarts, told: dict[tuple[str, int], _Told]) -> None:
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
        # The beginning of a segment repeats what is open: that is no later word of it.
        position = boot_id, int(document["alert_seq"])
        told.setdefault(position, _Told(key, alert["state"] != AlarmState.NORMAL, data))


def _in_full(
    position: tuple[str, int], told: _Told, expires_mono_ns: int
) -> tuple[HeldAlert, Alert]:
    message: dict[str, Any] = json.loads(told.data)["message"]
    alert = Alert.model_validate_json(json.dumps(message["payload"]), extra="ignore")
    held = HeldAlert(
        *position,
        key=told.key,
        message=json.dumps(message).encode(),
        is_open=told.is_open,
        expires_mono_ns=expires_mono_ns,
    )
    return held, alert


class _NotUnderstood:
    """Counts what a record of a later version, or a damaged one, would raise."""

    def __init__(self) -> None:
        self.records, self.why = 0, ""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if not isinstance(error, KeyError | TypeError | ValueError):
            return False
        self.records += 1
        self.why = "unknown fields" if isinstance(error, ValidationError) else repr(error)
        return True
