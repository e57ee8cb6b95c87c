"""The client's protocol: messages in, events and requests out; no sockets, no clock."""

from __future__ import annotations

import itertools
import uuid
from collections import OrderedDict, deque
from collections.abc import Iterable

from pydantic import ValidationError

from detector.client.decoding import decode_head, decode_payload, decode_reply
from detector.client.events import (
    AlertVanished,
    DetectorRestarted,
    Event,
    GapFilled,
    How,
    Received,
    VisionChanged,
)
from detector.client.gaps import GapWatch
from detector.client.positions import AlertProgress
from detector.client.revisions import RevisionSet
from detector.client.vision_watch import VisionWatch
from detector.errors import printable
from detector.vocabulary import VisionState
from detector.wire.messages import PAYLOADS, AlarmState, Alert, Header
from detector.wire.requests import (
    AlertMessage,
    AnyRequest,
    Consume,
    ConsumeReply,
    Delivery,
    Position,
    Replay,
    ReplayReply,
    Reply,
    Snapshot,
    SnapshotReply,
    one_line,
)

ASK_AGAIN_NS = 1_000_000_000
"""A request without a reply is repeated after this; also the interval of a consumer's messages."""
CONFIRM_NS = 20_000_000
"""Least time between two confirmations: one confirms all that came before it."""
REVISIONS_KEPT = 3000
"""Number of alerts whose received revisions are remembered, to recognise repeated ones; open ones
are never forgotten. A detector holds 2,000 revisions for replay, and 500 open alerts."""


class LineFeed:
    """A client's state of one line; all times are this host's CLOCK_MONOTONIC, ns."""

    def __init__(
        self,
        now_ns: int,
        *,
        topics: Iterable[str] = ("",),
        asks: bool = True,
        consumer: str | None = None,
        after: Position | None = None,
        blind_after_s: float = 1.0,
        same_host: bool = True,
    ) -> None:
        topics = tuple(topics)
        self.watch = VisionWatch(now_ns, blind_after_s=blind_after_s)
        self.to_send: deque[bytes] = deque()
        """Encoded requests to be sent."""
        self.replies: dict[str, Reply] = {}
        """Replies to the program's requests, by request_id."""
        self.active: dict[tuple[str, str], Received] = {}
        """Last revision of each open alert, by (boot_id, event_id)."""
        self.boot_id: str | None = None
        self.malformed = 0
        self.malformed_reason: str | None = None
        self.unknown_topics = 0
        self.consumer_refusal: str | None = None
        """Why the detector does not deliver to our consumer; None: it does, or not requested."""
        self.repeated = 0
        """Alerts received more than once; the repeats are not events."""
        self.processed = after
        """All alerts up to here have been processed by the program."""
        self._events: deque[tuple[Event, Position | None]] = deque()
        self._handed_out: Position | None = None
        self._gaps = GapWatch(everything="" in topics)
        self._progress = AlertProgress(after)
        self._first_position: Position | None = None
        """Position of the line in the first message received."""
        self._revisions: OrderedDict[tuple[str, str], RevisionSet] = OrderedDict()
        self._asks, self._consumer, self._same_host = asks, consumer, same_host
        self._wants = {"snapshot": asks, "replay": False}
        self._asked_ns: dict[str, int] = {}
        self._asked_id: dict[str, str] = {}
        self._awaited: set[str] = set()
        self._confirmed: Position | None = None
        self._replayed, self._replay_whole = 0, True
        self._vision_reported: tuple[VisionState | None, str | None] = None, None
        self._ids = (f"{uuid.uuid4().hex[:8]}-{number}" for number in itertools.count(1))

    # --- receiving -------------------------------------------------------------------------

    def receive_published(self, frames: list[bytes], now_ns: int) -> None:
        """Process a message from the XPUB."""
        try:
            topic, header = decode_head(frames)
        except ValueError as error:
            self._count_malformed(error)
            return
        for gap in self._gaps.update(topic, header):
            self._emit(gap)
        self._notice_boot(header)
        kind = topic.partition("/")[0]
        if kind in PAYLOADS:
            try:
                payload = decode_payload(kind, header, frames[2])
            except ValueError as error:
                self._count_malformed(error)
                return
            item = Received(topic, header, payload, now_ns, "published", self._same_host)
            self.watch.update(item)
            if isinstance(payload, Alert):
                self._process_alert(item)
            else:
                self._emit(item)
        else:
            self.unknown_topics += 1
        self._notice_alert_seq(header, is_alert=kind == "alert")

    def receive_reply(self, frames: list[bytes], now_ns: int) -> None:
        """Process a message from the ROUTER."""
        try:
            reply = decode_reply(frames)
        except ValueError as error:
            self._count_malformed(error)
            return
        if isinstance(reply, Delivery):
            self._process_message(reply.message, "delivery", now_ns)
        elif reply.request_id is None:
            self.malformed += 1  # matches no request of ours
            self.malformed_reason = printable(reply.reason or "a reply without a request_id")
        elif reply.request_id in self._asked_id.values():
            self._process_own_reply(reply, now_ns)
        elif reply.request_id in self._awaited:
            self._awaited.discard(reply.request_id)
            self.replies[reply.request_id] = reply

    def connection_lost(self, reason: str) -> None:
        """The XPUB is gone: the belt is not known to be watched, and alerts may be missed."""
        self.watch.cut(reason)

    def connection_refused(self, reason: str) -> None:
        """The XPUB refuses the connection; `reason` is reported to the program."""
        self.watch.refused = reason

    def connection_made(self) -> None:
        """A new connection: request a snapshot of what happened before."""
        self.watch.refused = None
        self._wants["snapshot"] = self._asks
        self._asked_ns.pop("snapshot", None)

    # --- sending -----------------------------------------------------------------------------

    def ask(self, request: AnyRequest) -> str:
        """Queue a request of the program; returns its request_id, the key of its reply."""
        request_id = request.request_id or next(self._ids)
        self._awaited.add(request_id)
        self._send(request, request_id)
        return request_id

    def give_up(self, request_id: str) -> None:
        """Stop waiting for a reply."""
        self._awaited.discard(request_id)

    def tick(self, now_ns: int) -> None:
        """Advance time: detect silence and repeat requests."""
        vision, reason = self.watch.vision(now_ns)
        current = vision, self.watch.refused
        if current != self._vision_reported:
            self._vision_reported = current
            self._emit(VisionChanged(vision, reason))
        if not self._asks:
            return
        if self._consumer is not None:
            waited_ns = now_ns - self._asked_ns.get("consume", now_ns - ASK_AGAIN_NS)
            unconfirmed = self.processed != self._confirmed and waited_ns >= CONFIRM_NS
            if unconfirmed or waited_ns >= ASK_AGAIN_NS:
                self._confirmed = self.processed
                self._ask_own(Consume(consumer=self._consumer, after=self.processed), now_ns)
        if self._wants["snapshot"] and self._may_ask("snapshot", now_ns):
            self._ask_own(Snapshot(), now_ns)
        if self._wants["replay"] and self._may_ask("replay", now_ns):
            self._ask_own(Replay(after=self._progress.upto), now_ns)

    def next_event(self) -> Event | None:
        """The next event, or None; the call marks the previous event as processed."""
        if self._handed_out is not None:
            self.processed, self._handed_out = self._handed_out, None
        if not self._events:
            self.processed = self._progress.upto or self.processed
            return None
        event, self._handed_out = self._events.popleft()
        return event

    def more_events(self, most: int) -> list[Event]:
        """Events that wait behind the one just handed out; all are processed together."""
        found: list[Event] = []
        while self._events and len(found) < most:
            event, self._handed_out = self._events.popleft()
            found.append(event)
        return found

    def vision(self, now_ns: int) -> tuple[VisionState, str]:
        """Whether the belt is being watched now, and the reason if not."""
        return self.watch.vision(now_ns)

    @property
    def lacks_alerts(self) -> bool:
        """Known alerts, or the snapshot of the detector's current start, have not been received yet
        and are being requested."""
        return self._wants["replay"] or self._wants["snapshot"]

    @property
    def missed(self) -> int:
        """Messages missed since the start, by their sequence numbers."""
        return self._gaps.missed

    # --- inside ------------------------------------------------------------------------------

    def _emit(self, event: Event) -> None:
        self._events.append((event, self._progress.upto))

    def _may_ask(self, kind: str, now_ns: int) -> bool:
        asked_ns = self._asked_ns.get(kind)
        return asked_ns is None or now_ns - asked_ns >= ASK_AGAIN_NS

    def _ask_own(self, request: Snapshot | Replay | Consume, now_ns: int) -> None:
        self._asked_ns[request.request] = now_ns
        self._asked_id[request.request] = request_id = next(self._ids)
        self._send(request, request_id)

    def _send(self, request: AnyRequest, request_id: str) -> None:
        request = request.model_copy(update={"request_id": request_id})
        self.to_send.append(request.model_dump_json().encode())

    def _process_own_reply(self, reply: Reply, now_ns: int) -> None:
        if not reply.ok:  # too many consumers, an older detector: asked again in a second
            if reply.request_id == self._asked_id.get("consume"):
                self.consumer_refusal = printable(reply.reason or "no reason given")
                self._begin_at_first_position()
            else:
                self.malformed_reason = printable(reply.reason or "no reason given")
            return
        if isinstance(reply, ConsumeReply):
            self.consumer_refusal = None
            self._progress.begin(reply.after)
        elif isinstance(reply, SnapshotReply):
            self._wants["snapshot"] = False
            self._process_snapshot(reply, now_ns)
        elif isinstance(reply, ReplayReply):
            self._process_replay(reply, now_ns)

    def _process_snapshot(self, reply: SnapshotReply, now_ns: int) -> None:
        self._note_position(reply.at)
        for message in reply.alerts:
            self._process_message(message, "snapshot", now_ns)
        open_now = {(each.payload.boot_id, each.payload.event_id) for each in reply.alerts}
        for key, known in list(self.active.items()):
            header = known.header
            newer = header.boot_id == reply.at.boot_id and (header.alert_seq or 0) > (
                reply.at.alert_seq
            )
            # Alerts still to be replayed or delivered will report their own end.
            behind = self._progress.lacks(reply.at.boot_id, reply.at.alert_seq)
            if (
                key not in open_now
                and not newer
                and not behind
                and isinstance(known.payload, Alert)
            ):
                del self.active[key]
                self._emit(AlertVanished(known.payload))

    def _process_replay(self, reply: ReplayReply, now_ns: int) -> None:
        before = self.repeated
        for message in reply.alerts:
            self._process_message(message, "replay", now_ns)
        self._replayed += len(reply.alerts) - (self.repeated - before)
        self._replay_whole = self._replay_whole and reply.complete
        self._progress.reach(reply.upto)
        self._asked_ns.pop("replay", None)
        if reply.more:
            return
        self._wants["replay"] = False
        self._emit(GapFilled(self._replayed, self._replay_whole, reply.upto))
        if not self._replay_whole:
            self.connection_made()
        self._replayed, self._replay_whole = 0, True

    def _process_message(self, message: AlertMessage, how: How, now_ns: int) -> None:
        self._process_alert(
            Received(message.topic, message.header, message.payload, now_ns, how, self._same_host)
        )

    def _process_alert(self, item: Received) -> None:
        alert = item.payload
        assert isinstance(alert, Alert)
        if item.how != "snapshot" and item.header.alert_seq is not None:
            self._progress.add(item.header.boot_id, item.header.alert_seq)
        key = alert.boot_id, alert.event_id
        known = self._revisions.setdefault(key, RevisionSet())
        self._revisions.move_to_end(key)
        newest = alert.revision > known.newest
        if not known.add(alert.revision):
            self.repeated += 1
            return
        if newest:
            if alert.state is AlarmState.NORMAL:
                self.active.pop(key, None)
            else:
                self.active[key] = item
        self._forget_oldest()
        self._emit(item)

    def _forget_oldest(self) -> None:
        """Forget the alert that was received longest ago and is not open."""
        for _ in range(len(self.active) + 1):
            if len(self._revisions) <= REVISIONS_KEPT:
                return
            oldest = next(iter(self._revisions))
            if oldest in self.active:
                self._revisions.move_to_end(oldest)
            else:
                del self._revisions[oldest]

    def _notice_boot(self, header: Header) -> None:
        if header.boot_id == self.boot_id:
            return
        if self.boot_id is not None:
            self.watch.forget()
            self._emit(DetectorRestarted(header.boot_id, self.boot_id))
            self.connection_made()
        self.boot_id = header.boot_id

    def _note_position(self, at: Position) -> None:
        """The line has published all alerts up to `at`."""
        if self._first_position is None:
            self._first_position = at
        if self._consumer is None or self.consumer_refusal is not None:
            self._begin_at_first_position()

    def _begin_at_first_position(self) -> None:
        """Start at the first known position if the detector gives no other one.

        A consumer may be refused long after the line's first message; alerts published between the
        two are included.
        """
        if self._first_position is not None:
            self._progress.begin(self._first_position)

    def _notice_alert_seq(self, header: Header, *, is_alert: bool) -> None:
        if header.alert_seq is None:
            return
        # Not with an alert: open ones are published again for new subscribers with old numbers.
        if not is_alert:
            self._note_position(Position(boot_id=header.boot_id, alert_seq=header.alert_seq))
        if self._asks and self._progress.lacks(header.boot_id, header.alert_seq):
            self._wants["replay"] = True

    def _count_malformed(self, error: ValueError) -> None:
        self.malformed += 1
        self.malformed_reason = printable(
            one_line(error) if isinstance(error, ValidationError) else str(error)
        )
