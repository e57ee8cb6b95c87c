"""Sends the images of alerts after the alerts themselves, in a thread of its own.

The frame thread only hands over copies; encoding and sending are done here. The queue is bounded:
the images of newer alerts displace those of older ones, and what is displaced is counted. Neither a
slow subscriber nor a slow encoder can delay an alert.
"""

from __future__ import annotations

import logging
import os
import socket as os_socket
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Protocol, Self

import zmq

from detector.delivery.publisher import Publisher
from detector.wire.keys import Guard
from detector.wire.messages import Message

logger = logging.getLogger(__name__)

ALERTS_MAX, FRAMES_MAX = 64, 6
"""Alerts and frames that wait for their images; a frame of 1080p has 6 MB."""
LIVE_PERIOD_NS = 250_000_000
"""Least capture time between two images of the running belt: four a second."""
NICENESS = 5
"""Of the thread. Not more: while it holds Python's lock, the frame thread waits for it."""


class Sight(Protocol):
    """What is to be shown of one frame; owns its pixels."""

    t_capture_utc_ns: int
    t_capture_mono_ns: int

    @property
    def alerts(self) -> int:
        """Number of alerts that it shows."""
        ...

    def messages(self) -> Iterator[tuple[Message, Sequence[bytes]]]:
        """Encode: the payloads, and the JPEGs that follow each. Called in the sender's thread."""
        ...

    def release(self) -> None:
        """Its pixels are no longer needed. Called once, in any thread."""
        ...


class EvidenceSender:
    """Owns the socket for images and its thread; a context manager.

    `offer` and `offer_live` never block and are called from the frame thread. Raises EndpointError
    on entry if the endpoint is invalid or in use.
    """

    def __init__(self, endpoint: str, *, line: str, boot_id: str, guard: Guard | None) -> None:
        self._publisher = Publisher(
            endpoint, line=line, boot_id=boot_id, guard=guard, of_images=True
        )
        self._lock = threading.Lock()
        self._waiting: deque[Sight] = deque()
        self._live: Sight | None = None
        self._live_ns: int | None = None
        self._stopping = False
        self._bound = threading.Event()
        self._refusal: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="evidence", daemon=True)
        self.wanted = self.live_wanted = False
        """Whether images of alerts, or of the running belt, are subscribed to."""
        self.sent = self.dropped = 0
        """Alerts whose images were sent, or were displaced before."""

    def __enter__(self) -> Self:
        self._wake, self._woken = os_socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self._thread.start()
        self._bound.wait()
        if self._refusal is not None:
            self._close()
            raise self._refusal
        return self

    def __exit__(self, *_: object) -> None:
        """Send what is waiting, then close."""
        self._close()

    @property
    def endpoint(self) -> str:
        """The endpoint actually bound."""
        return self._publisher.endpoint

    def offer(self, sight: Sight) -> None:
        """Queue the images of a frame's alerts."""
        displaced: list[Sight] = []
        with self._lock:
            self._waiting.append(sight)
            while len(self._waiting) > FRAMES_MAX or self._alerts_waiting > ALERTS_MAX:
                displaced.append(self._waiting.popleft())
                self.dropped += displaced[-1].alerts
        self._notify()
        for each in displaced:
            each.release()

    def live_is_due(self, t_mono_ns: int) -> bool:
        """Whether the image of a frame captured then is to be given to `offer_live`."""
        if not self.live_wanted:
            return False
        last_ns = self._live_ns
        return last_ns is None or not 0 <= t_mono_ns - last_ns < LIVE_PERIOD_NS

    def offer_live(self, sight: Sight) -> None:
        """Queue an image of the running belt, in place of one that waits still."""
        self._live_ns = sight.t_capture_mono_ns
        with self._lock:
            displaced, self._live = self._live, sight
        self._notify()
        if displaced is not None:
            displaced.release()

    @property
    def _alerts_waiting(self) -> int:
        return sum(sight.alerts for sight in self._waiting)

    def _notify(self) -> None:
        with suppress(BlockingIOError):  # it is full of unread notices
            self._wake.send(b"!")

    # --- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        with suppress(OSError, AttributeError):  # Linux: of this thread alone
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        try:
            self._publisher.__enter__()
        except BaseException as error:
            self._refusal = error
            self._bound.set()
            return
        self._bound.set()
        try:
            self._serve()
        finally:
            self.wanted = self.live_wanted = False
            self._publisher.__exit__()

    def _serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._publisher.socket, zmq.POLLIN)
        poller.register(self._woken.fileno(), zmq.POLLIN)
        while True:
            self.wanted, self.live_wanted = self._publisher.are_subscribed("evidence", "live")
            sight = self._next()
            if sight is not None:
                self._send(sight)
            elif self._stopping:
                return
            else:
                poller.poll()
                with suppress(BlockingIOError):
                    self._woken.recv(4096)

    def _next(self) -> Sight | None:
        """Alerts before the running belt, the newest alert first: it is what people look for."""
        with self._lock:
            if self._waiting:
                return self._waiting.pop()
            sight, self._live = self._live, None
            return sight

    def _send(self, sight: Sight) -> None:
        try:
            for payload, images in sight.messages():
                message = self._publisher.number(
                    payload,
                    t_capture_utc_ns=sight.t_capture_utc_ns,
                    t_capture_mono_ns=sight.t_capture_mono_ns,
                )
                self._publisher.send(message, images)
            self.sent += sight.alerts
        except Exception:
            # An image is never worth a line that stands still; the alert has been sent.
            logger.exception("images could not be sent")
            with self._lock:
                self.dropped += sight.alerts
        finally:
            sight.release()

    def _close(self) -> None:
        self._stopping = True
        self._notify()
        self._thread.join()
        self._wake.close()
        self._woken.close()
