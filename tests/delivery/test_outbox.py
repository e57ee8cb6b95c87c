"""The way of an alert out of the detector, to a real client over real sockets."""

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

ANY_PORT = "tcp://127.0.0.1:*"
PATIENCE_S = 60.0
"""An upper bound for a machine with other things to do; nobody waits for it."""


class Detector:
    """What of a detector sends alerts."""

    def __init__(self, publisher: Publisher, desk: RequestServer, journal: Journal) -> None:
        self.said: list[str] = []
        self.publisher, self.desk = publisher, desk
        self.post = Outbox(publisher, desk, journal, tell=self.said.append)

    @property
    def endpoints(self) -> tuple[str, str]:
        return self.publisher.endpoint, self.desk.endpoint

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
        self.post.send([alert])
        return alert

    def alert_that_is_lost(self, event_id: str) -> None:
        """Nobody who listens hears of it; who asks for it gets it."""
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
        RequestServer(endpoints[1]) as desk,
    ):
        yield Detector(publisher, desk, journal)


class Ears:
    """A client's events so far."""

    def __init__(self, line: client.Line) -> None:
        self.line = line
        self.events: list[client.Event] = []

    def until(self, detector: Detector, wanted: Callable[[], object]) -> None:
        ends_s = time.monotonic() + PATIENCE_S
        while not wanted():
            assert time.monotonic() < ends_s, f"not in {PATIENCE_S:g} s: {self.events[-8:]}"
            detector.post.poll()
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


def test_who_comes_late_is_told_what_is_open_and_nothing_else() -> None:
    with detector(None, "b1") as ours:
        ours.alert("a1")
        ours.alert("a2")
        ours.alert("a2", 2, ends=True)
        with client.Line(*ours.endpoints) as line:
            ears = Ears(line)
            ears.until(ours, ears.ids)
            assert ears.ids() == ["b1/a1/1"]
            assert ears.how("a1") == "snapshot"
            assert [each.payload for each in line.active]


def test_an_old_alert_that_is_told_again_to_who_comes_late_fetches_nothing_of_what_came_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A running line does so at once, before the late comer has its snapshot."""
    with detector(None, "b1") as ours:
        gas = ours.alert("gas")
        for number in range(60):
            ours.alert(f"a{number}", ends=True)
        polls = ours.post.poll
        monkeypatch.setattr(ours.post, "poll", list)  # not served yet
        with client.Line(*ours.endpoints) as line:
            ears = Ears(line)
            assert ours.publisher.wait_for_subscriber("alert", PATIENCE_S)
            ours.post.send_open_again([gas])
            ears.until(ours, ears.ids)
            monkeypatch.setattr(ours.post, "poll", polls)
            ears.until(ours, lambda: ours.beat() or line.position)
            assert not line.lacks_alerts
            assert ears.ids() == ["b1/gas/1"]


def test_alerts_that_were_lost_on_the_way_are_noticed_and_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with detector(None, "b1") as ours, client.Line(*ours.endpoints) as line:
        ears = Ears(line)
        ours.alert("a1")
        ears.until(ours, ears.ids)
        ears.until(ours, lambda: ours.beat() or line.boot_id)  # listens: what is lost is a gap
        with monkeypatch.context() as lossy:
            lossy.setattr(ours.publisher, "send", lambda _: None)
            ours.alert("a2")
            ours.alert("a2", 2, ends=True)
        ours.beat()  # tells the number of the last alert
        while not ears.any(client.Gap):
            event = line.receive(PATIENCE_S)
            assert event is not None
            ears.events.append(event)
        assert line.lacks_alerts  # nobody has answered yet
        ears.until(ours, lambda: ears.any(client.Healed))
        assert not line.lacks_alerts
        assert ears.ids() == ["b1/a1/1", "b1/a2/1", "b1/a2/2"]
        assert ears.how("a2") == "replay"


def test_a_consumer_gets_each_alert_though_nothing_is_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with detector(None, "b1") as ours, client.Line(*ours.endpoints, consumer="plc") as line:
        ears = Ears(line)
        ears.until(ours, lambda: line.position)
        monkeypatch.setattr(ours.publisher, "send", lambda _: None)
        for number in range(100):  # more than are under way at once
            ours.alert(f"a{number}")
        ears.until(ours, lambda: len(ears.ids()) == 100)
        assert ears.how("a0") == "delivery"
        ears.until(ours, lambda: ours.post.delivery_state().consumers[0].waiting == 0)
    assert ears.ids() == [f"b1/a{number}/1" for number in range(100)]


def test_what_a_dead_consumer_had_not_dealt_with_is_delivered_to_the_next_of_its_name() -> None:
    with detector(None, "b1") as ours:
        with client.Line(*ours.endpoints, consumer="plc") as line:
            ears = Ears(line)
            ears.until(ours, lambda: line.position)
            ours.alert("a1")
            ears.until(ours, ears.ids)
        ours.alert("a2")
        with client.Line(*ours.endpoints, consumer="plc") as line:
            again = Ears(line)
            again.until(ours, lambda: len(again.ids()) >= 2)
            assert set(again.ids()) >= {"b1/a2/1"}
            again.until(ours, lambda: ours.post.delivery_state().consumers[0].waiting == 0)


def test_a_restart_loses_nothing_and_a_consumer_goes_on_where_it_was(tmp_path: Path) -> None:
    with detector(tmp_path, "b1") as ours:
        endpoints = ours.endpoints
        line = client.Line(*endpoints, consumer="plc")
        with line:
            ears = Ears(line)
            ears.until(ours, lambda: line.position)
            ours.alert("a1")
            ears.until(ours, ears.ids)
            position = line.position
        ours.alert("a2")
        ours.alert("a3")
        ours.alert("a3", 2, ends=True)
    with detector(tmp_path, "b2", endpoints) as again:
        carried = [(each.boot_id, each.event_id) for each in again.post.carried_over]
        assert carried == [("b1", "a1"), ("b1", "a2")]
        with client.Line(*endpoints, consumer="plc", after=position) as line:
            ears = Ears(line)
            again.alert("a1")
            ears.until(again, lambda: "b2/a1/1" in ears.ids() and len(ears.ids()) >= 5)
            assert set(ears.ids()) >= {"b1/a2/1", "b1/a3/1", "b1/a3/2", "b2/a1/1"}
            assert len(ears.ids()) == len(set(ears.ids()))


def test_a_client_that_lives_through_a_restart_says_so_and_misses_nothing(tmp_path: Path) -> None:
    with detector(tmp_path, "b1") as ours:
        endpoints = ours.endpoints
        line = client.Line(*endpoints)
        line.__enter__()
        ears = Ears(line)
        ours.alert("a1")
        ears.until(ours, lambda: ours.beat() or (ears.ids() and line.boot_id))
        ours.alert("a2")
    try:
        with detector(tmp_path, "b2", endpoints) as again:
            again.alert("a1")
            ears.until(
                again, lambda: again.beat() or (ears.any(client.Restarted) and len(ears.ids()) == 3)
            )
            assert sorted(ears.ids()) == ["b1/a1/1", "b1/a2/1", "b2/a1/1"]
    finally:
        line.__exit__(None, None, None)


def test_what_nobody_confirms_expires_and_that_is_counted_and_published(
    monkeypatch: pytest.MonkeyPatch, open_socket: Callable[[int], zmq.Socket[bytes]]
) -> None:
    monkeypatch.setattr(outbox_module, "OWED_S", 0.05)
    with detector(None, "b1") as ours:
        deaf = open_socket(zmq.DEALER)
        deaf.connect(ours.desk.endpoint)
        deaf.send(json.dumps({"request": "consume", "consumer": "deaf"}).encode())
        ears_line = client.Line(ours.publisher.endpoint)
        with ears_line as line:
            ears = Ears(line)
            ears.until(ours, lambda: ours.post.delivery_state().consumers)
            assert ours.publisher.wait_for_subscriber("consumers", PATIENCE_S)
            ours.post.send([samples.ALERT.model_copy(update={"boot_id": "b1", "arrivals": ()})])
            ears.until(
                ours,
                lambda: any(
                    isinstance(each, client.Received)
                    and each.topic == "consumers/l"
                    and each.payload.model_dump()["expired"] == 1
                    for each in ears.events
                ),
            )
        assert ours.post.delivery_state().consumers[0].expired == 1
        assert ours.said == ["line l: deaf did not confirm 1 alerts in time"]


def test_one_consumer_too_many_is_turned_away_and_counted(
    open_socket: Callable[[int], zmq.Socket[bytes]],
) -> None:
    with detector(None, "b1") as ours:
        asking = open_socket(zmq.DEALER)
        asking.connect(ours.desk.endpoint)
        replies: list[dict[str, object]] = []
        for number in range(CONSUMERS_MAX + 1):
            asking.send(json.dumps({"request": "consume", "consumer": f"c{number}"}).encode())
        ends_s = time.monotonic() + PATIENCE_S
        while len(replies) <= CONSUMERS_MAX and time.monotonic() < ends_s:
            ours.post.poll()
            while asking.poll(1):
                replies.append(json.loads(asking.recv()))
        assert [each["ok"] for each in replies] == [True] * CONSUMERS_MAX + [False]
        assert "16 consumers already" in str(replies[-1]["reason"])
        assert ours.post.delivery_state().turned_away == 1


def test_a_consumer_that_is_turned_away_is_told_so_and_misses_nothing_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "CONSUMERS_MAX", 0)
    with detector(None, "b1") as ours:
        ours.alert("a0")
        with client.Line(*ours.endpoints, consumer="mes") as line:
            ears = Ears(line)
            # By its snapshot, which is asked for beside the refusal and may come after it.
            ears.until(ours, ears.ids)
            ears.until(ours, lambda: ours.beat() or (line.consumer_refusal and line.boot_id))
            assert "consumers already" in str(line.consumer_refusal)
            ours.alert_that_is_lost("a1")
            ears.until(ours, lambda: ours.beat() or ears.how("a1"))
            assert ears.how("a1") == "replay"


def test_what_is_lost_before_a_consumer_hears_that_it_is_turned_away_is_fetched_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "CONSUMERS_MAX", 0)
    with detector(None, "b1") as ours:
        ours.alert("a0")
        with client.Line(*ours.endpoints, consumer="mes") as line:
            ears = Ears(line)
            with monkeypatch.context() as slow:
                slow.setattr(ours.post, "_serve_consumer", lambda *_: None)  # answers nothing yet
                ears.until(ours, lambda: ours.beat() or (ears.ids() and line.boot_id))
                ours.alert_that_is_lost("a1")
            ears.until(ours, lambda: line.consumer_refusal)
            ears.until(ours, lambda: ours.beat() or ears.how("a1"))
            assert ears.how("a1") == "replay"


def test_an_answer_that_comes_twice_is_carried_out_once(
    open_socket: Callable[[int], zmq.Socket[bytes]],
) -> None:
    with detector(None, "b1") as ours:
        person = open_socket(zmq.DEALER)
        person.connect(ours.desk.endpoint)
        answer = samples.ANSWERS[0].model_copy(update={"request_id": "x-1"})
        carried_out = []
        for _ in range(2):
            person.send(answer.model_dump_json().encode())
            ends_s = time.monotonic() + PATIENCE_S
            while not person.poll(1) and time.monotonic() < ends_s:
                for pending in ours.post.poll():
                    carried_out.append(pending)
                    ours.post.reply(pending, ok=True)
            assert json.loads(person.recv())["request_id"] == "x-1"
        assert len(carried_out) == 1
        assert ours.desk.repeated == 1


def test_a_sender_that_asks_too_much_is_dropped_and_counted(
    open_socket: Callable[[int], zmq.Socket[bytes]],
) -> None:
    with detector(None, "b1") as ours:
        greedy = open_socket(zmq.DEALER)
        greedy.connect(ours.desk.endpoint)
        ends_s = time.monotonic() + PATIENCE_S
        while ours.desk.throttled < 20 and time.monotonic() < ends_s:
            greedy.send(b'{"request": "snapshot"}')
            ours.post.poll()
        assert ours.desk.throttled >= 20


def test_in_asyncio_the_same_comes(tmp_path: Path) -> None:
    async def listen(ours: Detector) -> list[str]:
        async with client.AsyncLine(*ours.endpoints, consumer="async") as line:
            came: list[str] = []
            ends_s = time.monotonic() + PATIENCE_S
            while len(came) < 2 and time.monotonic() < ends_s:
                ours.post.poll()
                event = await line.receive(0.01)
                if line.position and ours.publisher.alert_seq == 0:
                    ours.alert("a1")
                    ours.alert("a2")
                if isinstance(event, client.Received) and isinstance(event.payload, Alert):
                    came.append(event.payload.event_id)
            return came

    with detector(tmp_path, "b1") as ours:
        assert asyncio.run(listen(ours)) == ["a1", "a2"]
