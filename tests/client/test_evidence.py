from __future__ import annotations

import pytest

from detector.client import EvidenceFeed, ReceivedEvidence
from detector.client.decoding import decode_images
from detector.delivery.publisher import Publisher
from detector.wire import samples
from detector.wire.endpoints import EndpointError
from detector.wire.evidence import evidence_beside
from detector.wire.samples import BOOT_ID, EVIDENCE, HEADER, LINE, LIVE
from tests.delivery.conftest import ANY_PORT

JPEG = b"\xff\xd8 an image"
HEAD = HEADER.model_copy(update={"schema_": "evidence/1"}).model_dump_json(by_alias=True).encode()
TOPIC = f"evidence/{LINE}".encode()
BODY = EVIDENCE.model_dump_json().encode()
STAMPS = {"t_capture_utc_ns": 1, "t_capture_mono_ns": 1}


def test_evidence_has_two_images_after_its_payload() -> None:
    topic, header, payload, images = decode_images([TOPIC, HEAD, BODY, JPEG, JPEG])
    assert (topic, header.schema_, payload) == (f"evidence/{LINE}", "evidence/1", EVIDENCE)
    assert images == [JPEG, JPEG]


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        ([TOPIC, HEAD, BODY, JPEG], "4 frames"),
        ([TOPIC, HEAD, BODY], "3 frames"),
        ([TOPIC, HEAD], "three frames"),
        ([TOPIC, HEAD, BODY, JPEG, b"<svg>"], "not a JPEG"),
        ([b"alert/l/gas", HEAD, BODY, JPEG, JPEG], "on a topic of 'alert'"),
        ([TOPIC, HEAD.replace(b"evidence/1", b"evidence/2"), BODY, JPEG, JPEG], "evidence/2"),
        ([TOPIC, HEAD, b"{}", JPEG, JPEG], "Field required"),
        ([TOPIC, b"\xff", BODY, JPEG, JPEG], "JSON"),
    ],
)
def test_what_is_no_message_with_images_is_a_value_error(frames: list[bytes], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decode_images(frames)


def test_a_feed_counts_what_it_cannot_read_and_what_it_has_missed() -> None:
    with (
        Publisher(ANY_PORT, line=LINE, boot_id=BOOT_ID, of_images=True) as publisher,
        EvidenceFeed(publisher.endpoint) as feed,
    ):
        assert publisher.wait_for_subscriber("evidence", 60)
        send = [publisher.number(EVIDENCE, **STAMPS) for _ in range(4)]
        publisher.send(send[0], [JPEG, JPEG])
        publisher.send(send[1], [JPEG])
        publisher.send(send[3], [JPEG, JPEG])
        first, second = feed.receive(60), feed.receive(60)
        assert isinstance(first, ReceivedEvidence)
        assert isinstance(second, ReceivedEvidence)
        assert (first.header.seq, second.header.seq) == (1, 4)
        assert (feed.malformed, feed.missed, feed.connected) == (1, 2, True)
        assert feed.malformed_reason == "4 frames on a topic of 'evidence'"


def test_a_feed_of_alerts_does_not_receive_the_running_belt() -> None:
    with (
        Publisher(ANY_PORT, line=LINE, boot_id=BOOT_ID, of_images=True) as publisher,
        EvidenceFeed(publisher.endpoint) as feed,
    ):
        assert publisher.wait_for_subscriber("evidence", 60)
        publisher.send(publisher.number(LIVE, **STAMPS), [JPEG])
        publisher.send(publisher.number(EVIDENCE, **STAMPS), [JPEG, JPEG])
        assert isinstance(feed.receive(60), ReceivedEvidence)


def test_a_feed_may_wait_for_a_detector_that_has_not_started() -> None:
    with Publisher(ANY_PORT, line=LINE, boot_id=BOOT_ID) as gone:
        endpoint = gone.endpoint
    with EvidenceFeed(endpoint) as feed:
        assert feed.receive(0) is None
        assert not feed.connected


def test_an_endpoint_beyond_this_machine_needs_keys() -> None:
    with pytest.raises(EndpointError, match="keys"):
        EvidenceFeed("tcp://192.0.2.1:5558")


@pytest.mark.parametrize(
    ("publish", "evidence"),
    [
        ("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5558"),
        ("tcp://192.0.2.1:5566", "tcp://127.0.0.1:5568"),
        ("tcp://[::1]:6000", "tcp://127.0.0.1:6002"),
        ("tcp://127.0.0.1:*", "tcp://127.0.0.1:*"),
        ("ipc:///run/vigitri/line-1", "tcp://127.0.0.1:5558"),
    ],
)
def test_by_default_images_stay_on_this_machine_beside_the_alerts(
    publish: str, evidence: str
) -> None:
    assert evidence_beside(publish) == evidence


def test_the_samples_name_the_same_alert() -> None:
    assert samples.ALERT.evidence_id == EVIDENCE.evidence_id
