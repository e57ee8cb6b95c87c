from __future__ import annotations

import pytest

from detector.client import feed as feed_module
from detector.client.feed import LineFeed
from detector.wire import samples
from detector.wire.messages import AlarmState
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


def test_alerts_are_remembered_in_a_bounded_number_and_open_ones_always(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed_module, "REVISIONS_KEPT", 50)
    feed = LineFeed(0)

    def receive(event_id: str, state: AlarmState) -> int:
        """How many events the program gets of it."""
        update = {"event_id": event_id, "state": state, "revision": 1}
        alert = samples.ALERT.model_copy(update=update)
        header = samples.HEADER.model_copy(update={"schema_": "alert/1", "alert_seq": None})
        frames = [f"alert/{alert.line}/gas", header.model_dump_json(by_alias=True)]
        before = feed.repeated
        feed.receive_published(
            [*(each.encode() for each in frames), alert.model_dump_json().encode()], 0
        )
        assert not feed.malformed, feed.malformed_reason
        return 1 - (feed.repeated - before)

    for number in range(20):
        assert receive(f"open-{number}", AlarmState.UNACKNOWLEDGED)
    for number in range(500):
        assert receive(f"closed-{number}", AlarmState.NORMAL)
        assert len(feed._revisions) <= 50
    assert not any(receive(f"open-{number}", AlarmState.UNACKNOWLEDGED) for number in range(20))
    assert not receive("closed-499", AlarmState.NORMAL)
    assert receive("closed-0", AlarmState.NORMAL)  # forgotten
