"""The outbox: numbers, journals, publishes and delivers alerts, and serves requests."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Sequence

from detector.delivery.alert_log import AlertLog, HeldAlert
from detector.delivery.consumers import Consumers, ConsumersFullError
from detector.delivery.journal import Journal
from detector.delivery.journal_records import (
    alert_record,
    consumer_record,
    read_former,
    start_record,
)
from detector.delivery.publisher import NumberedMessage, Publisher
from detector.delivery.request_server import PendingAnswer, PendingRequest, RequestServer
from detector.wire.messages import AlarmState, Alert, DeliveryState, LineState
from detector.wire.requests import (
    REPLAYED_AT_ONCE,
    BeltFromPlc,
    Consume,
    ConsumeReply,
    Position,
    Replay,
    Reply,
)

logger = logging.getLogger(__name__)

OWED_S = 60.0
"""Delivery deadline of an alert, or the passing of its object at the last action point if that is
later [our proposal]; afterwards it is outdated."""
CONFIRMED_NS = 1_000_000_000
"""Least time between two journal records of a consumer's position; alerts after a lost one are
delivered twice."""


class Outbox:
    """Sends one line's alerts and serves requests about them.

    Used in the frame thread; blocks at most for the journal's `COMMIT_WAIT_S`. Publisher, request
    server and journal must have been entered.
    """

    def __init__(self, publisher: Publisher, server: RequestServer, journal: Journal) -> None:
        self._publisher, self._server, self._journal = publisher, server, journal
        self._log = AlertLog()
        self._consumers = Consumers(self._log)
        self._confirmed_ns: dict[str, int] = {}
        self._expired = self._consumers_refused = 0
        self.belt_reports: deque[tuple[BeltFromPlc, int]] = deque(maxlen=64)
        """Belt reports from PLCs with their time of receipt; the reader removes them."""
        self.state: LineState | None = None
        """The line's last state, for snapshots; set by its publisher."""
        self.carried_over = self._read_journal()
        """Last revision of each alert that was open at the end of an earlier start."""

    def send(self, alerts: Sequence[Alert]) -> None:
        """Journal the alerts of one frame in one write, then publish and deliver them."""
        if not alerts:
            return
        numbered = [
            self._publisher.number(
                alert,
                t_capture_utc_ns=alert.t_capture_utc_ns,
                t_capture_mono_ns=alert.t_capture_mono_ns,
            )
            for alert in alerts
        ]
        now_ns = time.monotonic_ns()
        held = [
            self._held(message, alert, now_ns)
            for message, alert in zip(numbered, alerts, strict=True)
        ]
        self._journal.commit([alert_record(each) for each in held])
        for message, each in zip(numbered, held, strict=True):
            self._publisher.send(message)
            self._log.add(each)
        self._deliver(time.monotonic_ns())

    def send_open_again(self, alerts: Sequence[Alert]) -> None:
        """Publish open revisions again for new subscribers; revisions are idempotent."""
        for alert in alerts:
            known = self._log.open.get((alert.boot_id, alert.event_id))
            message = self._publisher.number(
                alert,
                t_capture_utc_ns=alert.t_capture_utc_ns,
                t_capture_mono_ns=alert.t_capture_mono_ns,
                alert_seq=None if known is None else known.alert_seq,
            )
            self._publisher.send(message)

    def poll(self) -> list[PendingAnswer]:
        """Serve pending requests; returns operators' answers, each of which needs a `reply`."""
        now_ns = time.monotonic_ns()
        answers = []
        for pending in self._server.poll():
            if isinstance(pending, PendingAnswer):
                answers.append(pending)
            else:
                self._serve(pending, now_ns)
        self._give_up_expired(now_ns)
        self._deliver(now_ns)
        return answers

    def reply(self, pending: PendingAnswer, ok: bool, reason: str | None = None) -> None:
        """Report to an operator whether the answer was carried out."""
        self._server.reply(pending, ok, reason)

    def delivery_state(self) -> DeliveryState:
        return DeliveryState(
            line=self._publisher.line,
            consumers=self._consumers.states(time.monotonic_ns()),
            expired=self._expired,
            refused=self._server.refused,
            throttled=self._server.throttled,
            repeated=self._server.repeated,
            consumers_refused=self._consumers_refused,
            keys_refused=self._server.keys_refused,
        )

    @property
    def journal(self) -> Journal:
        return self._journal

    # --- serving -----------------------------------------------------------------------------

    def _serve(self, pending: PendingRequest, now_ns: int) -> None:
        request = pending.request
        head = f'"request_id":{json.dumps(request.request_id)},"ok":true,"reason":null'
        if isinstance(request, Consume):
            self._serve_consumer(request, pending.sender, now_ns)
        elif isinstance(request, Replay):
            self._serve_replay(request, pending.sender, head)
        elif isinstance(request, BeltFromPlc):
            self.belt_reports.append((request, now_ns))
            reply = Reply(reply="belt", request_id=request.request_id, ok=True)
            self._server.send(pending.sender, reply)
        else:
            at = Position(boot_id=self._publisher.boot_id, alert_seq=self._publisher.alert_seq)
            state = "null" if self.state is None else self.state.model_dump_json()
            body = (
                f'{{"reply":"snapshot",{head},"at":{at.model_dump_json()},"state":{state},"alerts":'
            )
            alerts = b",".join(each.message for each in self._log.open.values())
            self._server.send(pending.sender, body.encode() + b"[" + alerts + b"]}")

    def _serve_replay(self, request: Replay, sender: tuple[bytes, ...], head: str) -> None:
        after = request.after
        boot_id, seq = (None, 0) if after is None else (after.boot_id, after.alert_seq)
        found, complete, more = self._log.after(boot_id, seq, REPLAYED_AT_ONCE)
        if found and more:
            upto = Position(boot_id=found[-1].boot_id, alert_seq=found[-1].alert_seq)
        else:
            upto = Position(boot_id=self._publisher.boot_id, alert_seq=self._publisher.alert_seq)
        body = (
            f'{{"reply":"replay",{head},"complete":{json.dumps(complete)},'
            f'"more":{json.dumps(more)},"upto":{upto.model_dump_json()},"alerts":'
        )
        alerts = b",".join(each.message for each in found)
        self._server.send(sender, body.encode() + b"[" + alerts + b"]}")

    def _serve_consumer(self, request: Consume, sender: tuple[bytes, ...], now_ns: int) -> None:
        after = request.after
        try:
            consumer, moved = self._consumers.register(
                request.consumer,
                None if after is None else (after.boot_id, after.alert_seq),
                sender,
                now_ns,
            )
        except ConsumersFullError as error:
            self._consumers_refused += 1
            refusal = Reply(
                reply="consume", request_id=request.request_id, ok=False, reason=str(error)
            )
            self._server.send(sender, refusal)
            return
        if moved and now_ns - self._confirmed_ns.get(consumer.name, 0) >= CONFIRMED_NS:
            self._confirmed_ns[consumer.name] = now_ns
            record = consumer_record(consumer.name, consumer.boot_id, consumer.alert_seq)
            self._journal.commit([record], wait_s=0)
        self._server.send(
            sender,
            ConsumeReply(
                request_id=request.request_id,
                ok=True,
                after=Position(boot_id=consumer.boot_id, alert_seq=consumer.alert_seq),
                expired=consumer.expired,
            ),
        )

    def _deliver(self, now_ns: int) -> None:
        for consumer, alert, attempt in self._consumers.due(now_ns):
            head = f'{{"reply":"delivery","consumer":"{consumer.name}","attempt":{attempt},'
            body = head.encode() + b'"message":' + alert.message + b"}"
            self._server.send(consumer.sender, body)

    def _give_up_expired(self, now_ns: int) -> None:
        given_up = self._consumers.expire(now_ns)
        if not given_up:
            return
        self._expired += sum(given_up.values())
        for name, alerts in given_up.items():
            logger.warning("%s did not confirm %d alerts in time", name, alerts)
        self.publish_delivery_state()

    def publish_delivery_state(self) -> None:
        self._publisher.publish(
            self.delivery_state(),
            t_capture_utc_ns=time.time_ns(),
            t_capture_mono_ns=time.monotonic_ns(),
        )

    # --- the journal ---------------------------------------------------------------------------

    def _read_journal(self) -> list[Alert]:
        expires_mono_ns = time.monotonic_ns() + round(OWED_S * 1e9)
        former = read_former(self._journal.found, expires_mono_ns)
        self._journal.found.clear()
        boot_id = self._publisher.boot_id
        for each in (*former.boots, boot_id):
            self._log.begin_boot(each)
        for name, at in former.consumers.items():
            self._consumers.remember(name, *at)
        for held, _ in former.alerts:
            self._log.add(held)
        self._journal.remember(former.records())
        self._journal.commit([start_record(boot_id)])
        last = {held.key: alert for held, alert in former.alerts}
        return [last[key] for key in self._log.open]

    def _held(self, message: NumberedMessage, alert: Alert, now_ns: int) -> HeldAlert:
        header = self._publisher.header(message).encode()
        topic = json.dumps(message.topic).encode()
        last_ms = max((each.eta_ms for each in alert.arrivals), default=0.0)
        return HeldAlert(
            boot_id=self._publisher.boot_id,
            alert_seq=message.alert_seq,
            key=(alert.boot_id, alert.event_id),
            message=b'{"topic":%s,"header":%s,"payload":%s}' % (topic, header, message.body),
            is_open=alert.state is not AlarmState.NORMAL,
            expires_mono_ns=now_ns + round(max(OWED_S, last_ms / 1e3) * 1e9),
        )
