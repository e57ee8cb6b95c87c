"""`GET /api/live/{line}`: the newest image of the running belt.

Images leave the detector only while a page asks for them.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from detector.client import EvidenceFeed, ReceivedLive
from detector.errors import VigitriError
from detector.station.recorder import LineAddress
from detector.station.web.visitor import RefusedError, visitor

logger = logging.getLogger(__name__)

NEXT_S = 1.0
"""A request waits this long for an image newer than the last."""
LEFT_S = 3.0
"""Without a request for this long, the subscription ends."""
TICK_S = 0.2


class LiveImages:
    """A line's newest image, while it is asked for. For the event loop's thread."""

    def __init__(self, address: LineAddress) -> None:
        self._address = address
        self._changed = asyncio.Event()
        self._image: bytes | None = None
        self._asked_s = 0.0
        self._thread: threading.Thread | None = None
        self._stopping = False

    async def next(self) -> bytes | None:
        """The next image; None if none comes in time."""
        self._asked_s = time.monotonic()
        if self._thread is None or not self._thread.is_alive():
            loop = asyncio.get_running_loop()
            name = f"live {self._address.name}"
            self._thread = threading.Thread(
                target=self._receive, args=(loop,), name=name, daemon=True
            )
            self._thread.start()
        changed = self._changed
        try:
            await asyncio.wait_for(changed.wait(), NEXT_S)
        except TimeoutError:
            return None
        return self._image

    def stop(self) -> None:
        self._stopping = True
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    def _receive(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self._address.evidence is not None
        try:
            with EvidenceFeed(
                self._address.evidence, keys=self._address.keys(), evidence=False, live=True
            ) as feed:
                while not self._stopping and time.monotonic() - self._asked_s < LEFT_S:
                    item = feed.receive(TICK_S)
                    if isinstance(item, ReceivedLive):
                        loop.call_soon_threadsafe(self._take, item.image)
        except (VigitriError, RuntimeError) as error:  # RuntimeError: the loop has ended
            logger.warning("live: %s", error, extra={"line": self._address.name})

    def _take(self, image: bytes) -> None:
        self._image = image
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


async def live(request: Request) -> Response:
    """204: no image has come; the page asks again."""
    visitor(request)
    station = request.app.state.station
    line = station.line(request.path_params["line"])
    if line.address.evidence is None:
        raise RefusedError(404, "this line sends no images")
    image = await station.live[line.address.name].next()
    return Response(status_code=204) if image is None else Response(image, media_type="image/jpeg")


ROUTES = [Route("/api/live/{line}", live)]
