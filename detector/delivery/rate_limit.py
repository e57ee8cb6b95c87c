"""Rate limit of requests per sender."""

from __future__ import annotations

from collections import OrderedDict

BURST = 200
PER_SECOND = 100
"""Requests per sender; a consumer confirms at most 50 times a second, a person answers rarely."""
COST = {"snapshot": 20, "replay": 5}
"""Cost in requests; other requests cost one."""
SENDERS_KEPT = 256


class RateLimit:
    """A token bucket per sender; the senders that have been silent longest are dropped."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[bytes, tuple[float, int]] = OrderedDict()

    def allows(self, sender: bytes, cost: int, now_ns: int) -> bool:
        """Whether a request of this cost is within the limit; if so, its tokens are consumed."""
        tokens, then_ns = self._buckets.pop(sender, (float(BURST), now_ns))
        tokens = min(BURST, tokens + (now_ns - then_ns) / 1e9 * PER_SECOND)
        allowed = tokens >= cost
        self._buckets[sender] = tokens - cost if allowed else tokens, now_ns
        if len(self._buckets) > SENDERS_KEPT:
            self._buckets.popitem(last=False)
        return allowed
