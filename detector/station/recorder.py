"""Consumes the lines' messages into the store, alerts at least once.

Each line has two threads. One records, and confirms an alert to the detector only once it is on the
disk. One stores the images. What the page shows comes by a connection of its own, which touches no
disk (`detector.station.web.line_feed`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from detector.client import (
    Alert,
    Event,
    EvidenceFeed,
    GapFilled,
    Line,
    Metrics,
    Received,
    ReceivedEvidence,
    VisionState,
)
from detector.station.store import Store, StoreError
from detector.wire.keys import ClientKeys, load_keys
from detector.wire.requests import AlertMessage, Position, Replay, ReplayReply

logger = logging.getLogger(__name__)

CONSUMER = "station"
"""Our name at the detector; a second station on the same line needs another one."""
RECORDED = ("alert/", "heartbeat/", "state/", "metrics/")
COMPARE_EVERY_NS = 30_000_000_000
"""Between two comparisons of the open alarms with the detector's."""
STATE_EVERY_NS = 5_000_000_000
AGAIN_S = 1.0
"""Wait after a failed write, or before a thread that failed starts again."""
CLEAN_UP_S = 120.0
TICK_S = 0.25


@dataclass(frozen=True, slots=True)
class LineAddress:
    """Where a line is reached, and with which keys."""

    name: str
    publish: str
    requests: str
    evidence: str | None = None
    own_key: Path | None = None
    """This station's secret key file; with `line_key`, for a line with CURVE."""
    line_key: str | None = None
    """The line's public key: 40 characters, or the path of its file."""

    def keys(self) -> ClientKeys | None:
        """Raises KeyFileError."""
        if self.own_key is None or self.line_key is None:
            return None
        return load_keys(self.own_key, self.line_key)


@dataclass(frozen=True, slots=True)
class EvidenceStored:
    """The images of an alert are in the store."""

    boot_id: str
    event_id: str
    evidence_id: str


Callback = Callable[[str, EvidenceStored], None]
"""Called with the line's name and what happened, in a thread of the recorder: return at once."""


class Recorder:
    """Records lines into a store; a context manager.

    Entering raises KeyFileError and EndpointError.
    """

    def __init__(
        self, store: Store, lines: Sequence[LineAddress], *, consumer: str = CONSUMER
    ) -> None:
        self._store, self._lines, self.consumer = store, tuple(lines), consumer
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._callbacks: tuple[Callback, ...] = ()
        self._notices: dict[str, str | None] = {}

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Tell `callback` of stored images from now on; returns what ends it."""
        self._callbacks = (*self._callbacks, callback)

        def unsubscribe() -> None:
            self._callbacks = tuple(each for each in self._callbacks if each is not callback)

        return unsubscribe

    def notice(self, line: str) -> str | None:
        """Why nothing of a line is recorded, one line; None: it is, or the line is silent."""
        return self._notices.get(line)

    def __enter__(self) -> Self:
        for address in self._lines:
            keys = address.keys()
            following = _FollowedLine(address, keys, self._store, self)
            self._start(following.record, f"record {address.name}")
            if address.evidence is not None:
                self._start(following.keep_images, f"images {address.name}")
        self._start(self._clean_up, "clean-up")
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=5.0)

    # --- for the threads of the lines ----------------------------------------------------------

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait; True: the recorder stops."""
        return self._stopping.wait(seconds)

    def pass_on(self, line: str, event: EvidenceStored) -> None:
        for callback in self._callbacks:
            try:
                callback(line, event)
            except Exception:
                logger.exception("a subscriber of the recorder failed", extra={"line": line})

    def set_notice(self, line: str, notice: str | None) -> None:
        if notice != self._notices.get(line):
            self._notices[line] = notice
            if notice is not None:
                logger.error("not recorded: %s", notice, extra={"line": line})

    # --- inside --------------------------------------------------------------------------------

    def _start(self, work: Callable[[], None], name: str) -> None:
        def keep_on() -> None:
            while not self.stopping:
                try:
                    work()
                except Exception:  # the others go on; this one begins again
                    if self.stopping:
                        return
                    logger.exception("%s: failed, starts again", name)
                    self.wait(AGAIN_S)

        thread = threading.Thread(target=keep_on, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _clean_up(self) -> None:
        while not self.wait(CLEAN_UP_S):
            try:
                self._store.clean_up()
            except StoreError as error:
                logger.warning("store: nothing deleted: %s", error)


class _FollowedLine:
    """What the threads of one line do, until the recorder stops."""

    def __init__(
        self, address: LineAddress, keys: ClientKeys | None, store: Store, recorder: Recorder
    ) -> None:
        self._address, self._keys, self._store, self._recorder = address, keys, store, recorder
        self._name = self._line = address.name
        """As it is configured, and as the detector names the line."""
        self._stored: Position | None = None
        self._recorded_state: tuple[VisionState, str] | None = None
        self._state_ns = 0
        # Not at once: what a replay brings may be in the store before the client has it from
        # the detector's other socket.
        self._compared_ns = time.monotonic_ns()

    def record(self) -> None:
        """Record alerts, vision states and metrics."""
        address = self._address
        self._stored = self._store.position(self._name)
        with Line(
            address.publish,
            address.requests,
            topics=RECORDED,
            consumer=self._recorder.consumer,
            after=self._stored,
            keys=self._keys,
        ) as line:
            unknown, times = self._stored is None, self._store.times_begun_again
            while not self._recorder.stopping:
                events = line.receive_batch(TICK_S)  # which confirms those before
                if unknown and any(isinstance(each, Received) for each in events):
                    unknown = not self._record_held(line)
                self._record(events, line)
                if times != self._store.times_begun_again:
                    unknown, times = True, self._store.times_begun_again
                self._record_state(line)
                self._recorder.set_notice(self._name, line.refusal or line.consumer_refusal)

    def keep_images(self) -> None:
        """Store images as they come."""
        assert self._address.evidence is not None
        with EvidenceFeed(self._address.evidence, keys=self._keys) as feed:
            while not self._recorder.stopping:
                item = feed.receive(TICK_S)
                if isinstance(item, ReceivedEvidence):
                    self._keep(item)

    def _keep(self, item: ReceivedEvidence) -> None:
        evidence = item.evidence
        try:
            stored = self._store.add_evidence(evidence, item.crop, item.frame)
        except StoreError as error:
            logger.warning("image not stored: %s", error, extra={"line": self._name})
            return
        if stored:
            self._recorder.pass_on(
                self._name,
                EvidenceStored(evidence.boot_id, evidence.event_id, evidence.evidence_id),
            )

    def _record(self, events: list[Event], line: Line) -> None:
        """Record what came together: its alerts in one transaction."""
        alerts: list[AlertMessage] = []
        for event in events:
            match event:
                case Received(payload=Alert() as alert):
                    self._line = alert.line
                    alerts.append(
                        AlertMessage(topic=event.topic, header=event.header, payload=alert)
                    )
                case Received(payload=Metrics() as metrics):
                    with suppress(StoreError):  # a trend may lack a minute
                        self._store.record_metrics(time.time_ns(), metrics)
                case GapFilled(complete=False):
                    logger.warning(
                        "alerts were lost: the detector no longer holds them",
                        extra={"line": self._name},
                    )
                case _:
                    pass
        position = line.position  # all alerts before these events are on the disk
        moved = position is not None and position != self._stored
        if alerts or moved:
            consumed = (self._name, position) if moved and position is not None else None
            self._until_written(lambda: self._store.record_alerts(alerts, consumed))
            self._stored = position
        if not alerts:
            self._close_missing(line)

    def _close_missing(self, line: Line) -> None:
        """Alarms whose end was lost do not stay open for ever."""
        now_ns = time.monotonic_ns()
        if line.boot_id is None or line.lacks_alerts or not line.vision.is_watching:
            return
        if now_ns - self._compared_ns < COMPARE_EVERY_NS:
            return
        self._compared_ns = now_ns
        known = [item.payload for item in line.active]
        still_open = {(each.boot_id, each.event_id) for each in known if isinstance(each, Alert)}
        with suppress(StoreError):
            self._store.close_missing(self._line, still_open, time.time_ns())

    def _until_written(self, write: Callable[[], object]) -> None:
        """Write, and try again until it works: only the next `receive` confirms the alert."""
        while True:
            try:
                write()
            except StoreError as error:
                self._recorder.set_notice(self._name, str(error))
                if self._recorder.wait(AGAIN_S):
                    raise
            else:
                return

    def _record_held(self, line: Line) -> bool:
        """A new store begins with what the detector still holds; False: it gave no answer."""
        after: Position | None = None
        while True:
            try:
                reply = line.ask(Replay(after=after))
            except TimeoutError:
                return False
            if not isinstance(reply, ReplayReply):
                return True  # refused: deliveries begin now
            self._until_written(lambda held=reply.alerts: self._store.record_alerts(held))  # type: ignore[misc]
            after = reply.upto
            if not reply.more:
                return True

    def _record_state(self, line: Line) -> None:
        state, now_ns = (line.vision, line.vision_reason), time.time_ns()
        if state == self._recorded_state and now_ns - self._state_ns < STATE_EVERY_NS:
            return
        same_vision = self._recorded_state is not None and state[0] is self._recorded_state[0]
        if same_vision and now_ns - self._state_ns < 1_000_000_000:  # only other figures
            return
        self._recorded_state, self._state_ns = state, now_ns
        with suppress(StoreError):
            self._store.record_state(self._line, now_ns, *state)
