"""A client for tests that need only messages and gaps."""

from __future__ import annotations

import time

from detector import client


class MessagesOnly(client.Line):
    """Drops the events that the client derives (vision state, restarts, healing)."""

    def receive(self, timeout_s: float | None = None) -> client.Received | client.Gap | None:
        ends_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left_s = None if ends_s is None else max(0.0, ends_s - time.monotonic())
            event = super().receive(left_s)
            if event is None or isinstance(event, client.Received | client.Gap):
                return event
