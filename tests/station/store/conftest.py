"""A store in a folder, and alerts to fill it with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.station.store import Store
from detector.station.store.retention import Limits
from detector.wire import samples
from detector.wire.evidence import Evidence
from detector.wire.messages import AlarmState, Alert, Header, Outcome, Revision
from tests.commands.conftest import vigitri  # noqa: F401 - a fixture

HOUR_NS = 3600 * 10**9
T_NS = samples.T_UTC_NS
LINE, BOOT = samples.LINE, samples.BOOT_ID
JPEG = b"\xff\xd8 an image \xff\xd9"


def alert(event_id: str = "a1", revision: int = 1, *, at_ns: int = T_NS, **changes: Any) -> Alert:
    """A revision `revision - 1` seconds after the alert was raised at `at_ns`."""
    return samples.ALERT.model_copy(
        update={
            "event_id": event_id,
            "revision": revision,
            "t_raised_utc_ns": at_ns,
            "t_capture_utc_ns": at_ns + (revision - 1) * 10**9,
            "kind": Revision.RAISED if revision == 1 else Revision.UPDATED,
            **changes,
        }
    )


def closed(event_id: str, revision: int = 2, *, at_ns: int = T_NS, **changes: Any) -> Alert:
    """A last revision."""
    ending = {"kind": Revision.CLEARED, "state": AlarmState.NORMAL, **changes}
    return alert(event_id, revision, at_ns=at_ns, **ending)


def evidence(event_id: str = "a1", *, at_ns: int = T_NS, **changes: Any) -> Evidence:
    return samples.EVIDENCE.model_copy(
        update={
            "line": LINE,
            "boot_id": BOOT,
            "event_id": event_id,
            "evidence_id": f"{BOOT}-{event_id}-1",
            "t_capture_utc_ns": at_ns,
            **changes,
        }
    )


class Filled:
    """Shorthand for filling a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(self, *alerts: Alert) -> None:
        for each in alerts:
            self.store.record_alert(header(each), each)

    def answered(self, event_id: str, outcome: Outcome, *, at_ns: int = T_NS, **same: Any) -> None:
        """An alarm that was raised and closed by an outcome, with images."""
        self.add(
            alert(event_id, at_ns=at_ns, **same),
            closed(event_id, at_ns=at_ns, outcome=outcome, **same),
        )
        self.store.add_evidence(evidence(event_id, at_ns=at_ns), JPEG, JPEG)


def header(sent: Alert) -> Header:
    return samples.HEADER.model_copy(update={"t_capture_utc_ns": sent.t_capture_utc_ns})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "station", Limits(min_free_bytes=0)) as opened:
        yield opened


@pytest.fixture
def filled(store: Store) -> Filled:
    return Filled(store)
