from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest
import zmq

from detector.client import EvidenceFeed, ReceivedEvidence, ReceivedLive, load_keys
from detector.delivery.evidence import ALERTS_MAX, FRAMES_MAX, EvidenceSender
from detector.wire.endpoints import EndpointError
from detector.wire.keys import Guard, new_key_pair, write_key_pair
from detector.wire.messages import Message
from detector.wire.samples import BOOT_ID, EVIDENCE, LINE, LIVE
from tests.delivery.conftest import ANY_PORT
from tests.small_line import wait_for

CROP, FRAME = b"\xff\xd8 crop", b"\xff\xd8 frame"


class FakeSight:
    """Images that are ready, or ready once `hold` is set."""

    def __init__(
        self, number: int = 1, *, alerts: int = 1, hold: threading.Event | None = None
    ) -> None:
        self.t_capture_utc_ns, self.t_capture_mono_ns = number, time.monotonic_ns()
        self.alerts, self.number, self._hold = alerts, number, hold
        self.begun, self.released = threading.Event(), threading.Event()

    def messages(self) -> Iterator[tuple[Message, Sequence[bytes]]]:
        self.begun.set()
        if self._hold is not None:
            assert self._hold.wait(60)
        for each in range(self.alerts):
            name = f"{self.number}-{each}"
            yield EVIDENCE.model_copy(update={"evidence_id": name}), (CROP, FRAME)
        if not self.alerts:
            yield LIVE, (FRAME,)

    def release(self) -> None:
        self.released.set()


class UnreadableSight(FakeSight):
    def messages(self) -> Iterator[tuple[Message, Sequence[bytes]]]:
        raise ValueError("can't be encoded")


@pytest.fixture
def sender() -> Iterator[EvidenceSender]:
    with EvidenceSender(ANY_PORT, line=LINE, boot_id=BOOT_ID, guard=None) as open_sender:
        yield open_sender


@pytest.fixture
def feed(sender: EvidenceSender) -> Iterator[EvidenceFeed]:
    with EvidenceFeed(sender.endpoint) as open_feed:
        wait_for(lambda: open_feed.receive(0.001) or sender.wanted)
        yield open_feed


def received(feed: EvidenceFeed) -> ReceivedEvidence:
    item = feed.receive(60)
    assert isinstance(item, ReceivedEvidence)
    return item


def test_the_images_of_an_alert_reach_a_subscriber(
    sender: EvidenceSender, feed: EvidenceFeed
) -> None:
    sight = FakeSight()
    sender.offer(sight)
    item = received(feed)
    assert item.topic == f"evidence/{LINE}"
    assert item.evidence.evidence_id == "1-0"
    assert (item.crop, item.frame) == (CROP, FRAME)
    assert (item.header.boot_id, item.header.seq, item.header.alert_seq) == (BOOT_ID, 1, None)
    assert sight.released.wait(60)
    assert (sender.sent, sender.dropped) == (1, 0)


def test_the_images_of_newer_alerts_displace_the_oldest_and_these_are_counted(
    sender: EvidenceSender, feed: EvidenceFeed
) -> None:
    hold = threading.Event()
    slow = FakeSight(0, hold=hold)
    sender.offer(slow)
    assert slow.begun.wait(60)
    waiting = [FakeSight(number, alerts=2) for number in range(1, FRAMES_MAX + 3)]
    for sight in waiting:
        sender.offer(sight)
    assert sender.dropped == 4
    assert [sight.released.is_set() for sight in waiting] == [True] * 2 + [False] * FRAMES_MAX
    hold.set()
    shown = {received(feed).evidence.evidence_id.partition("-")[0] for _ in range(13)}
    assert shown == {"0", *(str(sight.number) for sight in waiting[2:])}


def test_no_more_alerts_wait_than_the_queue_takes(
    sender: EvidenceSender, feed: EvidenceFeed
) -> None:
    del feed
    hold = threading.Event()
    slow = FakeSight(0, hold=hold)
    sender.offer(slow)
    assert slow.begun.wait(60)
    for number in (1, 2):
        sender.offer(FakeSight(number, alerts=ALERTS_MAX - 1))
    assert sender.dropped == ALERTS_MAX - 1
    hold.set()


def test_what_waits_is_sent_before_the_sender_ends() -> None:
    hold = threading.Event()
    with ExitStack() as stack:
        sender = EvidenceSender(ANY_PORT, line=LINE, boot_id=BOOT_ID, guard=None)
        with sender:
            feed = stack.enter_context(EvidenceFeed(sender.endpoint))
            wait_for(lambda: feed.receive(0.001) or sender.wanted)
            sender.offer(FakeSight(1, hold=hold))
            sender.offer(FakeSight(2))
            hold.set()
        assert {received(feed).evidence.evidence_id for _ in range(2)} == {"1-0", "2-0"}


def test_an_image_that_cannot_be_encoded_is_logged_and_counted_and_the_next_one_is_sent(
    sender: EvidenceSender, feed: EvidenceFeed, caplog: pytest.LogCaptureFixture
) -> None:
    sender.offer(UnreadableSight())
    wait_for(lambda: sender.dropped)
    sender.offer(FakeSight(2))
    assert received(feed).evidence.evidence_id == "2-0"
    assert "images could not be sent" in caplog.text


def test_the_running_belt_is_wanted_only_while_it_is_subscribed_to(
    sender: EvidenceSender, feed: EvidenceFeed
) -> None:
    assert not sender.live_is_due(0)
    feed.watch_live(True)
    wait_for(lambda: feed.receive(0.001) or sender.live_wanted)
    assert sender.live_is_due(0)
    sender.offer_live(FakeSight(alerts=0))
    item = feed.receive(60)
    assert isinstance(item, ReceivedLive)
    assert (item.live, item.image) == (LIVE, FRAME)
    feed.watch_live(False)
    wait_for(lambda: feed.receive(0.001) or not sender.live_wanted)
    assert not sender.live_is_due(time.monotonic_ns() + 10**12)
    assert sender.sent == sender.dropped == 0


def test_the_running_belt_is_shown_four_times_a_second_at_most(
    sender: EvidenceSender, feed: EvidenceFeed
) -> None:
    feed.watch_live(True)
    wait_for(lambda: feed.receive(0.001) or sender.live_wanted)
    sight = FakeSight(alerts=0)
    sender.offer_live(sight)
    then_ns = sight.t_capture_mono_ns
    assert not sender.live_is_due(then_ns + 249_000_000)
    assert sender.live_is_due(then_ns + 250_000_000)


def test_a_subscriber_that_does_not_read_holds_up_nothing(sender: EvidenceSender) -> None:
    with zmq.Context() as context, context.socket(zmq.SUB) as stalled:
        stalled.subscribe("evidence/")
        stalled.connect(sender.endpoint)
        wait_for(lambda: sender.wanted)
        for number in range(200):
            sender.offer(FakeSight(number, alerts=8))
        wait_for(lambda: sender.sent + sender.dropped == 1600)
        stalled.close(linger=0)


def test_an_endpoint_in_use_is_refused_where_the_sender_is_entered(
    sender: EvidenceSender,
) -> None:
    other = EvidenceSender(sender.endpoint, line=LINE, boot_id=BOOT_ID, guard=None)
    with pytest.raises(EndpointError, match="in use"):
        other.__enter__()


def test_with_keys_only_allowed_ones_receive_images(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("keys")
    own, station, stranger = (new_key_pair(name) for name in ("line", "station", "stranger"))
    files = {pair.name: write_key_pair(pair, folder)[0] for pair in (station, stranger)}
    guard = Guard(own, [station.public])
    with (
        EvidenceSender(ANY_PORT, line=LINE, boot_id=BOOT_ID, guard=guard) as sender,
        EvidenceFeed(sender.endpoint, keys=load_keys(files["station"], own.public)) as feed,
        EvidenceFeed(sender.endpoint, keys=load_keys(files["stranger"], own.public)) as refused,
    ):
        wait_for(lambda: feed.receive(0.001) or sender.wanted)
        wait_for(lambda: refused.receive(0.001) or refused.refusal)
        sender.offer(FakeSight())
        assert received(feed).crop == CROP
        assert refused.receive(0) is None
        assert not refused.connected
