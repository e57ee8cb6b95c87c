"""How long to wait before trying a camera again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter (AWS Architecture Blog, 2015).

    Jitter keeps the cameras of a switch that comes back from all knocking in the same moment.
    """

    first_s: float = 0.5
    """Upper bound of the first wait. Starting a capture process costs 0.3 s of a core."""
    longest_s: float = 10.0
    """Upper bound of every wait: how long a mended camera may stay unnoticed."""
    settled_s: float = 10.0
    """After so long with good pictures the count of attempts begins anew."""

    def bound_s(self, attempt: int) -> float:
        """The longest that attempt number `attempt` (from 0) may have to wait."""
        return float(min(self.longest_s, self.first_s * 2.0 ** min(attempt, 60)))

    def delay_s(self, attempt: int, chance: random.Random) -> float:
        """How long attempt number `attempt` (from 0) waits: anything from 0 to its bound."""
        return chance.uniform(0.0, self.bound_s(attempt))
