"""One line's messages as events of the pages.

A subscription of its own beside the recorder's: the page shows an alarm before the disk has it, and
while the disk hangs.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any, Protocol

from detector import client
from detector.client import AlertVanished, DetectorRestarted, Event, Gap, Received, VisionChanged
from detector.station.recorder import LineAddress
from detector.station.store.records import Notice
from detector.station.web.broadcast import Broadcast
from detector.station.web.line_status import LineStatus
from detector.vocabulary import AlarmState, Hazard
from detector.wire.messages import Alert
from detector.wire.requests import AnswerRequest, Reply

TOPICS = ("alert/", "state/", "heartbeat/", "metrics/", "facts/")
STATUS_S = 0.25
BLIND_AFTER_S = 0.8
"""Since the capture of the last heartbeat: with the way to the screen, BLIND shows within a second,
and a line whose passes are far apart is not called blind between two of them."""


class Pages(Protocol):
    """What a line's feed needs of the station."""

    broadcast: Broadcast

    def send_alarms(self) -> None: ...
    def notices(self, line: str) -> list[Notice]: ...


class LineFeed:
    """Follows one line and sends its events to the pages."""

    def __init__(self, address: LineAddress, pages: Pages) -> None:
        self.address = address
        self.status_of = LineStatus(address.name)
        self.raised: Counter[Hazard] = Counter()
        """Alarms raised since the station's start."""
        self._pages, self._broadcast = pages, pages.broadcast
        self._line = client.AsyncLine(
            address.publish,
            address.requests,
            topics=TOPICS,
            keys=address.keys(),
            blind_after_s=BLIND_AFTER_S,
        )

    async def run(self) -> None:
        """Receive until cancelled. Raises EndpointError."""
        async with self._line, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_status())
            async for event in self._line:
                self._process(event)

    async def ask(self, request: AnswerRequest) -> Reply:
        """Send an operator's answer. Raises TimeoutError."""
        return await self._line.ask(request)

    def status(self, *, with_facts: bool = True) -> dict[str, Any]:
        """The event `line`. A page has the facts from its first; they are sent again on change."""
        notices = self._pages.notices(self.address.name)
        return self.status_of.content(self.open_alerts(), notices, with_facts=with_facts)

    def open_alerts(self) -> list[Alert]:
        alerts = (item.payload for item in self._line.active)
        return [alert for alert in alerts if isinstance(alert, Alert)]

    def alert(self, boot_id: str, event_id: str) -> Alert | None:
        """An open alert."""
        known = self.open_alerts()
        return next((a for a in known if (a.boot_id, a.event_id) == (boot_id, event_id)), None)

    def alarms(self) -> list[dict[str, Any]]:
        """The open alarms, each as in the event `alarm`."""
        return [
            self._alarm(item, item.payload)
            for item in self._line.active
            if isinstance(item.payload, Alert) and item.payload.state is not AlarmState.NORMAL
        ]

    def _process(self, event: Event) -> None:
        status = self.status_of
        match event:
            case Received(payload=Alert() as alert):
                if alert.revision == 1 and event.how == "published":
                    self.raised[alert.hazard] += 1
                status.update(event)
                self._broadcast.send("alarm", self._alarm(event, alert))
            case Received():
                facts, status.boot_id = status.facts, event.header.boot_id
                status.update(event)
                if status.facts != facts:
                    self._broadcast.send("line", self.status())
            case VisionChanged(vision=vision, reason=reason):
                status.vision, status.reason = vision, reason
                self._broadcast.send("line", self.status(with_facts=False))
            case DetectorRestarted(boot_id=boot_id):
                status.restarted(boot_id)
                self._pages.send_alarms()
            case AlertVanished():
                self._pages.send_alarms()
            case Gap():
                pass  # the client fetches what it missed

    def _alarm(self, item: Received, alert: Alert) -> dict[str, Any]:
        now_ns = time.monotonic_ns()
        header = item.header
        return {
            "line": self.address.name,
            "alert": alert.model_dump(mode="json"),
            "received_utc_ns": time.time_ns() - (now_ns - item.t_received_mono_ns),
            "published_utc_ns": header.t_capture_utc_ns + round(header.age_ms * 1e6),
            "evidence": alert.evidence_id is not None,
        }

    async def _send_status(self) -> None:
        while True:
            status = self.status_of
            status.vision, status.reason = self._line.vision, self._line.vision_reason
            self._broadcast.send("line", self.status(with_facts=False))
            await asyncio.sleep(STATUS_S)
