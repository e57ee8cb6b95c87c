"""How much one sender may ask."""

from __future__ import annotations

from collections import OrderedDict

BURST = 200
PER_SECOND = 100
"""Requests of one sender; a consumer confirms at most 50 times a second, a person seldom."""
COST = {"snapshot": 20, "replay": 5}
"""In requests; others cost one."""
SENDERS_KEPT = 256


class RateLimit:
    """A bucket of tokens per sender; the senders longest silent are forgotten."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[bytes, tuple[float, int]] = OrderedDict()

    def allows(self, sender: bytes, cost: int, now_ns: int) -> bool:
        """Whether a request of that cost is within the limit; takes it from the bucket if so."""
        tokens, then_ns = self._buckets.pop(sender, (float(BURST), now_ns))
        tokens = min(BURST, tokens + (now_ns - then_ns) / 1e9 * PER_SECOND)
        allowed = tokens >= cost
        self._buckets[sender] = tokens - cost if allowed else tokens, now_ns
        if len(self._buckets) > SENDERS_KEPT:
            self._buckets.popitem(last=False)
        return allowed
