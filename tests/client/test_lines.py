from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.client import Gap, Received
from detector.client.decoding import decode
from detector.delivery.publisher import Publisher
from detector.wire import samples
from detector.wire.endpoints import EndpointError
from detector.wire.messages import (
    AlarmState,
    Alert,
    Arrival,
    Hazard,
    Header,
    Outcome,
    Place,
    Priority,
    Revision,
    SupportingDetection,
    Why,
)
from tests.listening import MessagesOnly as Subscriber

OpenSocket = Callable[[int], zmq.Socket[bytes]]
Stamps = dict[str, Any]

word = st.text(st.characters(codec="utf-8"), max_size=12)
number = st.floats(allow_nan=False, allow_infinity=False)
share = st.floats(0, 1)
count = st.integers(0, 2**31)
moment_ns = st.integers(-(2**63), 2**63 - 1)
places = st.builds(
    Place,
    box_px=st.tuples(number, number, number, number),
    frame_index=count,
    image_size_px=st.tuples(count, count),
    mm_basis=st.sampled_from(["none", "nominal", "unverified", "points"]),
    x_mm=st.none() | number,
    y_mm=st.none() | number,
    belt_position_mm=st.none() | number,
)
arrivals = st.builds(
    Arrival,
    action_point=word,
    distance_mm=number,
    eta_ms=number,
    act_by_ms=number,
    t_deadline_utc_ns=moment_ns,
    speed_mm_s=number,
    speed_basis=st.sampled_from(["none", "profile", "image"]),
)
whys = st.builds(
    Why,
    score=share,
    hits=count,
    passes=count,
    votes=st.dictionaries(word, count, max_size=3),
    length_mm=st.none() | number,
    width_mm=st.none() | number,
    plausible_length_mm=st.none() | st.tuples(number, number),
    size_plausible=st.none() | st.booleans(),
)
alerts = st.builds(
    Alert,
    line=word,
    boot_id=word,
    event_id=word,
    revision=st.integers(1, 2**31),
    kind=st.sampled_from(Revision),
    hazard=st.sampled_from(Hazard),
    class_name=st.none() | word,
    priority=st.sampled_from(Priority),
    state=st.sampled_from(AlarmState),
    probability=st.none() | share,
    t_capture_utc_ns=moment_ns,
    t_capture_mono_ns=moment_ns,
    frame_index=st.none() | count,
    t_raised_utc_ns=moment_ns,
    place=st.none() | places,
    arrivals=st.lists(arrivals, max_size=3).map(tuple),
    support=st.lists(
        st.builds(SupportingDetection, frame_index=count, t_capture_utc_ns=moment_ns, score=share),
        max_size=3,
    ).map(tuple),
    why=st.none() | whys,
    detail=st.none() | word,
    track=st.none() | count,
    model=st.just(samples.ALERT.model),
    outcome=st.none() | st.sampled_from(Outcome),
    evidence_id=st.none() | word,
)


@pytest.fixture
def subscriber(publisher: Publisher) -> Iterator[Subscriber]:
    with Subscriber(publisher.endpoint) as open_subscriber:
        assert publisher.wait_for_subscriber("alert", 5)
        yield open_subscriber


@pytest.fixture
def raw(open_socket: OpenSocket) -> zmq.Socket[bytes]:
    """A publisher that sends arbitrary frames."""
    socket = open_socket(zmq.XPUB)
    socket.bind("tcp://127.0.0.1:*")
    return socket


@pytest.fixture
def raw_subscriber(raw: zmq.Socket[bytes]) -> Iterator[Subscriber]:
    with Subscriber(raw.get(zmq.LAST_ENDPOINT).decode()) as open_subscriber:  # type: ignore[union-attr]
        assert raw.recv() == b"\1"
        yield open_subscriber


def head(seq: int, schema: str = "heartbeat/1", **more: object) -> bytes:
    header = samples.HEADER.model_dump(by_alias=True)
    return json.dumps(header | {"schema": schema, "seq": seq, "gseq": seq} | more).encode()


HEARTBEAT = samples.HEARTBEAT.model_dump_json().encode()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(alert=alerts, t_utc_ns=moment_ns)
def test_any_alert_arrives_as_it_was_sent(
    publisher: Publisher, subscriber: Subscriber, alert: Alert, t_utc_ns: int
) -> None:
    # A repeated revision would not be an event.
    alert = alert.model_copy(update={"event_id": f"e-{publisher.alert_seq}"})
    publisher.publish(alert, t_capture_utc_ns=t_utc_ns, t_capture_mono_ns=5)
    received = subscriber.receive(5)
    assert isinstance(received, Received)
    assert received.payload == alert
    assert received.topic == f"alert/tapis-1/{alert.hazard}"
    assert received.header.t_capture_utc_ns == t_utc_ns


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.one_of(
        st.lists(st.binary(max_size=60), min_size=1, max_size=5),
        st.tuples(
            st.sampled_from([b"alert/l/gas", b"heartbeat/l", b"", b"\xff"]),
            st.sampled_from([head(1), head(1, "alert/1"), head(1, "alert/2"), b"{}", b"null"]),
            st.sampled_from([b"{}", b"[]", b"\xff", b"[" * 5000, b'{"line": 3}', b"NaN"]),
        ).map(list),
    )
)
def test_no_bytes_stop_the_subscriber(
    raw: zmq.Socket[bytes], raw_subscriber: Subscriber, frames: list[bytes]
) -> None:
    before = raw_subscriber.malformed + raw_subscriber.unknown_topics
    raw.send_multipart(frames)
    raw.send_multipart([b"heartbeat/l", head(1), HEARTBEAT])
    received = raw_subscriber.receive(5)
    assert isinstance(received, Received)
    assert received.payload == samples.HEARTBEAT
    assert raw_subscriber.malformed + raw_subscriber.unknown_topics == before + 1


def test_fields_of_a_later_version_are_ignored(
    raw: zmq.Socket[bytes], raw_subscriber: Subscriber
) -> None:
    later = samples.ALERT.model_dump(mode="json")
    later["new"] = {"deep": [1]}
    later["place"]["z_mm"] = 80.0
    later["support"][0]["blur"] = 0.1
    later["model"]["licence"] = "AGPL-3.0"
    raw.send_multipart(
        [b"alert/l/gas", head(1, "alert/1", signature="…"), json.dumps(later).encode()]
    )
    received = raw_subscriber.receive(5)
    assert isinstance(received, Received)
    assert received.payload == samples.ALERT
    assert raw_subscriber.malformed == 0


def test_our_own_messages_can_not_have_unknown_fields() -> None:
    later = samples.ALERT.model_dump() | {"new": 1}
    with pytest.raises(ValueError, match="Extra inputs"):
        Alert.model_validate(later)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="finite number"):
        Arrival.model_validate(samples.ALERT.arrivals[0].model_dump() | {"eta_ms": number})


def test_a_topic_of_a_later_version_is_skipped_without_a_gap(
    raw: zmq.Socket[bytes], raw_subscriber: Subscriber
) -> None:
    raw.send_multipart([b"heartbeat/l", head(1), HEARTBEAT])
    raw.send_multipart([b"weather/l", head(1, "weather/1", gseq=2), b"{}"])
    raw.send_multipart([b"heartbeat/l", head(2, gseq=3), HEARTBEAT])
    assert isinstance(raw_subscriber.receive(5), Received)
    assert isinstance(raw_subscriber.receive(5), Received)
    assert (raw_subscriber.unknown_topics, raw_subscriber.malformed) == (1, 0)


def next_that_can_be_read(raw: zmq.Socket[bytes], subscriber: Subscriber, seq: int) -> Received:
    """The first message received after a readable one has been sent last."""
    raw.send_multipart([b"heartbeat/l", head(seq), HEARTBEAT])
    received = subscriber.receive(5)
    assert isinstance(received, Received)
    return received


def test_the_reason_of_an_unreadable_message_is_kept(
    raw: zmq.Socket[bytes], raw_subscriber: Subscriber
) -> None:
    raw.send_multipart([b"heartbeat/l", head(1), b'{"line": "l"}'])
    assert next_that_can_be_read(raw, raw_subscriber, 2).header.seq == 2
    assert raw_subscriber.malformed == 1
    assert raw_subscriber.malformed_reason == (
        "inferences: Field required; frame_index: Field required"
    )


@pytest.mark.parametrize("schema", ["heartbeat/2", "alert/1", ""])
def test_a_payload_of_another_schema_is_not_parsed(
    raw: zmq.Socket[bytes], raw_subscriber: Subscriber, schema: str
) -> None:
    raw.send_multipart([b"heartbeat/l", head(1, schema), HEARTBEAT])
    assert next_that_can_be_read(raw, raw_subscriber, 2).header.seq == 2
    assert raw_subscriber.malformed_reason == f"schema {schema!r} on a topic of 'heartbeat/1'"


def test_a_gap_is_announced_before_the_message_that_reveals_it(
    raw: zmq.Socket[bytes], raw_subscriber: Subscriber
) -> None:
    for seq in (1, 2, 5):
        raw.send_multipart([b"heartbeat/l", head(seq), HEARTBEAT])
    items = [raw_subscriber.receive(5) for _ in range(5)]
    assert items[2:4] == [
        Gap(None, 2, samples.BOOT_ID),
        Gap("heartbeat/l", 2, samples.BOOT_ID),
    ]
    assert isinstance(items[4], Received)
    assert items[4].header.seq == 5
    assert raw_subscriber.missed == 2


def test_latency_is_from_capture_to_receipt(
    publisher: Publisher, subscriber: Subscriber, now: Stamps
) -> None:
    publisher.publish(samples.HEARTBEAT, **now)
    received = subscriber.receive(5)
    assert isinstance(received, Received)
    assert received.latency_ms is not None
    assert 0 <= received.header.age_ms <= received.latency_ms < 5000


def test_only_subscribed_topics_are_received(publisher: Publisher, now: Stamps) -> None:
    with Subscriber(publisher.endpoint, topics=["alert/tapis-1/gas", "heartbeat/"]) as subscriber:
        assert publisher.wait_for_subscriber("alert", 5)
        assert publisher.wait_for_subscriber("heartbeat", 5)
        publisher.publish(samples.LINE_ALERT, **now)
        publisher.publish(samples.ALERT, **now)
        publisher.publish(samples.STATE, **now)
        publisher.publish(samples.HEARTBEAT, **now)
        topics = [item.topic for item in itertools.islice(subscriber, 2)]
    assert topics == ["alert/tapis-1/gas", "heartbeat/tapis-1"]


def test_receive_returns_none_after_the_timeout(subscriber: Subscriber) -> None:
    assert subscriber.receive(0) is None
    assert subscriber.receive(0.01) is None


def test_stored_frames_can_be_decoded() -> None:
    frames = [b"heartbeat/l", head(3), HEARTBEAT]
    topic, header, payload = decode(frames)
    assert topic == "heartbeat/l"
    assert header == Header.model_validate_json(head(3))
    assert payload == samples.HEARTBEAT
    with pytest.raises(ValueError, match="three frames"):
        decode(frames[:2])


def test_a_wrong_endpoint_is_refused() -> None:
    with pytest.raises(EndpointError, match="CURVE"):
        Subscriber("tcp://10.0.0.1:5556")
    with pytest.raises(RuntimeError, match="inside `with"):
        Subscriber("tcp://127.0.0.1:5556").receive(0)
