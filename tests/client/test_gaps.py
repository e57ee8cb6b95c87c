from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.client.events import Gap
from detector.client.gaps import GapWatch
from detector.wire.messages import Header
from detector.wire.samples import HEADER


def header(seq: int, gseq: int, boot_id: str = "boot-1") -> Header:
    return HEADER.model_copy(update={"seq": seq, "gseq": gseq, "boot_id": boot_id})


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.booleans()), max_size=60))
def test_every_lost_message_is_counted_once_and_reported_before_the_next_one(
    sent: list[tuple[str, bool]],
) -> None:
    watch = GapWatch(everything=True)
    seq = {"a": 0, "b": 0, "c": 0}
    lost = lost_inside = 0
    received_one = False
    for gseq, (topic, arrives) in enumerate(sent, start=1):
        seq[topic] += 1
        if not arrives:
            lost += received_one
            continue
        gaps = watch.update(topic, header(seq[topic], gseq))
        reported = sum(gap.missed for gap in gaps if gap.topic is None)
        assert reported == lost - lost_inside
        lost_inside, received_one = lost, True
    assert watch.missed == lost_inside


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_a_single_topic_reports_its_own_gaps(arrivals: list[bool]) -> None:
    watch = GapWatch(everything=False)
    received = [seq for seq, arrives in enumerate(arrivals, start=1) if arrives]
    gaps = [gap for seq in received for gap in watch.update("a", header(seq, seq * 3))]
    assert all(gap.topic == "a" for gap in gaps)
    expected = received[-1] - received[0] + 1 - len(received) if received else 0
    assert sum(gap.missed for gap in gaps) == watch.missed == expected


def test_a_lost_alert_is_detected_with_the_next_heartbeat() -> None:
    watch = GapWatch(everything=True)
    watch.update("heartbeat", header(1, 1))
    assert watch.update("heartbeat", header(2, 3)) == [Gap(None, 1, "boot-1")]
    assert watch.update("alert", header(2, 4)) == []  # its first seq here: nothing to compare with


def test_messages_before_the_subscription_are_not_a_gap() -> None:
    assert GapWatch(everything=True).update("a", header(400, 5000)) == []


def test_messages_missed_after_a_restart_are_a_gap() -> None:
    watch = GapWatch(everything=True)
    watch.update("a", header(9, 9))
    gaps = watch.update("a", header(3, 5, "boot-2"))
    assert gaps == [Gap(None, 4, "boot-2"), Gap("a", 2, "boot-2")]
    assert str(gaps[0]) == "missed 4 messages of any topic"


def test_a_repeated_message_is_not_a_gap() -> None:
    watch = GapWatch(everything=True)
    for seq in (1, 2, 3, 2, 4):
        assert watch.update("a", header(seq, seq)) == []
