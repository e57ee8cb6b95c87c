"""The store of one station: what is recorded, and what is asked of it."""

from __future__ import annotations

import errno
import logging
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Self

from detector.station.store.database import Database, connect
from detector.station.store.events import (
    find_answers,
    find_event,
    find_events,
    find_evidence,
    find_open_alarms,
)
from detector.station.store.evidence_files import IMAGES, EvidenceFiles, ImageName
from detector.station.store.history import (
    By,
    count_alerts,
    count_false_alarms,
    find_answer_times,
    find_audit,
    find_blind_times,
    find_metrics,
)
from detector.station.store.payloads import PayloadCodec
from detector.station.store.recording import (
    close_missing,
    event_number,
    name_evidence,
    write_alert,
    write_answer,
    write_metrics,
    write_position,
    write_state,
)
from detector.station.store.records import (
    AnswerRow,
    AnswerStatus,
    AnswerTime,
    AnswerWord,
    AuditRow,
    BlindTime,
    Count,
    EventDetail,
    EventFilter,
    EventRow,
    EvidenceRow,
    FalseAlarms,
    MetricsRow,
    Notice,
    StoreError,
)
from detector.station.store.retention import Limits, Retention
from detector.station.store.writer import ROOM_TRIES, Writer
from detector.wire.evidence import Evidence
from detector.wire.messages import Alert, Header, Metrics
from detector.wire.requests import AlertMessage, Position

logger = logging.getLogger(__name__)

NOTICE_HELD_NS = 3600 * 10**9
"""How long a full disk is reported after images were last deleted for it."""


class Store:
    """Opens `folder`, creating it if it is missing; a context manager, usable in all threads.

    Writing methods return when their rows are on the disk. Raises StoreError, one line.
    """

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.folder = folder
        self._database = Database(folder)
        self._files = EvidenceFiles(folder)
        self._retention = Retention(limits or Limits(), folder, self._files, self._read)
        self._not_written: str | None = None
        self.times_begun_again = 0
        """How often a damaged database was set aside since the start."""
        self._writer = Writer(self._database, self._make_room, self._begun_again)
        self._codec: PayloadCodec = self._database.codec()
        self._files.clean()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what is waiting; safe to call twice."""
        self._writer.close()

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What an operator should know about the store now; empty: all is well."""
        found = []
        if self._not_written is not None:
            found.append(Notice("not_recorded", self._not_written))
        if self._database.notice is not None:
            found.append(Notice("set_aside", self._database.notice))
        dropped_ns = self._retention.dropped_ns
        if dropped_ns is not None and time.time_ns() - dropped_ns < NOTICE_HELD_NS:
            text = "the disk is full: the oldest images were deleted; free some space"
            found.append(Notice("disk_full", text))
        return tuple(found)

    @property
    def notice(self) -> str | None:
        """The notices as one line; None: there are none."""
        return "; ".join(each.text for each in self.notices) or None

    # --- recording ---------------------------------------------------------------------------

    def record_alert(self, header: Header, alert: Alert) -> bool:
        """Record a revision; on the disk when this returns. False: it was recorded before."""
        message = AlertMessage(topic=f"alert/{alert.line}", header=header, payload=alert)
        return self.record_alerts([message]) == 1

    def record_alerts(
        self, messages: Sequence[AlertMessage], consumed: tuple[str, Position] | None = None
    ) -> int:
        """Record revisions in one transaction; returns how many were new.

        `consumed`: a line's name and the consumer's position, recorded with them.
        """

        def work(connection: sqlite3.Connection) -> int:
            if consumed is not None:
                write_position(connection, *consumed)
            return sum(
                write_alert(connection, self._codec, each.header, each.payload) for each in messages
            )

        try:
            new = self._writer.do(work)
        except StoreError as error:
            self._not_written = f"alerts are not recorded: {error}"
            raise
        self._not_written = None
        return new

    def close_missing(self, line: str, still_open: set[tuple[str, str]], t_ns: int) -> int:
        """Close the alarms of a line that the detector no longer has; returns their number.

        Their last revisions were lost while the station did not run. `still_open`: boot and event
        ids.
        """
        return self._writer.do(lambda to: close_missing(to, line, still_open, t_ns))

    def record_state(self, line: str, t_ns: int, vision: str, reason: str = "") -> None:
        """Record the vision state; on each change and every few seconds."""
        self._writer.do(lambda to: write_state(to, line, t_ns, vision, reason))

    def record_metrics(self, t_ns: int, metrics: Metrics) -> None:
        """Record a line's metrics; one a minute is kept."""
        self._writer.do(lambda to: write_metrics(to, self._codec, t_ns, metrics))

    def record_answer(
        self,
        line: str,
        boot_id: str,
        event_id: str,
        what: AnswerWord,
        operator: str,
        *,
        t_ns: int,
        source: str,
    ) -> AnswerRow:
        """Record an operator's answer. Its status is `waiting`: send it, then `mark_answer`; or
        `late`: the alarm has ended, and `notice` says so. StoreError: no such alarm."""
        number = self._writer.do(
            lambda to: write_answer(
                to, event_number(to, line, boot_id, event_id), what, operator, t_ns, source=source
            )
        )
        return self.answer(number)

    def mark_answer(self, number: int, status: AnswerStatus, notice: str | None = None) -> None:
        """What became of an answer: sent, undone, refused by the detector (with its reason)."""
        self._writer.do(
            lambda to: to.execute(
                "UPDATE answers SET status = ?, notice = coalesce(?, notice) WHERE id = ?",
                (status, notice, number),
            )
        )

    def record_label(self, line: str, boot_id: str, event_id: str, label: str | None) -> None:
        """The kind that an operator checked an answered alarm to be; None: no label."""
        self._writer.do(
            lambda to: to.execute(
                "UPDATE events SET label = ? WHERE id = ?",
                (label, event_number(to, line, boot_id, event_id)),
            )
        )

    def record_audit(
        self, t_ns: int, account: str, role: str, what: str, detail: str = "", *, address: str = ""
    ) -> None:
        self._writer.do(
            lambda to: to.execute(
                "INSERT INTO audit (t_ns, account, role, what, detail, address) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (t_ns, account, role, what, detail, address),
            )
        )

    def add_evidence(self, evidence: Evidence, crop: bytes, frame: bytes) -> bool:
        """Keep the images of a revision; False if there is no room for them."""
        key = evidence.line, evidence.evidence_id, evidence.t_capture_utc_ns
        for image, data in zip(IMAGES, (crop, frame), strict=True):
            if not self._write_image(self._files.path(*key, image), data):
                self._files.delete(self._files.path(*key, each) for each in IMAGES)
                return False
        self._writer.do(lambda to: self._insert_evidence(to, evidence, len(crop), len(frame)))
        return True

    def clean_up(self) -> None:
        """Delete what is too old or too much; every few minutes, in a thread of its own."""
        self._retention.clean_up(self._writer, time.time_ns())

    # --- asking ------------------------------------------------------------------------------

    def position(self, line: str) -> Position | None:
        """Where this station continues with a line's alerts; None: it knows none."""
        with closing(self._read()) as connection:
            row = connection.execute(
                "SELECT boot_id, alert_seq FROM positions WHERE line = ?", (line,)
            ).fetchone()
        return None if row is None else Position(boot_id=row[0], alert_seq=row[1])

    def events(self, wanted: EventFilter | None = None) -> list[EventRow]:
        """Events that pass a filter, newest first."""
        with closing(self._read()) as connection:
            return find_events(connection, wanted or EventFilter())

    def event(self, boot_id: str, event_id: str, line: str | None = None) -> EventDetail:
        """All revisions, answers and evidence of one event. StoreError: there is none."""
        with closing(self._read()) as connection:
            return find_event(connection, self._codec, boot_id, event_id, line)

    def open_alarms(self, line: str | None = None) -> list[Alert]:
        """Newest revision of each alarm that is not back to normal, oldest first."""
        with closing(self._read()) as connection:
            return find_open_alarms(connection, self._codec, line)

    def answer(self, number: int) -> AnswerRow:
        with closing(self._read()) as connection:
            found = find_answers(connection, number=number)
        if not found:
            raise StoreError(f"no answer {number} is known")
        return found[0]

    def waiting_answers(self) -> list[AnswerRow]:
        """Answers that were not sent yet, oldest first; also those of a station that died."""
        with closing(self._read()) as connection:
            return find_answers(connection, status="waiting")

    def evidence(self, evidence_id: str) -> EvidenceRow | None:
        with closing(self._read()) as connection:
            return find_evidence(connection, self._codec, evidence_id)

    def image(self, evidence_id: str, image: ImageName) -> Path | None:
        """The file of an image; None: unknown, or deleted by now."""
        found = self.evidence(evidence_id)
        if found is None or found.t_dropped_ns is not None:
            return None
        path = self._files.path(found.line, evidence_id, found.t_capture_ns, image)
        return path if path.is_file() else None

    def blind_times(self, line: str | None, since: int, until: int) -> list[BlindTime]:
        """Times in which the belt was not watched or the station did not record."""
        with closing(self._read()) as connection:
            return find_blind_times(connection, line, since, until)

    def rates(self, line: str | None, since: int, until: int, by: By = "hour") -> list[Count]:
        with closing(self._read()) as connection:
            return count_alerts(connection, line, since, until, by)

    def answer_times(self, line: str | None, since: int, until: int) -> list[AnswerTime]:
        with closing(self._read()) as connection:
            return find_answer_times(connection, line, since, until)

    def false_alarms_by_kind(self, line: str | None, since: int, until: int) -> list[FalseAlarms]:
        with closing(self._read()) as connection:
            return count_false_alarms(connection, line, since, until)

    def metrics(self, line: str, since: int, until: int) -> list[MetricsRow]:
        with closing(self._read()) as connection:
            return find_metrics(connection, self._codec, line, since, until)

    def audit(self, before: int | None = None, limit: int = 200) -> list[AuditRow]:
        with closing(self._read()) as connection:
            return find_audit(connection, before, limit)

    # --- inside ------------------------------------------------------------------------------

    def _read(self) -> sqlite3.Connection:
        return connect(self._database.path, reads=True)

    def _make_room(self) -> bool:
        return self._retention.make_room(self._writer)

    def _begun_again(self, notice: str) -> None:
        logger.error("store: %s", notice)
        self.times_begun_again += 1
        self._codec = self._database.codec()

    def _write_image(self, path: Path, data: bytes) -> bool:
        for _ in range(ROOM_TRIES):
            try:
                self._files.write(path, data)
            except OSError as error:
                if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                    raise StoreError(f"{path}: {error.strerror}") from error
                if not self._make_room():
                    return False
            else:
                return True
        return False

    def _insert_evidence(
        self, to: sqlite3.Connection, evidence: Evidence, crop_bytes: int, frame_bytes: int
    ) -> None:
        key = evidence.line, evidence.boot_id, evidence.event_id
        to.execute(
            "INSERT OR IGNORE INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
            (
                *(evidence.evidence_id, *key, evidence.revision, evidence.t_capture_utc_ns),
                *(crop_bytes, frame_bytes),
                self._codec.pack(evidence),
            ),
        )
        name_evidence(to, *key)
