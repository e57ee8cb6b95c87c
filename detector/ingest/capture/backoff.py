"""Waits between attempts to open a camera."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter (AWS Architecture Blog, 2015).

    Jitter prevents simultaneous reconnections to all cameras of a switch that has come back.
    """

    first_s: float = 0.5
    """Upper bound of the first wait. Starting a capture process costs 0.3 s of a core."""
    longest_s: float = 10.0
    """Upper bound of every wait: how long a repaired camera may stay unnoticed."""
    settled_s: float = 3.0
    """After this time with good images the count of attempts restarts: a camera that breaks off
    again and again is seen in between."""

    refused_s: float = 180.0
    """Wait after repeated refusals of the login. If longer, a camera that refuses every login while
    it starts stays unnoticed; one that counts failures forgets them within minutes."""

    def bound_s(self, attempt: int) -> float:
        """Upper bound of the wait before attempt number `attempt` (from 0)."""
        return float(min(self.longest_s, self.first_s * 2.0 ** min(attempt, 60)))

    def delay_s(self, attempt: int, rng: random.Random) -> float:
        """The wait before attempt number `attempt` (from 0), random from 0 to its bound."""
        return rng.uniform(0.0, self.bound_s(attempt))
