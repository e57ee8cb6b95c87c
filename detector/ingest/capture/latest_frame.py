"""Passes the newest image from the capture process to the detector, without a queue.

There are three buffers of shared memory: one being read, the newest one, and one being written.
A buffer belongs to the process that has its token, and tokens travel through two pipes:

    writer ──► mailbox ──► reader      at most one token; the writer takes an unread one back
    writer ◄── returns ◄── reader      buffers that the reader no longer uses

A read from a pipe gives a token to exactly one process, atomically in the kernel. So a `kill -9`
cannot leave a lock locked or an index half updated, the writer never waits, no image is read while
it is written, and the reader can sleep in `poll` on the mailbox.

The memory is `memfd`, which has no name: nothing can be left in /dev/shm when a process dies.
(`multiprocessing.shared_memory` has names: a killed process leaves them behind, or a resource
tracker removes them while another process uses them.)
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
from dataclasses import dataclass

import numpy as np

from detector.ingest.source import Image

BUFFERS = 3
"""One read, one newest, one written: with fewer a process would wait, more are never used."""

# buffer, height, width, index, t_mono_ns, t_utc_ns, position_ns; far below PIPE_BUF, so never
# split.
_TOKEN = struct.Struct("<iiiqqqq")
_NO_POSITION = -1
_CHANNELS = 3


@dataclass(frozen=True, slots=True)
class StampedImage:
    """An image from the capture process, with its number and timestamps."""

    image: Image
    """`(height, width, 3)` uint8, BGR; a read-only view, valid until the next `pop`."""
    index: int
    t_mono_ns: int
    t_utc_ns: int
    position_ns: int | None
    """In the recording, by its own timestamp; None: it has none."""


@dataclass(frozen=True, slots=True)
class WriterEnds:
    """The file descriptors that the writing process inherits, and the buffers it starts with."""

    buffers: tuple[int, ...]
    mailbox_read: int
    mailbox_write: int
    returns_read: int
    free: tuple[int, ...]

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (*self.buffers, self.mailbox_read, self.mailbox_write, self.returns_read)


class LatestFrame:
    """The reader's side, which owns memory and pipes; it outlives its writers.

    `pop` is for one thread at a time; `new_writer` and `close` may be called from another.
    """

    def __init__(self) -> None:
        self._buffers = tuple(os.memfd_create("vigitri-frame") for _ in range(BUFFERS))
        self._mailbox_read, self._mailbox_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._returns_read, self._returns_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._maps: list[mmap.mmap | None] = [None] * BUFFERS
        self._views: list[Image | None] = [None] * BUFFERS
        self._held: int | None = None
        self._guard = threading.Lock()  # `pop` against `new_writer`; not shared with the writer
        self.popped = 0
        """Images handed out so far."""

    def fileno(self) -> int:
        """Readable when an image is waiting, for `select` and `poll`."""
        return self._mailbox_read

    def pop(self) -> StampedImage | None:
        """The newest image, or None if there is none since the last call.

        Returns the buffer of the previous image to the writer.
        """
        with self._guard:
            # First, or the writer could be left without a free buffer.
            if self._held is not None:
                os.write(self._returns_write, bytes((self._held,)))
                self._held = None
            try:
                token = os.read(self._mailbox_read, _TOKEN.size)
            except BlockingIOError:  # none, or the writer has just replaced it by a newer one
                return None
            buffer, height, width, index, t_mono_ns, t_utc_ns, position = _TOKEN.unpack(token)
            self._held = buffer
            self.popped += 1
        position_ns = None if position == _NO_POSITION else position
        view = self._view(buffer, height, width)
        return StampedImage(view, index, t_mono_ns, t_utc_ns, position_ns)

    def new_writer(self) -> WriterEnds:
        """The ends for a new writer after the last one has died; drops an unread image."""
        with self._guard:
            for pipe in (self._mailbox_read, self._returns_read):
                while _read_or_none(pipe, _TOKEN.size) is not None:
                    pass
            free = tuple(buffer for buffer in range(BUFFERS) if buffer != self._held)
        return WriterEnds(
            self._buffers, self._mailbox_read, self._mailbox_write, self._returns_read, free
        )

    def close(self) -> None:
        """Release memory and pipes; an image still in use stays valid until it is released."""
        with self._guard:
            self._views = [None] * BUFFERS
            self._maps = [None] * BUFFERS  # not mmap.close(), which refuses while a view lives
            pipes = (
                self._mailbox_read,
                self._mailbox_write,
                self._returns_read,
                self._returns_write,
            )
            for descriptor in (*self._buffers, *pipes):
                os.close(descriptor)

    def _view(self, buffer: int, height: int, width: int) -> Image:
        view = self._views[buffer]
        if view is None or view.shape != (height, width, _CHANNELS):
            mapped = self._maps[buffer]
            if mapped is None or len(mapped) < height * width * _CHANNELS:
                # Read-only: code that draws on a frame has to copy it first, or gets an error.
                mapped = mmap.mmap(self._buffers[buffer], 0, prot=mmap.PROT_READ)
                self._maps[buffer] = mapped
            view = _image_on(mapped, height, width)
            self._views[buffer] = view
        return view


class FrameWriter:
    """The writer's side."""

    def __init__(self, ends: WriterEnds) -> None:
        self._ends = ends
        self._maps: list[mmap.mmap | None] = [None] * BUFFERS
        self._free = list(ends.free)
        self._views: list[Image | None] = [None] * BUFFERS

    def buffer(self, height: int, width: int) -> Image:
        """The buffer to fill, `(height, width, 3)` uint8; the same one until `publish`."""
        buffer = self._free[-1]
        view = self._views[buffer]
        if view is None or view.shape != (height, width, _CHANNELS):
            view = _image_on(self._mapped(buffer, height * width * _CHANNELS), height, width)
            self._views[buffer] = view
        return view

    def publish(
        self, index: int, t_mono_ns: int, t_utc_ns: int, position_ns: int | None = None
    ) -> bool:
        """Make the last result of `buffer` the newest image.

        Returns:
            True if it replaced an image that had not been read.
        """
        buffer = self._free.pop()
        view = self._views[buffer]
        assert view is not None, "publish follows buffer"
        unread = _read_or_none(self._ends.mailbox_read, _TOKEN.size)
        if unread is not None:
            self._free.append(_TOKEN.unpack(unread)[0])
        position = _NO_POSITION if position_ns is None else position_ns
        token = _TOKEN.pack(buffer, *view.shape[:2], index, t_mono_ns, t_utc_ns, position)
        os.write(self._ends.mailbox_write, token)
        # After the write, a buffer is certainly free: one of three is in the mailbox or has just
        # been read from it, and the reader returns its previous one first.
        returned = _read_or_none(self._ends.returns_read, BUFFERS)
        if returned is not None:
            self._free.extend(returned)
        return unread is not None

    def _mapped(self, buffer: int, size_bytes: int) -> mmap.mmap:
        mapped = self._maps[buffer]
        if mapped is None or len(mapped) < size_bytes:
            descriptor = self._ends.buffers[buffer]
            # Only ever grown: shrinking it under a view of the reader would be a bus error there.
            if os.fstat(descriptor).st_size < size_bytes:
                os.ftruncate(descriptor, size_bytes)
            mapped = mmap.mmap(descriptor, 0)
            self._maps[buffer] = mapped
        return mapped


def _image_on(mapped: mmap.mmap, height: int, width: int) -> Image:
    flat = np.frombuffer(mapped, np.uint8, height * width * _CHANNELS)
    return flat.reshape(height, width, _CHANNELS)


def _read_or_none(descriptor: int, size: int) -> bytes | None:
    try:
        return os.read(descriptor, size)
    except BlockingIOError:
        return None
