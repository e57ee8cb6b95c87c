"""The capture process: opens one source and passes on its newest image until the source ends.

Each process opens its source once, or until the camera answers. A failure is reported in a
final `Status`, and the detector starts another process, because a native library that has failed
once may not open reliably again.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import math
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from detector.ingest.capture import frozen
from detector.ingest.capture.belt_mask import BeltMask
from detector.ingest.capture.landmarks import Landmarks
from detector.ingest.capture.latest_frame import FrameWriter
from detector.ingest.capture.spec import CaptureSettings, CaptureSpec, Status
from detector.ingest.capture.tally import Tally
from detector.ingest.health import CameraState
from detector.ingest.source import (
    TIMED_OUT,
    Image,
    LoginRefusedError,
    NoAnswerError,
    Source,
    SourceError,
    StampedSource,
)
from detector.ingest.sources.opencv import cv2
from detector.log_output import name_line, set_up_logging

logger = logging.getLogger("detector.ingest.capture.child")  # this process's __name__ is __main__

_PR_SET_PDEATHSIG = 1
LANDMARKS_NS = 1_000_000_000
"""Interval at which the fixed structures are compared: 1.3 ms for 720p."""


WAIT_STEP_S = 0.25
"""During a gap of a recording the capture process shows at this interval that it does not hang."""


ASK_AGAIN_S = 0.3
"""Average wait before a camera that does not answer is asked again. A new capture process would
cost a core for as long, so their starts are up to seconds apart."""


class Pacer:
    """Plays a recording at its own rate against CLOCK_MONOTONIC."""

    def __init__(self, fps: float) -> None:
        self._period_ns = round(1_000_000_000 / fps)
        self._start_ns: int | None = None
        """When the recording's position 0 is due; None: not known."""
        self.due_ns = 0
        """When the last image was due: its timestamp. With the time at which it was ready instead,
        the belt would seem to run at twice its speed after an image that is half a period late."""

    def restart(self) -> None:
        """The recording plays again: its first image follows the last one."""
        self._start_ns = None

    def wait(
        self, position_ns: int | None = None, on_wait: Callable[[float], None] | None = None
    ) -> bool:
        """Sleep until the next image is due; False if that was more than a period ago.

        `position_ns`: its position in the recording; None: one period after the last image.
        `on_wait`: called with the seconds left, again and again during a long wait.

        If this machine is too slow, the rest of the recording is played later, because no image of
        a recording is lost; every image that is delayed in this way is counted.
        """
        now_ns = time.monotonic_ns()
        if position_ns is not None and self._start_ns is not None:
            self.due_ns = self._start_ns + position_ns
        else:
            self.due_ns = self.due_ns + self._period_ns if self.due_ns else now_ns
        in_time = now_ns - self.due_ns <= self._period_ns
        if not in_time:
            self.due_ns = now_ns
        if position_ns is not None:
            self._start_ns = self.due_ns - position_ns
        while (left_ns := self.due_ns - time.monotonic_ns()) > 0:
            if on_wait is not None:
                on_wait(left_ns / 1e9)
            time.sleep(min(left_ns / 1e9, WAIT_STEP_S))
        return in_time


class CaptureLoop:
    """Copies images from an open source to the buffers."""

    def __init__(self, spec: CaptureSpec, source: Source, tally: Tally) -> None:
        settings = spec.settings
        after = settings.frozen_after
        if after is None:
            after = frozen.usual_repeats(settings.url, live=source.live)
        self._settings = settings
        self._source = source
        self._tally = tally
        self._status = spec.status
        self._writer = FrameWriter(spec.ends)
        self._frozen_detector = frozen.FrozenDetector(after, spec.frozen_digest)
        self._mask = None if settings.kept_px is None else BeltMask(settings.kept_px)
        self._landmarks: Landmarks | None = None
        if settings.landmarks is not None:
            at = settings.landmarks
            self._landmarks = Landmarks.read(Path(at.file), at.corners)
        self._compared_ns: int | None = None
        self._shift_px: float | None = None
        self._pacer = Pacer(source.fps) if source.fps is not None and not source.live else None
        self._state = CameraState.STARTING
        self._frozen_since_ns = 0
        self._passed_over = 0
        self._is_logged = False
        self._shape: tuple[int, int] | None = None
        self._stamped = source if isinstance(source, StampedSource) else None
        self._stamp_note = ""
        self._readable_at_ns = time.monotonic_ns()

    def run(self) -> Status:
        """Pass on images until the source ends, and return the final status."""
        source, tally = self._source, self._tally
        Status(
            CameraState.STARTING,
            at_ns=time.monotonic_ns(),
            is_open=True,
            fps=source.fps,
            live=source.live,
            colours=source.colours,
        ).send(self._status)
        shown_at_start = tally.grabbed
        while True:
            asked_ns = time.monotonic_ns()
            # Only the last line is reported at the end; over weeks the others would pile up.
            del source.unreadable[:-1]
            if not source.live:  # damaged images are progress in a recording, not from a camera
                tally.alive_at_ns = asked_ns
            grabbed = source.grab()
            self._count_passed_over()
            if not grabbed:
                self._log_times()
                if self._settings.loop and not source.live and tally.grabbed > shown_at_start:
                    shown_at_start = tally.grabbed
                    source.open()
                    if self._pacer is not None:
                        self._pacer.restart()
                    continue
                return self._end(time.monotonic_ns() - asked_ns)
            final = self._pass_on(time.monotonic_ns(), time.time_ns())
            if final is not None:
                return final

    def _pass_on(self, t_mono_ns: int, t_utc_ns: int) -> Status | None:
        """Decode and publish the image just grabbed; a final status if capture ends here."""
        tally, writer = self._tally, self._writer
        index = tally.grabbed
        tally.grabbed = index + 1
        buffer = None if self._shape is None else writer.buffer(*self._shape)
        image = self._source.retrieve(buffer)
        if image is not None and image is not buffer:  # the first one, or of another size
            _check_form(image, self._source.name)
            self._shape = (image.shape[0], image.shape[1])
            buffer = writer.buffer(*self._shape)
            np.copyto(buffer, image)
        if self._pacer is not None:
            if not self._pacer.wait(self._source.position_ns, self._wait_for_next):
                tally.late += 1
            t_mono_ns = self._pacer.due_ns
            t_utc_ns = time.time_ns() - (time.monotonic_ns() - t_mono_ns)
        if image is None or buffer is None:
            tally.unreadable += 1
            return self._unreadable(t_mono_ns)
        tally.alive_at_ns = self._readable_at_ns = t_mono_ns
        if self._stamped is not None and self._stamped.captured_ns is not None:
            # Never after its arrival: a frame of the future would never be out of date.
            captured_ns = min(int(self._stamped.captured_ns), t_mono_ns)
            t_utc_ns -= t_mono_ns - captured_ns
            t_mono_ns = captured_ns
        if self._frozen_detector.is_frozen(buffer):
            tally.withheld += 1
            return self._frozen(t_mono_ns)
        self._compare_landmarks(buffer, t_mono_ns)
        if self._mask is not None:
            self._mask.apply(buffer)
        self._change(CameraState.LIVE)  # before the image, so that its reader finds this state
        if writer.publish(index, t_mono_ns, t_utc_ns, self._source.position_ns):
            tally.overwritten += 1
        if self._stamped is not None and self._stamped.stamp_note != self._stamp_note:
            self._stamp_note = self._stamped.stamp_note
            logger.info("%s", self._stamp_note)
            Status(self._state, stamp_source=self._stamped.stamp_source).send(self._status)
        return None

    def _compare_landmarks(self, image: Image, now_ns: int) -> None:
        """Once a second: how far the camera has moved. Reads the image before it is masked."""
        wanted, landmarks = self._settings.landmarks, self._landmarks
        if wanted is None or landmarks is None:
            return
        if self._compared_ns is not None and 0 <= now_ns - self._compared_ns < LANDMARKS_NS:
            return
        self._compared_ns = now_ns
        if image.shape[:2] != tuple(wanted.size_px)[::-1]:
            return
        landmarks.update(image)
        shift_px = landmarks.shift_px
        # In steps of half a px, or its noise would be a message every second.
        if shift_px is not None and shift_px != math.inf:
            shift_px = round(2 * shift_px) / 2
        if shift_px != self._shift_px:
            self._shift_px = shift_px
            Status(self._state, shift_px=shift_px).send(self._status)

    def _unreadable(self, now_ns: int) -> Status | None:
        """A camera that sends nothing but damaged images is opened again: the first image after
        that is a key frame."""
        damaged_s = (now_ns - self._readable_at_ns) / 1e9
        if not self._source.live or damaged_s < self._settings.frame_timeout_s:
            return None
        fault = next(
            iter(self._source.unreadable[-1:]), f"{self._source.name}: an image is damaged"
        )
        reason = f"{fault}, for {damaged_s:.1f} s; check the network, or set the camera to TCP"
        return Status(CameraState.STALLED, reason, final=True)

    def _log_times(self) -> None:
        """At the end of a recording, once."""
        notes, self._is_logged = () if self._is_logged else self._source.time_notes, True
        for note in notes:
            logger.warning("%s", note)

    def _wait_for_next(self, left_s: float) -> None:
        """A recording shows nothing for a while: as blind as a stalled camera, but it runs."""
        self._tally.alive_at_ns = time.monotonic_ns()
        fps = self._source.fps
        if fps and left_s > self._settings.frame_timeout_s + 1 / fps:
            reason = f"{self._source.name}: the recording has a gap, {left_s:.1f} s from now on"
            self._change(CameraState.STALLED, reason)

    def _count_passed_over(self) -> None:
        passed_over = self._source.passed_over - self._passed_over
        self._passed_over += passed_over
        self._tally.grabbed += passed_over
        self._tally.withheld += passed_over

    def _frozen(self, now_ns: int) -> Status | None:
        reason = (
            f"{self._source.name}: the last {self._frozen_detector.repeats} images are identical; "
            "restart the camera"
        )
        if self._state is not CameraState.FROZEN:
            self._frozen_since_ns = now_ns
            self._change(CameraState.FROZEN, reason)
        if now_ns - self._frozen_since_ns < frozen.RECONNECT_S * 1e9:
            return None
        digest = self._frozen_detector.digest()
        return Status(CameraState.FROZEN, reason, final=True, frozen_digest=digest)

    def _change(self, state: CameraState, reason: str = "") -> None:
        if state is not self._state:
            self._state = state
            Status(state, reason).send(self._status)

    def _end(self, waited_ns: int) -> Status:
        source, frames = self._source, self._tally.grabbed
        fault = "".join(f" ({fault})" for fault in source.unreadable[-1:])
        if not source.live:
            reason = f"{source.name}: the recording has ended after {frames} frames{fault}"
            return Status(CameraState.ENDED, reason, final=True, again=False)
        # The source's own read timeout.
        if waited_ns >= TIMED_OUT * 1e9 * self._settings.frame_timeout_s:
            reason = f"no image for {waited_ns / 1e9:.1f} s; check camera and network"
            return Status(CameraState.STALLED, f"{source.name}: {reason}", final=True)
        reason = f"{source.name}: the camera closed the stream after {frames} frames{fault}"
        return Status(CameraState.ENDED, reason, final=True)


def _check_form(image: object, source: str) -> None:
    """Raise SourceError unless it is an image: numpy would cast 16 bits to 8 by their remainder."""
    if not isinstance(image, np.ndarray):
        found = type(image).__name__
    elif image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
        return
    else:
        found = f"{image.shape} {image.dtype}"
    raise SourceError(source, f"gave {found} for an image", "return (height, width, 3) uint8, BGR")


def capture(spec: CaptureSpec) -> Status:
    """Open the source and pass on its images until it ends; returns the final status."""
    try:
        source = _open(spec.settings, spec.status)
    except SourceError as error:
        refused = isinstance(error, LoginRefusedError)
        return Status(CameraState.UNREACHABLE, str(error), final=True, refused=refused)
    try:
        if not source.live and source.fps is None:
            no_rate = SourceError(source.name, "states no frame rate", "set the rate (fps=…)")
            return Status(CameraState.UNREACHABLE, str(no_rate), final=True)
        return CaptureLoop(spec, source, Tally(spec.tally)).run()
    except SourceError as error:
        return Status(CameraState.RESTARTING, str(error), final=True)
    finally:
        source.close()


def _open(settings: CaptureSettings, status: int) -> Source:
    module, _, function = settings.factory.partition(":")
    factory: Callable[..., Source] = getattr(importlib.import_module(module), function)
    while True:
        Status(CameraState.STARTING, at_ns=time.monotonic_ns()).send(status)
        try:
            return factory(
                settings.url,
                fps=settings.fps,
                open_timeout_s=settings.open_timeout_s,
                read_timeout_s=settings.frame_timeout_s,
            )
        except NoAnswerError as error:
            Status(CameraState.UNREACHABLE, str(error)).send(status)
            Status(CameraState.STARTING, at_ns=time.monotonic_ns()).send(status)
            time.sleep(random.uniform(0.5, 1.5) * ASK_AGAIN_S)


def _die_with(parent: int) -> None:
    """Have this process killed when the detector `parent` dies, in any way."""
    if sys.platform == "linux":
        # Sent when the *thread* that started this process ends; the supervisor lives longer.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before the line above
        sys.exit(1)


def main() -> None:
    spec = CaptureSpec.from_json(sys.stdin.read())
    _die_with(spec.parent)
    set_up_logging()  # for a camera maker's own library
    name_line(spec.settings.name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the detector, which ends this
    # As an exception, so that the source is closed: a network camera keeps the session of a client
    # that did not close it, and soon has no free session.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    cv2.setNumThreads(1)  # the cores belong to the model
    try:
        final = capture(spec)
    except Exception as error:
        what = str(error).replace(spec.settings.url, "the source")
        reason = f"the capture process failed: {type(error).__name__}: {what}"
        final = Status(CameraState.RESTARTING, reason, final=True)
    final.send(spec.status)


if __name__ == "__main__":
    main()
