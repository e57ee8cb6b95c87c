"""The outbox and request server with a real client over real sockets."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from detector import client
from detector.delivery import consumers
from detector.delivery import outbox as outbox_module
from detector.delivery.consumers import CONSUMERS_MAX
from detector.delivery.journal import Journal
from detector.delivery.outbox import Outbox
from detector.delivery.publisher import Publisher
from detector.delivery.request_server import RequestServer
from detector.wire import samples
from detector.wire.messages import AlarmState, Alert, Revision
from detector.wire.requests import Position

ANY_PORT = "tcp://127.0.0.1:*"
PATIENCE_S = 60.0
"""An upper bound for a busy machine; not reached in a passing test."""


class Detector:
    """The parts of a detector that send alerts and serve requests."""

    def __init__(self, publisher: Publisher, server: RequestServer, journal: Journal) -> None:
        self.publisher, self.server = publisher, server
        self.outbox = Outbox(publisher, server, journal)

    @property
    def endpoints(self) -> tuple[str, str]:
        return self.publisher.endpoint, self.server.endpoint

    def alert(self, event_id: str, revision: int = 1, *, ends: bool = False) -> Alert:
        alert = samples.ALERT.model_copy(
            update={
                "boot_id": self.publisher.boot_id,
                "event_id": event_id,
                "revision": revision,
                "kind": Revision.CLEARED if ends else Revision.RAISED,
                "state": AlarmState.NORMAL if ends else AlarmState.UNACKNOWLEDGED,
            }
        )
        self.outbox.send([alert])
        return alert

    def alert_that_is_lost(self, event_id: str) -> None:
        """Raise an alert that is not published; it is available on request."""
        with pytest.MonkeyPatch.context() as lossy:
            lossy.setattr(self.publisher, "send", lambda _: None)
            self.alert(event_id)

    def beat(self) -> None:
        self.publisher.publish(
            samples.HEARTBEAT,
            t_capture_utc_ns=time.time_ns(),
            t_capture_mono_ns=time.monotonic_ns(),
        )


@contextmanager
def detector(
    folder: Path | None, boot_id: str, endpoints: tuple[str, str] = (ANY_PORT, ANY_PORT)
) -> Iterator[Detector]:
    with (
        Journal(folder) as journal,
        Publisher(endpoints[0], line="l", boot_id=boot_id) as publisher,
        RequestServer(endpoints[1]) as server,
    ):
        yield Detector(publisher, server, journal)


class Receiver:
    """A client's events so far."""

    def __init__(self, line: client.Line) -> None:
        self.line = line
        self.events: list[client.Event] = []

    def until(self, detector: Detector, wanted: Callable[[], object]) -> None:
        ends_s = time.monotonic() + PATIENCE_S
        while not wanted():
            assert time.monotonic() < ends_s, f"not in {PATIENCE_S:g} s: {self.events[-8:]}"
            detector.outbox.poll()
            event = self.line.receive(0.01)
            if event is not None:
                self.events.append(event)

    def ids(self) -> list[str]:
        return [
            f"{alert.boot_id}/{alert.event_id}/{alert.revision}"
            for event in self.events
            if isinstance(event, client.Received) and isinstance(alert := event.payload, Alert)
        ]

    def how(self, event_id: str) -> str | None:
        for event in self.events:
            alert = event.payload if isinstance(event, client.Received) else None
            if isinstance(alert, Alert) and alert.event_id == event_id:
                return event.how
        return None

    def any(self, kind: type) -> bool:
        return any(isinstance(event, kind) for event in self.events)


def test_a_late_client_gets_the_open_alerts_only() -> None:
    with detector(None, "b1") as ours:
        ours.alert("a1")
        ours.alert("a2")
        ours.alert("a2", 2, ends=True)
        with client.Line(*ours.endpoints) as line:
            receiver = Receiver(line)
            receiver.until(ours, receiver.ids)
            assert receiver.ids() == ["b1/a1/1"]
            assert receiver.how("a1") == "snapshot"
            assert [each.payload for each in line.active]


def test_a_client_lacks_alerts_until_the_snapshot_has_come() -> None:
    with detector(None, "b1") as ours, client.Line(*ours.endpoints) as line:
        assert line.lacks_alerts
        Receiver(line).until(ours, lambda: ours.beat() or not line.lacks_alerts)
        assert line.boot_id == "b1"


def test_an_open_alert_published_again_for_a_late_client_triggers_no_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A running line publishes it at once, before the late client has its snapshot."""
    with detector(None, "b1") as ours:
        gas = ours.alert("gas")
        for number in range(60):
            ours.alert(f"a{number}", ends=True)
        polls = ours.outbox.poll
        monkeypatch.setattr(ours.outbox, "poll", list)  # not served yet
        with client.Line(*ours.endpoints) as line:
            receiver = Receiver(line)
            assert ours.publisher.wait_for_subscriber("alert", PATIENCE_S)
            ours.outbox.send_open_again([gas])
            receiver.until(ours, receiver.ids)
            monkeypatch.setattr(ours.outbox, "poll", polls)
            # A client lacks alerts until it has its snapshot; the position may come before it.
            receiver.until(ours, lambda: ours.beat() or (line.position and not line.lacks_alerts))
            assert receiver.ids() == ["b1/gas/1"]


def test_lost_alerts_are_detected_and_replayed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with detector(None, "b1") as ours, client.Line(*ours.endpoints) as line:
        receiver = Receiver(line)
        ours.alert("a1")
        receiver.until(ours, receiver.ids)
        receiver.until(
            ours, lambda: ours.beat() or line.boot_id
        )  # connected: lost messages are a gap now
        with monkeypatch.context() as lossy:
            lossy.setattr(ours.publisher, "send", lambda _: None)
            ours.alert("a2")
            ours.alert("a2", 2, ends=True)
        ours.beat()  # its header has the number of the last alert
        while not receiver.any(client.Gap):
            event = line.receive(PATIENCE_S)
            assert event is not None
            receiver.events.append(event)
        assert line.lacks_alerts  # the replay request has no reply yet
        receiver.until(ours, lambda: receiver.any(client.GapFilled))
        assert not line.lacks_alerts
        assert receiver.ids() == ["b1/a1/1", "b1/a2/1", "b1/a2/2"]
        assert receiver.how("a2") == "replay"


def test_a_consumer_gets_every_alert_even_if_none_is_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with detector(None, "b1") as ours, client.Line(*ours.endpoints, consumer="plc") as line:
        receiver = Receiver(line)
        receiver.until(ours, lambda: line.position)
        monkeypatch.setattr(ours.publisher, "send", lambda _: None)
        for number in range(100):  # more than are in flight at once
            ours.alert(f"a{number}")
        receiver.until(ours, lambda: len(receiver.ids()) == 100)
        assert receiver.how("a0") == "delivery"
        receiver.until(ours, lambda: ours.outbox.delivery_state().consumers[0].waiting == 0)
    assert receiver.ids() == [f"b1/a{number}/1" for number in range(100)]


def test_alerts_not_confirmed_by_a_dead_consumer_are_delivered_to_its_successor() -> None:
    with detector(None, "b1") as ours:
        with client.Line(*ours.endpoints, consumer="plc") as line:
            receiver = Receiver(line)
            receiver.until(ours, lambda: line.position)
            ours.alert("a1")
            receiver.until(ours, receiver.ids)
        ours.alert("a2")
        with client.Line(*ours.endpoints, consumer="plc") as line:
            again = Receiver(line)
            again.until(ours, lambda: len(again.ids()) >= 2)
            assert set(again.ids()) >= {"b1/a2/1"}
            again.until(ours, lambda: ours.outbox.delivery_state().consumers[0].waiting == 0)


def test_a_batch_is_confirmed_by_the_next_one_as_a_whole() -> None:
    with detector(None, "b1") as ours:
        ours.alert("a0")
        with client.Line(*ours.endpoints, consumer="c") as line:
            received = Receiver(line)
            received.until(ours, ours.outbox.delivery_state)
            received.until(ours, lambda: ours.outbox.delivery_state().consumers)
            for number in range(1, 6):
                ours.alert(f"a{number}")
            batch = list[client.Event]()
            ends_s = time.monotonic() + PATIENCE_S
            while len(batch) < 5 and time.monotonic() < ends_s:
                ours.outbox.poll()
                line._link.pump()
                if len(line._feed._events) >= 5:
                    batch = line.receive_batch(0.0)
            (state,) = ours.outbox.delivery_state().consumers
            assert state.waiting == 5
            assert not line.receive_batch(0.0)
            received.until(ours, lambda: not ours.outbox.delivery_state().consumers[0].waiting)
            assert line.position == Position(boot_id="b1", alert_seq=6)


def test_a_consumer_continues_at_its_position_after_a_restart_of_the_detector(
    tmp_path: Path,
) -> None:
    with detector(tmp_path, "b1") as ours:
        endpoints = ours.endpoints
        line = client.Line(*endpoints, consumer="plc")
        with line:
            receiver = Receiver(line)
            receiver.until(ours, lambda: line.position)
            ours.alert("a1")
            receiver.until(ours, receiver.ids)
            position = line.position
        ours.alert("a2")
        ours.alert("a3")
        ours.alert("a3", 2, ends=True)
    with detector(tmp_path, "b2", endpoints) as again:
        carried = [(each.boot_id, each.event_id) for each in again.outbox.carried_over]
        assert carried == [("b1", "a1"), ("b1", "a2")]
        with client.Line(*endpoints, consumer="plc", after=position) as line:
            receiver = Receiver(line)
            again.alert("a1")
            receiver.until(again, lambda: "b2/a1/1" in receiver.ids() and len(receiver.ids()) >= 5)
            assert set(receiver.ids()) >= {"b1/a2/1", "b1/a3/1", "b1/a3/2", "b2/a1/1"}
            assert len(receiver.ids()) == len(set(receiver.ids()))


def test_a_client_reports_a_restart_of_the_detector_and_misses_no_alert(tmp_path: Path) -> None:
    with detector(tmp_path, "b1") as ours:
        endpoints = ours.endpoints
        line = client.Line(*endpoints)
        line.__enter__()
        receiver = Receiver(line)
        ours.alert("a1")
        receiver.until(ours, lambda: ours.beat() or (receiver.ids() and line.boot_id))
        ours.alert("a2")
    try:
        with detector(tmp_path, "b2", endpoints) as again:
            again.alert("a1")
            receiver.until(
                again,
                lambda: (
                    again.beat()
                    or (receiver.any(client.DetectorRestarted) and len(receiver.ids()) == 3)
                ),
            )
            assert sorted(receiver.ids()) == ["b1/a1/1", "b1/a2/1", "b2/a1/1"]
    finally:
        line.__exit__(None, None, None)


def test_an_unconfirmed_alert_expires_and_is_counted_and_published(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    open_socket: Callable[[int], zmq.Socket[bytes]],
) -> None:
    monkeypatch.setattr(outbox_module, "OWED_S", 0.05)
    with detector(None, "b1") as ours:
        deaf = open_socket(zmq.DEALER)
        deaf.connect(ours.server.endpoint)
        deaf.send(json.dumps({"request": "consume", "consumer": "deaf"}).encode())
        client_line = client.Line(ours.publisher.endpoint)
        with client_line as line:
            receiver = Receiver(line)
            receiver.until(ours, lambda: ours.outbox.delivery_state().consumers)
            assert ours.publisher.wait_for_subscriber("consumers", PATIENCE_S)
            ours.outbox.send([samples.ALERT.model_copy(update={"boot_id": "b1", "arrivals": ()})])
            receiver.until(
                ours,
                lambda: any(
                    isinstance(each, client.Received)
                    and each.topic == "consumers/l"
                    and each.payload.model_dump()["expired"] == 1
                    for each in receiver.events
                ),
            )
        assert ours.outbox.delivery_state().consumers[0].expired == 1
        assert caplog.messages == ["deaf did not confirm 1 alerts in time"]


def test_a_consumer_beyond_the_limit_is_refused_and_counted(
    open_socket: Callable[[int], zmq.Socket[bytes]],
) -> None:
    with detector(None, "b1") as ours:
        asking = open_socket(zmq.DEALER)
        asking.connect(ours.server.endpoint)
        replies: list[dict[str, object]] = []
        for number in range(CONSUMERS_MAX + 1):
            asking.send(json.dumps({"request": "consume", "consumer": f"c{number}"}).encode())
        ends_s = time.monotonic() + PATIENCE_S
        while len(replies) <= CONSUMERS_MAX and time.monotonic() < ends_s:
            ours.outbox.poll()
            while asking.poll(1):
                replies.append(json.loads(asking.recv()))
        assert [each["ok"] for each in replies] == [True] * CONSUMERS_MAX + [False]
        assert "16 consumers already" in str(replies[-1]["reason"])
        assert ours.outbox.delivery_state().consumers_refused == 1


def test_a_refused_consumer_gets_the_reason_and_still_misses_no_alert(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "CONSUMERS_MAX", 0)
    with detector(None, "b1") as ours:
        ours.alert("a0")
        with client.Line(*ours.endpoints, consumer="mes") as line:
            receiver = Receiver(line)
            # From its snapshot, which may arrive after the refusal.
            receiver.until(ours, receiver.ids)
            receiver.until(ours, lambda: ours.beat() or (line.consumer_refusal and line.boot_id))
            assert "consumers already" in str(line.consumer_refusal)
            ours.alert_that_is_lost("a1")
            receiver.until(ours, lambda: ours.beat() or receiver.how("a1"))
            assert receiver.how("a1") == "replay"


def test_alerts_lost_before_the_refusal_of_a_consumer_are_replayed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "CONSUMERS_MAX", 0)
    with detector(None, "b1") as ours:
        ours.alert("a0")
        with client.Line(*ours.endpoints, consumer="mes") as line:
            receiver = Receiver(line)
            with monkeypatch.context() as slow:
                slow.setattr(ours.outbox, "_serve_consumer", lambda *_: None)  # answers nothing yet
                receiver.until(ours, lambda: ours.beat() or (receiver.ids() and line.boot_id))
                ours.alert_that_is_lost("a1")
            receiver.until(ours, lambda: line.consumer_refusal)
            receiver.until(ours, lambda: ours.beat() or receiver.how("a1"))
            assert receiver.how("a1") == "replay"


def test_a_repeated_answer_is_carried_out_once(
    open_socket: Callable[[int], zmq.Socket[bytes]],
) -> None:
    with detector(None, "b1") as ours:
        person = open_socket(zmq.DEALER)
        person.connect(ours.server.endpoint)
        answer = samples.ANSWERS[0].model_copy(update={"request_id": "x-1"})
        carried_out = []
        for _ in range(2):
            person.send(answer.model_dump_json().encode())
            ends_s = time.monotonic() + PATIENCE_S
            while not person.poll(1) and time.monotonic() < ends_s:
                for pending in ours.outbox.poll():
                    carried_out.append(pending)
                    ours.outbox.reply(pending, ok=True)
            assert json.loads(person.recv())["request_id"] == "x-1"
        assert len(carried_out) == 1
        assert ours.server.repeated == 1


def test_requests_beyond_the_rate_limit_are_dropped_and_counted(
    open_socket: Callable[[int], zmq.Socket[bytes]],
) -> None:
    with detector(None, "b1") as ours:
        greedy = open_socket(zmq.DEALER)
        greedy.connect(ours.server.endpoint)
        ends_s = time.monotonic() + PATIENCE_S
        while ours.server.throttled < 20 and time.monotonic() < ends_s:
            greedy.send(b'{"request": "snapshot"}')
            ours.outbox.poll()
        assert ours.server.throttled >= 20


def test_an_asyncio_client_gets_the_same_alerts(tmp_path: Path) -> None:
    async def listen(ours: Detector) -> list[str]:
        async with client.AsyncLine(*ours.endpoints, consumer="async") as line:
            received: list[str] = []
            ends_s = time.monotonic() + PATIENCE_S
            while len(received) < 2 and time.monotonic() < ends_s:
                ours.outbox.poll()
                event = await line.receive(0.01)
                if line.position and ours.publisher.alert_seq == 0:
                    ours.alert("a1")
                    ours.alert("a2")
                if isinstance(event, client.Received) and isinstance(event.payload, Alert):
                    received.append(event.payload.event_id)
            return received

    with detector(tmp_path, "b1") as ours:
        assert asyncio.run(listen(ours)) == ["a1", "a2"]
