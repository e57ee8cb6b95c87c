"""When a network camera's image was captured, from its arrival and its sender's clocks."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from detector.ingest.sources.live_edge import LONGEST_PERIOD_S
from detector.vocabulary import StampSource

BUCKET_S = 1.0
BUCKETS = 10
"""The shortest way of an image, from its capture to here, is sought over this time. A media clock
that is 100 ppm wrong drifts by 1 ms in it."""
BELIEVED_RATE = 0.02
"""A media clock that runs faster or slower than ours by this share, over a second, is not believed:
some cameras count images of a nominal period, also at night when they take fewer."""
LONGEST_TRANSIT_S = 0.25
"""A sender's clock is believed if, by it, the shortest way of an image takes at most this time.
A longer one is rather a clock that is slow: a camera encodes and sends within 0.2 s. So a wrong
clock that passes through this range makes an image look older by at most this."""
AHEAD_S = 0.005
"""No image arrives before its capture: beyond this, the sender's clock is fast."""
STEADY_S = 0.005
"""The sender's clock is used where it agrees with its media clock, from image to image, within
this. The report that sets it comes an image early (FFmpeg 8)."""
SLOWEST, FASTEST = 0.5, 1.5
"""When the correction changes, the time between two images is drawn out or compressed by this at
most, so that the belt does not seem to jump."""


class Arrival(NamedTuple):
    """What is known of an image's times; all in seconds."""

    begun_s: float
    """Arrival of its first bytes, CLOCK_MONOTONIC."""
    taken_s: float | None
    """Capture by the sender's media clock (RTP timestamps), of any origin; None: it gives none."""
    sent_s: float | None = None
    """Capture by the sender's own clock, as CLOCK_MONOTONIC by our clock's time of day; None: no
    report of it."""


class CaptureTimes:
    """Dates images at their capture, as far as that can be known.

    An image cannot have been captured after its first bytes arrived. The media clock gives exact
    intervals but no time: the image that came fastest, within the last seconds, is taken to have
    had no delay, which dates the others without the network's jitter. What all of them have in
    common, exposure, encoding and the shortest way, only the sender's own clock tells.
    """

    def __init__(self) -> None:
        self.source = StampSource.ARRIVAL
        """What the last image was dated by."""
        self.sender_behind_s: float | None = None
        """Shortest way of an image by the sender's clock (s); negative: that clock is fast."""
        self._fastest: deque[float] = deque(maxlen=BUCKETS)
        """Of each bucket, the smallest arrival minus media clock."""
        self._bucket_s = -math.inf
        self._in_bucket = math.inf
        self._taken_s: float | None = None
        self._captured_s = -math.inf
        self._sender_minus_media: float | None = None
        self._steady_sender: float | None = None

    def captured_s(self, arrival: Arrival, *, restart: bool = False) -> float:
        """Capture of the next image (s, CLOCK_MONOTONIC): never after it began to arrive.

        `restart`: it follows a pause, after which the sender's media clock may be another one.
        """
        begun_s, taken_s, sent_s = arrival
        if taken_s is None:
            self._taken_s = None
            return self._date(begun_s, begun_s, StampSource.ARRIVAL, 0.0)
        passed_s = 0.0 if self._taken_s is None else taken_s - self._taken_s
        self._taken_s = taken_s
        if not 0 < passed_s <= LONGEST_PERIOD_S or (restart and self._is_another(begun_s, taken_s)):
            self._begin()
            passed_s = 0.0
        self._note_sender(taken_s, sent_s)
        if not self._is_believed(begun_s, begun_s - taken_s):
            return self._date(begun_s, begun_s, StampSource.ARRIVAL, 0.0)
        fastest_s = min(self._in_bucket, *self._fastest)
        sender_s = self._sender_offset(fastest_s)
        if sender_s is None:
            return self._date(begun_s, taken_s + fastest_s, StampSource.MEDIA_CLOCK, passed_s)
        return self._date(begun_s, taken_s + sender_s, StampSource.SENDER_CLOCK, passed_s)

    def _begin(self) -> None:
        self._fastest.clear()
        self._bucket_s, self._in_bucket = -math.inf, math.inf
        self._sender_minus_media = self._steady_sender = self.sender_behind_s = None

    def _is_another(self, begun_s: float, taken_s: float) -> bool:
        """The media clock stood still during the pause: by it, a live image would be old."""
        fastest = min(self._fastest, default=self._in_bucket)
        return begun_s - taken_s - fastest > LONGEST_TRANSIT_S

    def _is_believed(self, begun_s: float, lag_s: float) -> bool:
        """Note an image's arrival minus media clock; whether the media clock is believed."""
        if begun_s - self._bucket_s >= BUCKET_S:
            if math.isfinite(self._in_bucket):
                passed_s = begun_s - self._bucket_s
                last = self._fastest[-1] if self._fastest else self._in_bucket
                if abs(self._in_bucket - last) > BELIEVED_RATE * passed_s:
                    self._fastest.clear()
                    self._captured_s = -math.inf
                self._fastest.append(self._in_bucket)
            self._bucket_s, self._in_bucket = begun_s, math.inf
        self._in_bucket = min(self._in_bucket, lag_s)
        return len(self._fastest) >= 2

    def _note_sender(self, taken_s: float, sent_s: float | None) -> None:
        if sent_s is None:
            self._sender_minus_media = self._steady_sender = None
            return
        last, now = self._sender_minus_media, sent_s - taken_s
        self._sender_minus_media = now
        if last is not None and abs(now - last) <= STEADY_S:
            self._steady_sender = now

    def _sender_offset(self, fastest_s: float) -> float | None:
        """The sender's clock minus its media clock; None: there is none, or it is not believed."""
        if self._steady_sender is None:
            return None
        behind_s = self.sender_behind_s = fastest_s - self._steady_sender
        return self._steady_sender if -AHEAD_S <= behind_s <= LONGEST_TRANSIT_S else None

    def _date(
        self, begun_s: float, captured_s: float, source: StampSource, passed_s: float
    ) -> float:
        if passed_s > 0 and math.isfinite(self._captured_s):
            earliest_s = self._captured_s + SLOWEST * passed_s
            latest_s = self._captured_s + FASTEST * passed_s
            captured_s = min(max(captured_s, earliest_s), latest_s)
        captured_s = min(captured_s, begun_s)
        self.source, self._captured_s = source, captured_s
        return captured_s
