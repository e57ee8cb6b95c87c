"""The sending half of a detector under load: alerts, their journal, and their images."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from detector.delivery.evidence import EvidenceSender
from detector.delivery.journal import Journal
from detector.delivery.journal_folder import JournalFolder
from detector.delivery.outbox import Outbox
from detector.delivery.publisher import Publisher
from detector.delivery.request_server import RequestServer
from detector.wire import samples
from detector.wire.evidence import evidence_name
from detector.wire.messages import AlarmState, Alert, Message, Revision

LINE = "tapis-1"
_ANY_PORT = "tcp://127.0.0.1:*"
_STEPS = (
    (Revision.RAISED, AlarmState.UNACKNOWLEDGED),
    (Revision.ACKNOWLEDGED, AlarmState.ACKNOWLEDGED),
    (Revision.CLEARED, AlarmState.NORMAL),
)
CROP, FRAME = b"\xff\xd8" + bytes(20_000) + b"\xff\xd9", b"\xff\xd8" + bytes(80_000) + b"\xff\xd9"
"""As long as the JPEGs of a line; nothing decodes them here."""


class LoadedLine:
    """Sends alerts and answers consumers; a context manager, used in one thread."""

    def __init__(
        self, journal: Path, boot_id: str = samples.BOOT_ID, *, images: bool = True
    ) -> None:
        self._folder, self._boot_id, self._images = journal, boot_id, images
        self._number = 0
        self._beat_ns = 0
        self.sent: set[tuple[str, str, int]] = set()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            journal = stack.enter_context(Journal(self._folder))
            self._publisher = stack.enter_context(
                Publisher(_ANY_PORT, line=LINE, boot_id=self._boot_id)
            )
            server = stack.enter_context(RequestServer(_ANY_PORT))
            self._evidence = stack.enter_context(
                EvidenceSender(_ANY_PORT, line=LINE, boot_id=self._boot_id, guard=None)
            )
            self.endpoints = (
                self._publisher.endpoint,
                server.endpoint,
                self._evidence.endpoint,
            )
            self._outbox = Outbox(self._publisher, server, journal)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def send(self) -> Alert:
        """The next revision: of three alerts in turn, each raised, acknowledged and cleared."""
        event, step = self._number // 9 * 3 + self._number % 3, self._number // 3 % 3
        self._number += 1
        alert = self._alert(f"a{event:06d}", step + 1)
        self._outbox.send([alert])
        self.sent.add((alert.boot_id, alert.event_id, alert.revision))
        if step == 0 and self._evidence.wanted:
            self._evidence.offer(_Sight(alert))
        return alert

    def serve(self) -> None:
        """Confirmations, deliveries and the heartbeat."""
        self._outbox.poll()
        now_ns = time.monotonic_ns()
        if now_ns - self._beat_ns >= 200_000_000:
            self._beat_ns = now_ns
            for message in (samples.HEARTBEAT, samples.STATE):
                self._publisher.publish(
                    message, t_capture_utc_ns=time.time_ns(), t_capture_mono_ns=now_ns
                )

    @property
    def consumers(self) -> int:
        """Consumers that have registered."""
        return len(self._outbox.delivery_state().consumers)

    @property
    def images_wanted(self) -> bool:
        return self._evidence.wanted

    @property
    def confirmed(self) -> int:
        """Alerts that the station has confirmed, or that expired for it."""
        states = self._outbox.delivery_state().consumers
        return sum(len(self.sent) - state.waiting for state in states)

    @property
    def expired(self) -> int:
        return self._outbox.delivery_state().expired

    def _alert(self, event_id: str, revision: int) -> Alert:
        kind, state = _STEPS[revision - 1]
        now_ns = time.time_ns()
        return samples.ALERT.model_copy(
            update={
                "line": LINE,
                "boot_id": self._boot_id,
                "event_id": event_id,
                "revision": revision,
                "kind": kind,
                "state": state,
                "t_capture_utc_ns": now_ns,
                "t_raised_utc_ns": now_ns,
                "t_capture_mono_ns": time.monotonic_ns(),
                "evidence_id": evidence_name(self._boot_id, event_id, 1),
            }
        )


class _Sight:
    """The images of one alert."""

    alerts = 1

    def __init__(self, alert: Alert) -> None:
        self._alert = alert
        self.t_capture_utc_ns = alert.t_capture_utc_ns
        self.t_capture_mono_ns = alert.t_capture_mono_ns

    def messages(self) -> Iterator[tuple[Message, Sequence[bytes]]]:
        alert = self._alert
        evidence = samples.EVIDENCE.model_copy(
            update={
                "line": LINE,
                "boot_id": alert.boot_id,
                "event_id": alert.event_id,
                "revision": alert.revision,
                "evidence_id": alert.evidence_id,
                "t_capture_utc_ns": alert.t_capture_utc_ns,
            }
        )
        yield evidence, (CROP, FRAME)

    def release(self) -> None:
        """There are no pixels to give back."""


def journalled(folder: Path) -> set[tuple[str, str, int]]:
    """All revisions in a journal: boot id, event id, revision."""
    found = JournalFolder(folder)
    records = [json.loads(each) for each in found.open()]
    found.close()
    alerts = [each["message"]["payload"] for each in records if each["kind"] == "alert"]
    return {(each["boot_id"], each["event_id"], each["revision"]) for each in alerts}
