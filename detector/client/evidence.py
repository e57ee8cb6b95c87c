"""The images of a line: what was seen of each alert, and the running belt."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple, Self

import zmq
from pydantic import ValidationError

from detector.client.decoding import decode_images
from detector.client.gaps import GapWatch
from detector.client.link import TICK_S, LineLink
from detector.errors import printable
from detector.wire.evidence import EVIDENCE_ENDPOINT, Evidence, LiveImage
from detector.wire.keys import ClientKeys
from detector.wire.messages import Header
from detector.wire.requests import one_line

QUEUE_MESSAGES = 32
"""Messages queued while the program does not read, some 0.2 MB each."""


class ReceivedEvidence(NamedTuple):
    """The images of one alert."""

    topic: str
    header: Header
    evidence: Evidence
    crop: bytes
    """JPEG of the object's crop."""
    frame: bytes
    """JPEG of the whole frame, grey outside the belt."""


class ReceivedLive(NamedTuple):
    """One image of the running belt."""

    topic: str
    header: Header
    live: LiveImage
    image: bytes
    """JPEG, grey outside the belt."""


class EvidenceFeed:
    """Client of a line's images; a context manager and an iterator.

        with EvidenceFeed("tcp://127.0.0.1:5558") as feed:
            for item in feed:
                if isinstance(item, ReceivedEvidence):
                    store(item.evidence.evidence_id, item.crop, item.frame)

    Images are sent once: what is not read in time is lost, and counted in `missed`. The detector
    may start later, restart or go away. Raises EndpointError. Use it in the thread that enters it.
    """

    def __init__(
        self,
        endpoint: str = EVIDENCE_ENDPOINT,
        *,
        keys: ClientKeys | None = None,
        evidence: bool = True,
        live: bool = False,
    ) -> None:
        """`evidence`: receive the images of alerts. `live`: receive those of the running belt, four
        a second; see also `watch_live`."""
        self.endpoint, self._live = endpoint, live
        topics = [*(["evidence/"] if evidence else []), *(["live/"] if live else [])]
        self._feed = _ImageFeed()
        self._link = LineLink(
            endpoint,
            None,
            self._feed,
            topics=tuple(topics),
            queue_messages=QUEUE_MESSAGES,
            keys=keys,
        )

    def __enter__(self) -> Self:
        self._link.__enter__()
        self._poller = zmq.Poller()
        for socket in self._link.sockets:
            self._poller.register(socket, zmq.POLLIN)
        return self

    def __exit__(self, *raised: object) -> None:
        self._link.__exit__(*raised)

    def watch_live(self, wanted: bool) -> None:
        """Receive the images of the running belt from now on, or no longer."""
        if wanted == self._live:
            return
        self._live = wanted
        if wanted:
            self._link.subscribe("live/")
        else:
            self._link.unsubscribe("live/")

    def receive(self, timeout_s: float | None = None) -> ReceivedEvidence | ReceivedLive | None:
        """The next images; None after `timeout_s` without any (None: wait)."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            if not self._feed.received:  # else a slow program would hold ever more images
                self._link.pump()
            if self._feed.received:
                return self._feed.received.popleft()
            left_s = TICK_S if deadline_s is None else deadline_s - time.monotonic()
            if left_s <= 0:
                return None
            self._poller.poll(max(1, round(min(left_s, 1.0) * 1000)))

    def __iter__(self) -> Iterator[ReceivedEvidence | ReceivedLive]:
        while True:
            item = self.receive(1.0)
            if item is not None:
                yield item

    @property
    def connected(self) -> bool:
        """Whether the detector's socket for images is there."""
        return self._feed.connected

    @property
    def refusal(self) -> str | None:
        """Why the detector refuses the connection (keys); None: not refused, or no answer yet."""
        return self._link.refusal

    @property
    def missed(self) -> int:
        """Messages missed since the start, by their sequence numbers."""
        return self._feed.gaps.missed

    @property
    def malformed(self) -> int:
        """Messages that could not be read."""
        return self._feed.malformed

    @property
    def malformed_reason(self) -> str | None:
        """Why the last of them could not be read, one line."""
        return self._feed.malformed_reason


class _ImageFeed:
    """What the socket for images has received; it never sends."""

    def __init__(self) -> None:
        self.to_send: deque[bytes] = deque()
        self.received: deque[ReceivedEvidence | ReceivedLive] = deque()
        self.gaps = GapWatch(everything=False)
        self.connected = False
        self.malformed = 0
        self.malformed_reason: str | None = None

    def receive_published(self, frames: list[bytes], now_ns: int) -> None:  # noqa: ARG002
        try:
            topic, header, payload, images = decode_images(frames)
        except ValueError as error:
            self.malformed += 1
            self.malformed_reason = printable(
                one_line(error) if isinstance(error, ValidationError) else str(error)
            )
            return
        self.connected = True
        if isinstance(payload, Evidence):
            self.gaps.update(topic, header)
            crop, frame = images
            self.received.append(ReceivedEvidence(topic, header, payload, crop, frame))
        elif isinstance(payload, LiveImage):
            self.received.append(ReceivedLive(topic, header, payload, images[0]))

    def receive_reply(self, frames: list[bytes], now_ns: int) -> None:
        """There is no socket for replies."""

    def connection_lost(self, reason: str) -> None:  # noqa: ARG002
        self.connected = False

    def connection_refused(self, reason: str) -> None:  # noqa: ARG002
        self.connected = False

    def connection_made(self) -> None:
        self.connected = True

    def tick(self, now_ns: int) -> None:
        """Silence has no meaning here: images are sent only when there is something to show."""
