from __future__ import annotations

from collections.abc import Callable

import pytest

from detector.client import Received
from detector.wire import samples
from detector.wire.messages import Message

MS = 1_000_000
Receive = Callable[..., Received]


@pytest.fixture
def receive() -> Receive:
    """Makes received messages, captured at `t_ms` and received 20 ms later."""
    gseq = 0

    def make(payload: Message, t_ms: float = 0.0, **header: object) -> Received:
        nonlocal gseq
        gseq += 1
        t_ns = samples.T_MONO_NS + round(t_ms * MS)
        changes = {"gseq": gseq, "t_capture_mono_ns": t_ns, **header}
        return Received("topic", samples.HEADER.model_copy(update=changes), payload, t_ns + 20 * MS)

    return make
