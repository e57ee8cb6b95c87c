from __future__ import annotations

import pytest

from detector.client.feed import LineFeed
from detector.wire import samples
from detector.wire.requests import Reply


@pytest.mark.parametrize(
    ("key", "value"), [("boot_id", "\x00"), ("boot_id", ""), ("alert_seq", 2**63)]
)
def test_a_header_that_names_no_position_is_malformed(key: str, value: object) -> None:
    feed = LineFeed(0)
    header = samples.HEADER.model_copy(update={"schema_": "heartbeat/1", key: value})
    payload = samples.HEARTBEAT.model_dump_json().encode()
    sent = [b"heartbeat/l", header.model_dump_json(by_alias=True).encode(), payload]
    feed.receive_published(sent, 1)
    assert feed.malformed == 1
    assert key in (feed.malformed_reason or "")


def test_the_reason_of_a_refusal_can_be_printed() -> None:
    feed = LineFeed(0)
    refusal = Reply(ok=False, reason="no\x1b[2J such\x00 request")
    feed.receive_reply([refusal.model_dump_json().encode()], 1)
    assert feed.malformed_reason == "no\\x1b[2J such\\x00 request"
