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
def server() -> Iterator[RequestServer]:
    with RequestServer(ANY_PORT) as open_server:
        yield open_server


def wait_for_answers(server: RequestServer, wanted: int = 1) -> list[PendingAnswer]:
    pending: list[PendingAnswer] = []
    deadline = time.monotonic() + 5
    while len(pending) < wanted and time.monotonic() < deadline:
        pending += [each for each in server.poll() if isinstance(each, PendingAnswer)]
    return pending


def ask(server: RequestServer, socket: zmq.Socket[bytes], frames: list[bytes]) -> Reply:
    """Send a request that the server refuses, and return its reply."""
    socket.send_multipart(frames)
    deadline = time.monotonic() + 5
    while not socket.poll(1) and time.monotonic() < deadline:
        assert server.poll() == []
    return Reply.model_validate_json(socket.recv_multipart()[-1])


@pytest.fixture
def dealer(server: RequestServer, open_socket: OpenSocket) -> zmq.Socket[bytes]:
    socket = open_socket(zmq.DEALER)
    socket.connect(server.endpoint)
    return socket


@pytest.mark.parametrize("answer", samples.ANSWERS, ids=lambda answer: answer.answer)
@pytest.mark.parametrize("reply", samples.REPLIES, ids=["ok", "refused"])
def test_an_answer_is_received_and_gets_its_reply(
    server: RequestServer, answer: Acknowledge | ReportOutcome | Shelve, reply: Reply
) -> None:
    replies: list[Reply] = []
    operator = threading.Thread(
        target=lambda: replies.append(send_answer(server.endpoint, answer, timeout_s=5))
    )
    operator.start()
    (pending,) = wait_for_answers(server)
    assert pending.answer.model_copy(update={"request_id": None}) == answer
    server.reply(pending, reply.ok, reply.reason)
    operator.join()
    assert [(each.ok, each.reason) for each in replies] == [(reply.ok, reply.reason)]
    assert server.refused == 0


def test_an_idle_poll_is_cheap(server: RequestServer) -> None:
    started = time.perf_counter()
    for _ in range(1000):
        assert server.poll() == []
    assert time.perf_counter() - started < 2  # measured: 2.5 µs each


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "must be JSON"),
        (b"\xff\xfe", "must be JSON"),
        (b"[" * 10_000, "must be JSON"),
        (b"[1]", "a JSON object"),
        (b"{}", "unknown request 'None'; this version knows 'answer'"),
        (b'{"request": "dance"}', "unknown request 'dance'"),
        (b'{"request": ["answer"]}', "unknown request"),
        (b'{"request": "replay", "after": {"boot_id": "b", "alert_seq": -1}}', "after.alert_seq"),
        (b'{"request": "consume", "consumer": "two words"}', "consumer"),
        (b'{"request": "answer"}', "answer"),
        (b'{"request": "answer", "answer": "dance"}', "acknowledge"),
        (GOOD.replace(b"}", b',"password":"1234"}'), "password: Extra inputs are not permitted"),
        (b" " * 20_000 + GOOD, "at most 16384 bytes"),
        # Times out of range would raise in the frame thread.
        (BELT % (b"null", b"Infinity"), "age_ms"),
        (BELT % (b"null", b"1e999"), "age_ms"),
        (BELT % (b"null", b"1e300"), "age_ms"),
        (BELT % (b"-1" + b"0" * 400, b"1"), "t_mono_ns"),
        (BELT % (b"1" + b"0" * 400, b"1"), "t_mono_ns"),
    ],
)
def test_an_unreadable_request_gets_the_reason_and_is_counted(
    server: RequestServer, dealer: zmq.Socket[bytes], body: bytes, reason: str
) -> None:
    reply = ask(server, dealer, [body])
    assert not reply.ok
    assert reply.reason is not None
    assert reason in reply.reason
    assert "\n" not in reply.reason
    assert server.refused == 1


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
def test_the_refusal_of_an_unreadable_request_has_its_request_id(
    server: RequestServer, dealer: zmq.Socket[bytes], body: bytes, request_id: str | None
) -> None:
    assert ask(server, dealer, [body]).request_id == request_id


def test_a_client_gets_the_reason_for_an_unknown_request(server: RequestServer) -> None:
    class Dance(Snapshot):
        request: Any = "dance"

    with Line(None, server.endpoint) as line, ThreadPoolExecutor() as pool:
        reply = pool.submit(line.ask, Dance(), 5.0)
        while not reply.done():
            assert server.poll() == []
        assert "unknown request 'dance'" in str(reply.result().reason)


def is_repeated(server: RequestServer, dealer: zmq.Socket[bytes], answer: AnswerRequest) -> bool:
    """Send an answer; returns whether it was recognised as a repeated one."""
    repeated = server.repeated
    dealer.send(answer.model_dump_json().encode())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and server.repeated == repeated:
        for pending in server.poll():
            assert isinstance(pending, PendingAnswer)
            server.reply(pending, True)
            return False
    return True


def test_a_different_answer_with_the_same_request_id_is_carried_out(
    server: RequestServer, dealer: zmq.Socket[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two programs, or one whose ids restart with each start, can use the same request_id."""
    first = Acknowledge(request_id="1", operator="a", boot_id="b", event_id="a000001")
    second = Acknowledge(request_id="1", operator="a", boot_id="b", event_id="a000002")
    assert not is_repeated(server, dealer, first)
    assert not is_repeated(server, dealer, second)
    assert is_repeated(server, dealer, first)
    later_ns = time.monotonic_ns() + REMEMBERED_NS
    monkeypatch.setattr(time, "monotonic_ns", lambda: later_ns)
    assert not is_repeated(server, dealer, first)


def test_an_answer_repeated_before_its_reply_is_carried_out_once(
    server: RequestServer, dealer: zmq.Socket[bytes]
) -> None:
    """A blind line handles answers every 1.5 s; a client repeats its answer after 1 s."""
    answer = samples.ANSWERS[0].model_copy(update={"request_id": "x"}).model_dump_json().encode()
    for _ in range(3):
        dealer.send(answer)
    (pending,) = wait_for_answers(server)
    deadline = time.monotonic() + 5
    while server.repeated < 2 and time.monotonic() < deadline:
        assert server.poll() == []
    server.reply(pending, True)
    assert Reply.model_validate_json(dealer.recv()).ok
    assert not dealer.poll(0)


def test_a_request_of_many_frames_is_refused(
    server: RequestServer, dealer: zmq.Socket[bytes]
) -> None:
    assert ask(server, dealer, [GOOD, GOOD]).reason == "a request must be one frame, not 2"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.one_of(
        st.lists(st.binary(max_size=80), min_size=1, max_size=4),
        st.dictionaries(
            st.sampled_from(["request", "answer", "operator", "event_id", "minutes", "hazard"]),
            st.one_of(st.none(), st.integers(), st.text(max_size=8), st.just("answer")),
        ).map(lambda document: [json.dumps(document).encode()]),
    )
)
def test_no_bytes_stop_the_server(
    server: RequestServer, dealer: zmq.Socket[bytes], frames: list[bytes]
) -> None:
    refused = server.refused
    assert not ask(server, dealer, frames).ok
    assert server.refused == refused + 1


def test_a_sender_of_megabytes_is_disconnected_and_others_are_served(
    server: RequestServer, open_socket: OpenSocket
) -> None:
    hog = open_socket(zmq.DEALER)
    events = hog.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    hog.connect(server.endpoint)
    hog.send(b"x" * (MAX_FRAME_BYTES + 1))
    hung_up = events.poll(5000)
    hog.disable_monitor()
    events.close()
    assert hung_up

    other = open_socket(zmq.REQ)
    other.connect(server.endpoint)
    other.send(GOOD)
    (pending,) = wait_for_answers(server)
    server.reply(pending, True)
    assert Reply.model_validate_json(other.recv()).ok
    assert server.refused == 0


def test_a_flood_is_handled_in_small_batches(
    server: RequestServer, dealer: zmq.Socket[bytes]
) -> None:
    for _ in range(3 * REQUESTS_AT_ONCE):
        dealer.send(GOOD)
    taken: list[PendingAnswer] = []
    deadline = time.monotonic() + 5
    while len(taken) < 3 * REQUESTS_AT_ONCE and time.monotonic() < deadline:
        some = [each for each in server.poll() if isinstance(each, PendingAnswer)]
        assert len(some) <= REQUESTS_AT_ONCE
        taken += some
    assert len(taken) == 3 * REQUESTS_AT_ONCE


def test_a_reply_to_a_client_that_has_gone_is_dropped(
    server: RequestServer, open_socket: OpenSocket
) -> None:
    socket = open_socket(zmq.DEALER)
    socket.connect(server.endpoint)
    socket.send(GOOD)
    (pending,) = wait_for_answers(server)
    socket.close(linger=0)
    server.reply(pending, True)
    assert server.poll() == []


def test_vision_unavailable_can_not_be_shelved(
    server: RequestServer, dealer: zmq.Socket[bytes]
) -> None:
    with pytest.raises(ValidationError, match="can't be shelved"):
        Shelve(operator="a", hazard=Hazard.VISION_UNAVAILABLE, minutes=5)
    sneaked = samples.ANSWERS[2].model_dump() | {"hazard": "vision_unavailable"}
    reply = ask(server, dealer, [json.dumps(sneaked).encode()])
    assert reply.reason is not None
    assert "vision_unavailable can't be shelved" in reply.reason


@pytest.mark.parametrize("minutes", [0, -1, 61, 10**9])
def test_the_shelving_time_is_limited(minutes: int) -> None:
    with pytest.raises(ValidationError):
        Shelve(operator="a", hazard=Hazard.BATTERY, minutes=minutes)


@pytest.mark.parametrize("operator", ["", "two\nlines", "x" * 129])
def test_the_operators_name_must_fit_a_log_line(operator: str) -> None:
    with pytest.raises(ValidationError):
        Acknowledge(operator=operator, boot_id="b", event_id="e")


def test_a_missing_reply_raises_a_timeout(open_socket: OpenSocket) -> None:
    silent = open_socket(zmq.ROUTER)
    port = silent.bind_to_random_port("tcp://127.0.0.1")
    with pytest.raises(TimeoutError, match=r"no reply .* within 0\.05 s: is the detector running"):
        send_answer(f"tcp://127.0.0.1:{port}", samples.ANSWERS[0], timeout_s=0.05)


def test_a_wrong_endpoint_is_refused(server: RequestServer) -> None:
    with pytest.raises(EndpointError, match="CURVE"):
        send_answer("tcp://10.0.0.1:5557", samples.ANSWERS[0])
    with pytest.raises(EndpointError, match="CURVE"):
        RequestServer("tcp://10.0.0.1:5557")
    second = RequestServer(server.endpoint)
    with pytest.raises(EndpointError, match="is in use"), second:
        pass
