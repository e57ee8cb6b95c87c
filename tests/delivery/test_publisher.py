from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.client import Gap, Received
from detector.delivery import clocks as clocks_module
from detector.delivery.clocks import ClockSync, HostClocks
from detector.delivery.publisher import Publisher
from detector.wire import samples
from detector.wire.endpoints import EndpointError
from detector.wire.messages import Hazard, Header, Heartbeat
from tests.fake_line import Clock
from tests.listening import MessagesOnly as Subscriber

OpenSocket = Callable[[int], zmq.Socket[bytes]]
Stamps = dict[str, Any]
MS = 1_000_000
ANY_PORT = "tcp://127.0.0.1:*"


def listening(
    open_socket: OpenSocket, publisher: Publisher, topic: str = "", queue_messages: int = 1000
) -> zmq.Socket[bytes]:
    """A plain SUB socket whose subscription has arrived."""
    joined = publisher.joined
    socket = open_socket(zmq.SUB)
    socket.rcvhwm = queue_messages
    socket.subscribe(topic)
    socket.connect(publisher.endpoint)
    while publisher.joined == joined:
        assert publisher.wait_for_subscriber(topic.partition("/")[0], 5)
    return socket


def test_a_message_has_topic_header_and_payload(
    publisher: Publisher, open_socket: OpenSocket, now: Stamps
) -> None:
    socket = listening(open_socket, publisher)
    publisher.publish(samples.ALERT, **now)
    topic, head, body = socket.recv_multipart()
    assert topic == b"alert/tapis-1/gas"
    header = Header.model_validate_json(head)
    assert (header.schema_, header.boot_id) == ("alert/1", samples.BOOT_ID)
    assert (header.seq, header.gseq) == (1, 1)
    assert 0 <= header.age_ms < 5000
    assert body == samples.ALERT.model_dump_json().encode()


@pytest.mark.parametrize(
    ("kind", "topic"),
    [
        ("state", b"state/tapis-1"),
        ("heartbeat", b"heartbeat/tapis-1"),
        ("detections", b"detections/tapis-1"),
        ("metrics", b"metrics/tapis-1"),
    ],
)
def test_the_topic_of_a_line_message_is_kind_and_line(
    publisher: Publisher, open_socket: OpenSocket, now: Stamps, kind: str, topic: bytes
) -> None:
    socket = listening(open_socket, publisher)
    publisher.publish(samples.PAYLOADS[kind][0], **now)
    frames = socket.recv_multipart()
    assert frames[0] == topic
    assert Header.model_validate_json(frames[1]).schema_ == f"{kind}/1"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from(Hazard), st.sampled_from(["state", "heartbeat", "metrics"])),
        min_size=1,
        max_size=40,
    )
)
def test_sequence_numbers_have_no_gaps_over_mixed_topics(mix: list[Hazard | str]) -> None:
    with (
        Publisher(ANY_PORT, line="l", boot_id='a "boot" \\ é') as publisher,
        Subscriber(publisher.endpoint) as subscriber,
    ):
        assert publisher.wait_for_subscriber("alert", 5)
        for number, kind in enumerate(mix, start=1):
            payload = (
                samples.ALERT.model_copy(update={"hazard": kind, "revision": number})
                if isinstance(kind, Hazard)
                else samples.PAYLOADS[kind][0]
            )
            publisher.publish(payload, t_capture_utc_ns=1, t_capture_mono_ns=2)
        received = [subscriber.receive(5) for _ in mix]
    headers: dict[str, list[int]] = {}
    for item in received:
        assert isinstance(item, Received)
        assert item.header.boot_id == 'a "boot" \\ é'
        headers.setdefault(item.topic, []).append(item.header.seq)
    assert [r.header.gseq for r in received if isinstance(r, Received)] == [*range(1, len(mix) + 1)]
    assert all(seqs == [*range(1, len(seqs) + 1)] for seqs in headers.values())


def test_an_invalid_payload_does_not_use_a_number(
    publisher: Publisher, open_socket: OpenSocket, now: Stamps
) -> None:
    socket = listening(open_socket, publisher)
    with pytest.raises(TypeError, match="not a payload of the wire"):
        publisher.publish(samples.HEADER, **now)
    publisher.publish(samples.STATE, **now)
    assert Header.model_validate_json(socket.recv_multipart()[1]).gseq == 1


def beat(publisher: Publisher, t_ns: int, inferences: int = 1) -> bool:
    return publisher.beat(
        inferences=inferences, frame_index=inferences, t_capture_utc_ns=0, t_capture_mono_ns=t_ns
    )


def test_heartbeats_start_with_the_first_inference_and_are_at_most_five_a_second(
    publisher: Publisher,
) -> None:
    frames_ns = [10**9 + index * 1_000_000_000 // 30 for index in range(90)]  # 3 s at 30 fps
    beaten_ns = [t_ns for t_ns in frames_ns if beat(publisher, t_ns)]
    assert beaten_ns[0] == frames_ns[0]
    assert all(200 * MS <= b - a < 240 * MS for a, b in itertools.pairwise(beaten_ns))


@settings(deadline=None)
@given(st.lists(st.integers(0, 400), max_size=50))
def test_heartbeats_are_at_least_200_ms_of_capture_time_apart(steps_ms: list[int]) -> None:
    with Publisher(ANY_PORT, line="l", boot_id="b") as publisher:
        stamps = list(itertools.accumulate(steps_ms))
        beaten = [ms for ms in stamps if beat(publisher, ms * MS)]
    assert beaten[:1] == stamps[:1]
    assert all(b - a >= 200 for a, b in itertools.pairwise(beaten))


def test_inferences_200_ms_apart_all_give_a_heartbeat(publisher: Publisher) -> None:
    assert all(beat(publisher, ms * MS) for ms in range(0, 2000, 200))


def test_a_repeated_frame_gives_no_further_heartbeat(publisher: Publisher) -> None:
    assert [beat(publisher, 5 * MS, n) for n in range(4)] == [True, False, False, False]


def test_a_recording_that_starts_over_gives_a_heartbeat_at_once(publisher: Publisher) -> None:
    assert [beat(publisher, ms * MS) for ms in (0, 10_000, 33, 66)] == [True, True, True, False]


def test_a_heartbeat_has_the_number_of_inferences(
    publisher: Publisher, open_socket: OpenSocket
) -> None:
    socket = listening(open_socket, publisher, "heartbeat/")
    beat(publisher, 0, inferences=41)
    heartbeat = Heartbeat.model_validate_json(socket.recv_multipart()[2])
    assert heartbeat == Heartbeat(line=samples.LINE, inferences=41, frame_index=41)


def test_the_kernel_reports_clock_synchronisation() -> None:
    assert HostClocks().sync() in ("unknown", "synchronised", "unsynchronised")


def test_the_kernels_answer_is_cached(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def kernel_clock_sync() -> ClockSync:
        nonlocal asked
        asked += 1
        return "synchronised"

    monkeypatch.setattr(clocks_module, "kernel_clock_sync", kernel_clock_sync)
    clocks = HostClocks()
    for _ in range(1000):
        assert clocks.sync() == "synchronised"
    assert asked == 1
    clock.advance(HostClocks.SYNC_KEPT_NS / 1e6)
    clocks.sync()
    assert asked == 2


def test_a_stalled_subscriber_does_not_delay_the_publisher_and_gets_a_gap(
    publisher: Publisher, open_socket: OpenSocket, now: Stamps
) -> None:
    reader = listening(open_socket, publisher)
    joined = publisher.joined
    with Subscriber(publisher.endpoint, queue_messages=1) as stalled:
        while publisher.joined == joined:
            assert publisher.wait_for_subscriber("alert", 5)
        # More than the queues and the kernel's buffers hold together (some MB).
        big = samples.ALERT.model_copy(update={"detail": "x" * 20_000})
        sent = 2500
        slowest_s = 0.0
        for number in range(1, sent + 1):
            started = time.perf_counter()
            publisher.publish(big.model_copy(update={"revision": number}), **now)
            slowest_s = max(slowest_s, time.perf_counter() - started)
            # The reading subscriber gets all of them meanwhile.
            assert Header.model_validate_json(reader.recv_multipart()[1]).seq == number
        assert slowest_s < 2  # a preempted core; a full queue would block for ever

        # The gap is detected with the first message for which there is room again.
        seqs: list[int] = []
        while not isinstance(item := stalled.receive(0.05), Gap):
            if isinstance(item, Received):
                seqs.append(item.header.seq)
            else:
                sent += 1
                publisher.publish(samples.ALERT.model_copy(update={"revision": sent}), **now)
        assert seqs == [*range(1, len(seqs) + 1)]  # the oldest are kept, the newest dropped
        assert isinstance(stalled.receive(5), Gap)  # and the topic by name
        after = stalled.receive(5)
        assert isinstance(after, Received)
        missed = after.header.seq - 1 - len(seqs)
        assert item == Gap(None, missed, samples.BOOT_ID)
        assert stalled.missed == missed > 0


def test_closing_is_quick_with_a_stalled_subscriber(open_socket: OpenSocket, now: Stamps) -> None:
    with Publisher(ANY_PORT, line="l", boot_id="b") as publisher:
        listening(open_socket, publisher, queue_messages=1)
        big = samples.ALERT.model_copy(update={"detail": "x" * 100_000})
        for _ in range(300):
            publisher.publish(big, **now)
        started = time.perf_counter()
    assert time.perf_counter() - started < 5


def test_messages_sent_just_before_closing_arrive(open_socket: OpenSocket, now: Stamps) -> None:
    big = samples.ALERT.model_copy(update={"detail": "x" * 20_000})
    with Publisher(ANY_PORT, line="l", boot_id="b") as publisher:
        socket = listening(open_socket, publisher)
        for _ in range(50):
            publisher.publish(big, **now)
    seqs = [Header.model_validate_json(socket.recv_multipart()[1]).seq for _ in range(50)]
    assert seqs == [*range(1, 51)]


def test_wanted_reports_subscriptions_by_kind(
    publisher: Publisher, open_socket: OpenSocket
) -> None:
    assert not publisher.is_subscribed("detections")
    socket = listening(open_socket, publisher, "alert/")
    assert publisher.is_subscribed("alert")
    assert not publisher.is_subscribed("detections")
    socket.subscribe("detections/tapis-1")
    assert publisher.wait_for_subscriber("detections", 5)
    assert not publisher.wait_for_subscriber("metrics", 0.01)


def test_every_new_subscriber_is_counted(publisher: Publisher, open_socket: OpenSocket) -> None:
    for number in (1, 2):
        listening(open_socket, publisher)
        assert publisher.joined == number


def test_garbage_from_a_subscriber_is_ignored(
    publisher: Publisher, open_socket: OpenSocket, now: Stamps
) -> None:
    socket = open_socket(zmq.XSUB)
    socket.connect(publisher.endpoint)
    for garbage in (b"", b"\2hello", b"\0never subscribed", b"\1alert/"):
        socket.send(garbage)
    assert publisher.wait_for_subscriber("alert", 5)
    publisher.publish(samples.ALERT, **now)
    assert socket.recv_multipart()[0] == b"alert/tapis-1/gas"


@pytest.mark.parametrize("line", ["", "a/b", "tapis 1", ".hidden", "x" * 65, "a\n"])
def test_a_line_name_that_can_not_be_part_of_a_topic_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="the name is part of the topics"):
        Publisher(ANY_PORT, line=line, boot_id="b")


def test_a_second_publisher_on_the_same_port_is_refused(publisher: Publisher) -> None:
    second = Publisher(publisher.endpoint, line="l", boot_id="b")
    with pytest.raises(EndpointError, match="is in use"), second:
        pass


def test_a_public_address_is_refused_before_a_socket_is_opened() -> None:
    with pytest.raises(EndpointError, match="CURVE"):
        Publisher("tcp://0.0.0.0:5556", line="l", boot_id="b")


def test_use_from_another_thread_is_refused(publisher: Publisher) -> None:
    errors: list[str] = []

    def trespass() -> None:
        try:
            beat(publisher, 0)
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=trespass)
    thread.start()
    thread.join()
    assert errors == ["use a Publisher only in the thread that entered it"]


def test_use_outside_the_context_is_refused(now: Stamps) -> None:
    with pytest.raises(RuntimeError, match="inside `with"):
        Publisher(ANY_PORT, line="l", boot_id="b").publish(samples.STATE, **now)
