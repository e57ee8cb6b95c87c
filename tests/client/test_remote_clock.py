from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detector.client.remote_clock import KEPT, RemoteClock
from detector.wire import samples

MS = 1_000_000


@given(
    ahead_ns=st.integers(-(10**17), 10**17),
    transport_ms=st.lists(st.integers(0, 5000), min_size=1, max_size=KEPT),
)
def test_converted_times_are_late_by_the_shortest_transport_time(
    ahead_ns: int, transport_ms: list[int]
) -> None:
    clock = RemoteClock()
    for number, each_ms in enumerate(transport_ms):
        sent_ns = number * 30 * MS
        remote_ns = sent_ns - 20 * MS + ahead_ns
        header = samples.HEADER.model_copy(update={"t_capture_mono_ns": remote_ns, "age_ms": 20.0})
        clock.add(header, sent_ns + each_ms * MS)
    assert clock.local_ns(ahead_ns) == min(transport_ms) * MS
