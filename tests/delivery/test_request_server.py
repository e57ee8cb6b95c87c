from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from detector.client import Line
from detector.delivery.request_server import (
    MAX_FRAME_BYTES,
    REMEMBERED_NS,
    REQUESTS_AT_ONCE,
    PendingAnswer,
    RequestServer,
)
from detector.wire import samples
from detector.wire.endpoints import EndpointError
from detector.wire.messages import Hazard
from detector.wire.requests import (
    Acknowledge,
    AnswerRequest,
    Reply,
    ReportOutcome,
    Shelve,
    Snapshot,
)

OpenSocket = Callable[[int], zmq.Socket[bytes]]
ANY_PORT = "tcp://127.0.0.1:*"
GOOD = samples.ANSWERS[0].model_dump_json().encode()
BELT = (
    b'{"request":"belt","source":"wheel 1","run":"runs","encoder_counts":1,"t_mono_ns":%s,'
    b'"age_ms":%s}'
)


def send_answer(endpoint: str, answer: AnswerRequest, timeout_s: float = 2.0) -> Reply:
    with Line(None, endpoint) as line:
        return line.ask(answer, timeout_s)


@pytest.fixture
def desk() -> Iterator[RequestServer]:
    with RequestServer(ANY_PORT) as open_desk:
        yield open_desk


def wait_for_answers(desk: RequestServer, wanted: int = 1) -> list[PendingAnswer]:
    pending: list[PendingAnswer] = []
    deadline = time.monotonic() + 5
    while len(pending) < wanted and time.monotonic() < deadline:
        pending += [each for each in desk.poll() if isinstance(each, PendingAnswer)]
    return pending


def ask(desk: RequestServer, socket: zmq.Socket[bytes], frames: list[bytes]) -> Reply:
    """Send a request that the desk refuses, and return its reply."""
    socket.send_multipart(frames)
    deadline = time.monotonic() + 5
    while not socket.poll(1) and time.monotonic() < deadline:
        assert desk.poll() == []
    return Reply.model_validate_json(socket.recv_multipart()[-1])


@pytest.fixture
def dealer(desk: RequestServer, open_socket: OpenSocket) -> zmq.Socket[bytes]:
    socket = open_socket(zmq.DEALER)
    socket.connect(desk.endpoint)
    return socket


@pytest.mark.parametrize("answer", samples.ANSWERS, ids=lambda answer: answer.answer)
@pytest.mark.parametrize("reply", samples.REPLIES, ids=["ok", "refused"])
def test_an_answer_is_taken_and_replied_to(
    desk: RequestServer, answer: Acknowledge | ReportOutcome | Shelve, reply: Reply
) -> None:
    replies: list[Reply] = []
    operator = threading.Thread(
        target=lambda: replies.append(send_answer(desk.endpoint, answer, timeout_s=5))
    )
    operator.start()
    (pending,) = wait_for_answers(desk)
    assert pending.answer.model_copy(update={"request_id": None}) == answer
    desk.reply(pending, reply.ok, reply.reason)
    operator.join()
    assert [(each.ok, each.reason) for each in replies] == [(reply.ok, reply.reason)]
    assert desk.refused == 0


def test_nothing_to_answer_costs_next_to_nothing(desk: RequestServer) -> None:
    started = time.perf_counter()
    for _ in range(1000):
        assert desk.poll() == []
    assert time.perf_counter() - started < 2  # measured: 2.5 µs each


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is JSON"),
        (b"\xff\xfe", "is JSON"),
        (b"[" * 10_000, "is JSON"),
        (b"[1]", "a JSON object"),
        (b"{}", "unknown request 'None'; this version knows 'answer'"),
        (b'{"request": "dance"}', "unknown request 'dance'"),
        (b'{"request": ["answer"]}', "unknown request"),
        (b'{"request": "replay", "after": {"boot_id": "b", "alert_seq": -1}}', "after.alert_seq"),
        (b'{"request": "consume", "consumer": "two words"}', "consumer"),
        (b'{"request": "answer"}', "answer"),
        (b'{"request": "answer", "answer": "dance"}', "acknowledge"),
        (GOOD.replace(b"}", b',"password":"1234"}'), "password: Extra inputs are not permitted"),
        (b" " * 20_000 + GOOD, "16384 bytes at most"),
        # A time that can't be reckoned with would end the thread of the frames.
        (BELT % (b"null", b"Infinity"), "age_ms"),
        (BELT % (b"null", b"1e999"), "age_ms"),
        (BELT % (b"null", b"1e300"), "age_ms"),
        (BELT % (b"-1" + b"0" * 400, b"1"), "t_mono_ns"),
        (BELT % (b"1" + b"0" * 400, b"1"), "t_mono_ns"),
    ],
)
def test_what_can_not_be_read_is_answered_with_the_reason_and_counted(
    desk: RequestServer, dealer: zmq.Socket[bytes], body: bytes, reason: str
) -> None:
    reply = ask(desk, dealer, [body])
    assert not reply.ok
    assert reply.reason is not None
    assert reason in reply.reason
    assert "\n" not in reply.reason
    assert desk.refused == 1


@pytest.mark.parametrize(
    ("body", "request_id"),
    [
        (b'{"request": "dance", "request_id": "d-1"}', "d-1"),
        (b'{"request": "answer", "answer": "dance", "request_id": "d-2"}', "d-2"),
        (b'{"request": "snapshot", "request_id": 3}', None),
        (b'{"request": "snapshot", "request_id": "\\ud800"}', None),
        (b'{"request": "dance"}', None),
        (b"[1]", None),
    ],
)
def test_who_asks_several_things_is_told_which_of_them_can_not_be_read(
    desk: RequestServer, dealer: zmq.Socket[bytes], body: bytes, request_id: str | None
) -> None:
    assert ask(desk, dealer, [body]).request_id == request_id


def test_a_program_hears_why_the_detector_does_not_know_its_request(desk: RequestServer) -> None:
    class Dance(Snapshot):
        request: Any = "dance"

    with Line(None, desk.endpoint) as line, ThreadPoolExecutor() as pool:
        reply = pool.submit(line.ask, Dance(), 5.0)
        while not reply.done():
            assert desk.poll() == []
        assert "unknown request 'dance'" in str(reply.result().reason)


def said_again(desk: RequestServer, dealer: zmq.Socket[bytes], answer: AnswerRequest) -> bool:
    """Send an answer; whether it was taken for one that came before."""
    repeated = desk.repeated
    dealer.send(answer.model_dump_json().encode())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and desk.repeated == repeated:
        for pending in desk.poll():
            assert isinstance(pending, PendingAnswer)
            desk.reply(pending, True)
            return False
    return True


def test_another_answer_under_the_same_number_is_carried_out(
    desk: RequestServer, dealer: zmq.Socket[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two programs, or one that begins to count anew at its start, number their answers alike."""
    first = Acknowledge(request_id="1", operator="a", boot_id="b", event_id="a000001")
    second = Acknowledge(request_id="1", operator="a", boot_id="b", event_id="a000002")
    assert not said_again(desk, dealer, first)
    assert not said_again(desk, dealer, second)
    assert said_again(desk, dealer, first)
    later_ns = time.monotonic_ns() + REMEMBERED_NS
    monkeypatch.setattr(time, "monotonic_ns", lambda: later_ns)
    assert not said_again(desk, dealer, first)


def test_an_answer_that_comes_again_before_it_was_dealt_with_is_carried_out_once(
    desk: RequestServer, dealer: zmq.Socket[bytes]
) -> None:
    """A blind line takes its answers up every 1.5 s, and who gets no reply asks after one."""
    answer = samples.ANSWERS[0].model_copy(update={"request_id": "x"}).model_dump_json().encode()
    for _ in range(3):
        dealer.send(answer)
    (pending,) = wait_for_answers(desk)
    deadline = time.monotonic() + 5
    while desk.repeated < 2 and time.monotonic() < deadline:
        assert desk.poll() == []
    desk.reply(pending, True)
    assert Reply.model_validate_json(dealer.recv()).ok
    assert not dealer.poll(0)


def test_a_request_of_many_frames_is_refused(
    desk: RequestServer, dealer: zmq.Socket[bytes]
) -> None:
    assert ask(desk, dealer, [GOOD, GOOD]).reason == "a request must be one frame, not 2"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.one_of(
        st.lists(st.binary(max_size=80), min_size=1, max_size=4),
        st.dictionaries(
            st.sampled_from(["request", "answer", "operator", "event_id", "minutes", "hazard"]),
            st.one_of(st.none(), st.integers(), st.text(max_size=8), st.just("answer")),
        ).map(lambda said: [json.dumps(said).encode()]),
    )
)
def test_no_bytes_ever_stop_the_desk(
    desk: RequestServer, dealer: zmq.Socket[bytes], frames: list[bytes]
) -> None:
    refused = desk.refused
    assert not ask(desk, dealer, frames).ok
    assert desk.refused == refused + 1


def test_a_sender_of_megabytes_is_hung_up_on_and_the_others_are_served(
    desk: RequestServer, open_socket: OpenSocket
) -> None:
    hog = open_socket(zmq.DEALER)
    events = hog.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    hog.connect(desk.endpoint)
    hog.send(b"x" * (MAX_FRAME_BYTES + 1))
    hung_up = events.poll(5000)
    hog.disable_monitor()
    events.close()
    assert hung_up

    other = open_socket(zmq.REQ)
    other.connect(desk.endpoint)
    other.send(GOOD)
    (pending,) = wait_for_answers(desk)
    desk.reply(pending, True)
    assert Reply.model_validate_json(other.recv()).ok
    assert desk.refused == 0


def test_a_flood_is_taken_a_little_at_a_time(
    desk: RequestServer, dealer: zmq.Socket[bytes]
) -> None:
    for _ in range(3 * REQUESTS_AT_ONCE):
        dealer.send(GOOD)
    taken: list[PendingAnswer] = []
    deadline = time.monotonic() + 5
    while len(taken) < 3 * REQUESTS_AT_ONCE and time.monotonic() < deadline:
        some = [each for each in desk.poll() if isinstance(each, PendingAnswer)]
        assert len(some) <= REQUESTS_AT_ONCE
        taken += some
    assert len(taken) == 3 * REQUESTS_AT_ONCE


def test_a_reply_to_somebody_who_has_gone_is_dropped(
    desk: RequestServer, open_socket: OpenSocket
) -> None:
    socket = open_socket(zmq.DEALER)
    socket.connect(desk.endpoint)
    socket.send(GOOD)
    (pending,) = wait_for_answers(desk)
    socket.close(linger=0)
    desk.reply(pending, True)
    assert desk.poll() == []


def test_that_vision_is_unavailable_can_not_be_shelved(
    desk: RequestServer, dealer: zmq.Socket[bytes]
) -> None:
    with pytest.raises(ValidationError, match="can't be shelved"):
        Shelve(operator="a", hazard=Hazard.VISION_UNAVAILABLE, minutes=5)
    sneaked = samples.ANSWERS[2].model_dump() | {"hazard": "vision_unavailable"}
    reply = ask(desk, dealer, [json.dumps(sneaked).encode()])
    assert reply.reason is not None
    assert "vision_unavailable can't be shelved" in reply.reason


@pytest.mark.parametrize("minutes", [0, -1, 61, 10**9])
def test_nothing_is_shelved_for_longer_than_an_hour_or_no_time(minutes: int) -> None:
    with pytest.raises(ValidationError):
        Shelve(operator="a", hazard=Hazard.BATTERY, minutes=minutes)


@pytest.mark.parametrize("operator", ["", "two\nlines", "x" * 129])
def test_an_operator_has_a_name_that_fits_a_log(operator: str) -> None:
    with pytest.raises(ValidationError):
        Acknowledge(operator=operator, boot_id="b", event_id="e")


def test_an_operator_who_is_not_heard_is_told_so(open_socket: OpenSocket) -> None:
    silent = open_socket(zmq.ROUTER)
    port = silent.bind_to_random_port("tcp://127.0.0.1")
    with pytest.raises(TimeoutError, match=r"no reply .* within 0\.05 s: is the detector running"):
        send_answer(f"tcp://127.0.0.1:{port}", samples.ANSWERS[0], timeout_s=0.05)


def test_a_wrong_endpoint_is_refused(desk: RequestServer) -> None:
    with pytest.raises(EndpointError, match="CURVE"):
        send_answer("tcp://10.0.0.1:5557", samples.ANSWERS[0])
    with pytest.raises(EndpointError, match="CURVE"):
        RequestServer("tcp://10.0.0.1:5557")
    second = RequestServer(desk.endpoint)
    with pytest.raises(EndpointError, match="is in use"), second:
        pass
