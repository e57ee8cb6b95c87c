"""Limits failed sign-ins, by address and in all."""

from __future__ import annotations

import time
from collections import deque

PER_ADDRESS, IN_ALL = 5, 50
OVER_S = 60.0
ADDRESSES_MAX = 1000


class Attempts:
    """Failed attempts of the last minute."""

    def __init__(self) -> None:
        self._failed: deque[tuple[float, str]] = deque(maxlen=ADDRESSES_MAX)

    def wait_s(self, address: str) -> float:
        """How long this address has to wait; 0: not at all."""
        now_s = time.monotonic()
        while self._failed and self._failed[0][0] <= now_s - OVER_S:
            self._failed.popleft()
        own = [t_s for t_s, who in self._failed if who == address]
        if len(own) >= PER_ADDRESS:
            return own[-PER_ADDRESS] + OVER_S - now_s
        if len(self._failed) >= IN_ALL:
            return self._failed[-IN_ALL][0] + OVER_S - now_s
        return 0.0

    def failed(self, address: str) -> None:
        self._failed.append((time.monotonic(), address))
