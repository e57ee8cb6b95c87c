"""What a client makes of the bytes that come in, and what it asks; no sockets, no clock."""

from __future__ import annotations

import itertools
import uuid
from collections import OrderedDict, deque
from collections.abc import Iterable

from pydantic import ValidationError

from detector.client.decoding import decode_head, decode_payload, decode_reply
from detector.client.events import (
    Event,
    Healed,
    How,
    Received,
    Restarted,
    Sight,
    SightChanged,
    Vanished,
)
from detector.client.gaps import GapWatch
from detector.client.positions import AlertProgress
from detector.client.revisions import SeenRevisions
from detector.client.sight import SightWatch
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
"""A request without a reply is made again after this; a consumer gives as often a sign of life."""
CONFIRM_NS = 20_000_000
"""Least time between two confirmations: one confirms all that came before it."""
REVISIONS_KEPT = 20_000
"""Of so many alerts it is remembered which revisions came, to tell a repeat from news."""


class LineFeed:
    """One line, as a client knows it; all times are this host's CLOCK_MONOTONIC, ns."""

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
        self.watch = SightWatch(now_ns, blind_after_s=blind_after_s)
        self.to_send: deque[bytes] = deque()
        """Requests that are to go out, encoded."""
        self.replies: dict[str, Reply] = {}
        """Replies to what the program asked, by request_id."""
        self.active: dict[tuple[str, str], Received] = {}
        """The last revision of each alert that is open, by (boot_id, event_id)."""
        self.boot_id: str | None = None
        self.malformed = 0
        self.malformed_reason: str | None = None
        self.unknown_topics = 0
        self.consumer_refusal: str | None = None
        """Why the detector does not deliver to our consumer; None: it does, or none was asked."""
        self.repeated = 0
        """Alerts that came again, by another way or sent anew; they are no events."""
        self.dealt_with = after
        self._events: deque[tuple[Event, Position | None]] = deque()
        self._handed_out: Position | None = None
        self._gaps = GapWatch(everything="" in topics)
        self._progress = AlertProgress(after)
        self._first_heard: Position | None = None
        """Up to where alerts had been told when the first word of the line came here."""
        self._revisions: OrderedDict[tuple[str, str], SeenRevisions] = OrderedDict()
        self._asks, self._consumer, self._same_host = asks, consumer, same_host
        self._wants = {"snapshot": asks, "replay": False}
        self._asked_ns: dict[str, int] = {}
        self._asked_id: dict[str, str] = {}
        self._awaited: set[str] = set()
        self._confirmed: Position | None = None
        self._replayed, self._replay_whole = 0, True
        self._sight_told: tuple[Sight | None, str | None] = None, None
        self._ids = (f"{uuid.uuid4().hex[:8]}-{number}" for number in itertools.count(1))

    # --- what comes in ---------------------------------------------------------------------

    def take_published(self, frames: list[bytes], now_ns: int) -> None:
        """A message of the XPUB."""
        try:
            topic, header = decode_head(frames)
        except ValueError as error:
            self._count_malformed(error)
            return
        for gap in self._gaps.heard(topic, header):
            self._tell(gap)
        self._notice_boot(header)
        kind = topic.partition("/")[0]
        if kind in PAYLOADS:
            try:
                payload = decode_payload(kind, header, frames[2])
            except ValueError as error:
                self._count_malformed(error)
                return
            item = Received(topic, header, payload, now_ns, "published", self._same_host)
            self.watch.take(item)
            if isinstance(payload, Alert):
                self._take_alert(item)
            else:
                self._tell(item)
        else:
            self.unknown_topics += 1
        self._notice_alert_seq(header, is_alert=kind == "alert")

    def take_reply(self, frames: list[bytes], now_ns: int) -> None:
        """A message of the ROUTER."""
        try:
            said = decode_reply(frames)
        except ValueError as error:
            self._count_malformed(error)
            return
        if isinstance(said, Delivery):
            self._take_message(said.message, "delivery", now_ns)
        elif said.request_id is None:
            self.malformed += 1  # of nothing that we asked
            self.malformed_reason = said.reason or "a reply without a request_id"
        elif said.request_id in self._asked_id.values():
            self._take_own_reply(said, now_ns)
        elif said.request_id in self._awaited:
            self._awaited.discard(said.request_id)
            self.replies[said.request_id] = said

    def connection_lost(self, reason: str) -> None:
        """The XPUB has gone: nobody is known to look, and alerts may be missed."""
        self.watch.cut(reason)

    def connection_refused(self, reason: str) -> None:
        """The XPUB does not let us in: nothing will come, and why is worth telling."""
        self.watch.refused = reason

    def connection_made(self) -> None:
        """A new connection: what happened before it is asked for."""
        self.watch.refused = None
        self._wants["snapshot"] = self._asks
        self._asked_ns.pop("snapshot", None)

    # --- what goes out -----------------------------------------------------------------------

    def ask(self, request: AnyRequest) -> str:
        """Have a request of the program sent; the request_id under which `replies` will hold it."""
        request_id = request.request_id or next(self._ids)
        self._awaited.add(request_id)
        self._send(request, request_id)
        return request_id

    def give_up(self, request_id: str) -> None:
        """Nobody waits for that reply any more."""
        self._awaited.discard(request_id)

    def tick(self, now_ns: int) -> None:
        """What time alone brings about: silence is noticed, requests are made again."""
        sight, reason = self.watch.sight(now_ns)
        told = sight, self.watch.refused
        if told != self._sight_told:
            self._sight_told = told
            self._tell(SightChanged(sight, reason))
        if not self._asks:
            return
        if self._consumer is not None:
            waited_ns = now_ns - self._asked_ns.get("consume", now_ns - ASK_AGAIN_NS)
            news = self.dealt_with != self._confirmed and waited_ns >= CONFIRM_NS
            if news or waited_ns >= ASK_AGAIN_NS:
                self._confirmed = self.dealt_with
                self._ask_own(Consume(consumer=self._consumer, after=self.dealt_with), now_ns)
        if self._wants["snapshot"] and self._may_ask("snapshot", now_ns):
            self._ask_own(Snapshot(), now_ns)
        if self._wants["replay"] and self._may_ask("replay", now_ns):
            self._ask_own(Replay(after=self._progress.upto), now_ns)

    def next_event(self) -> Event | None:
        """The next event; with asking for it the one before counts as dealt with."""
        if self._handed_out is not None:
            self.dealt_with, self._handed_out = self._handed_out, None
        if not self._events:
            self.dealt_with = self._progress.upto or self.dealt_with
            return None
        event, self._handed_out = self._events.popleft()
        return event

    def sight(self, now_ns: int) -> tuple[Sight, str]:
        """Whether anybody looks at the belt now, and why not."""
        return self.watch.sight(now_ns)

    @property
    def lacks_alerts(self) -> bool:
        """Alerts have been sent that have not come, or the snapshot of this life has not; they are
        being asked for."""
        return self._wants["replay"] or self._wants["snapshot"]

    @property
    def missed(self) -> int:
        """Messages missed since the start, as far as their numbers have shown."""
        return self._gaps.missed

    # --- inside ------------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
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

    def _take_own_reply(self, said: Reply, now_ns: int) -> None:
        if not said.ok:  # too many consumers, an older detector: asked again in a second
            if said.request_id == self._asked_id.get("consume"):
                self.consumer_refusal = said.reason or "no reason given"
                self._begin_where_first_heard()
            else:
                self.malformed_reason = said.reason
            return
        if isinstance(said, ConsumeReply):
            self.consumer_refusal = None
            self._progress.begin(said.after)
        elif isinstance(said, SnapshotReply):
            self._wants["snapshot"] = False
            self._take_snapshot(said, now_ns)
        elif isinstance(said, ReplayReply):
            self._take_replay(said, now_ns)

    def _take_snapshot(self, said: SnapshotReply, now_ns: int) -> None:
        self._heard_of(said.at)
        for message in said.alerts:
            self._take_message(message, "snapshot", now_ns)
        open_now = {(each.payload.boot_id, each.payload.event_id) for each in said.alerts}
        for key, known in list(self.active.items()):
            header = known.header
            newer = header.boot_id == said.at.boot_id and (header.alert_seq or 0) > (
                said.at.alert_seq
            )
            # What is still to be replayed or delivered tells its own end.
            behind = self._progress.lacks(said.at.boot_id, said.at.alert_seq)
            if (
                key not in open_now
                and not newer
                and not behind
                and isinstance(known.payload, Alert)
            ):
                del self.active[key]
                self._tell(Vanished(known.payload))

    def _take_replay(self, said: ReplayReply, now_ns: int) -> None:
        before = self.repeated
        for message in said.alerts:
            self._take_message(message, "replay", now_ns)
        self._replayed += len(said.alerts) - (self.repeated - before)
        self._replay_whole = self._replay_whole and said.complete
        self._progress.reach(said.upto)
        self._asked_ns.pop("replay", None)
        if said.more:
            return
        self._wants["replay"] = False
        self._tell(Healed(self._replayed, self._replay_whole, said.upto))
        if not self._replay_whole:
            self.connection_made()
        self._replayed, self._replay_whole = 0, True

    def _take_message(self, message: AlertMessage, how: How, now_ns: int) -> None:
        self._take_alert(
            Received(message.topic, message.header, message.payload, now_ns, how, self._same_host)
        )

    def _take_alert(self, item: Received) -> None:
        alert = item.payload
        assert isinstance(alert, Alert)
        if item.how != "snapshot" and item.header.alert_seq is not None:
            self._progress.came(item.header.boot_id, item.header.alert_seq)
        key = alert.boot_id, alert.event_id
        known = self._revisions.setdefault(key, SeenRevisions())
        self._revisions.move_to_end(key)
        newest = alert.revision > known.newest
        if not known.take(alert.revision):
            self.repeated += 1
            return
        if len(self._revisions) > REVISIONS_KEPT:
            self._revisions.popitem(last=False)
        if newest:
            if alert.state is AlarmState.NORMAL:
                self.active.pop(key, None)
            else:
                self.active[key] = item
        self._tell(item)

    def _notice_boot(self, header: Header) -> None:
        if header.boot_id == self.boot_id:
            return
        if self.boot_id is not None:
            self.watch.forget()
            self._tell(Restarted(header.boot_id, self.boot_id))
            self.connection_made()
        self.boot_id = header.boot_id

    def _heard_of(self, at: Position) -> None:
        """All alerts up to `at` have been told, to whoever listened."""
        if self._first_heard is None:
            self._first_heard = at
        if self._consumer is None or self.consumer_refusal is not None:
            self._begin_where_first_heard()

    def _begin_where_first_heard(self) -> None:
        """Nobody else says from where on alerts are ours to hear.

        A consumer may hear of its refusal long after the first word of the line; what was told
        between the two is ours as well.
        """
        if self._first_heard is not None:
            self._progress.begin(self._first_heard)

    def _notice_alert_seq(self, header: Header, *, is_alert: bool) -> None:
        if header.alert_seq is None:
            return
        # Not with an alert: one that is open is told again to whoever comes, under its old number.
        if not is_alert:
            self._heard_of(Position(boot_id=header.boot_id, alert_seq=header.alert_seq))
        if self._asks and self._progress.lacks(header.boot_id, header.alert_seq):
            self._wants["replay"] = True

    def _count_malformed(self, error: ValueError) -> None:
        self.malformed += 1
        self.malformed_reason = (
            one_line(error) if isinstance(error, ValidationError) else str(error)
        )
