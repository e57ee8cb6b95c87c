"""Clock information for message headers."""

from __future__ import annotations

import ctypes
import time
from typing import Protocol

from detector.vocabulary import ClockSync, StampSource


class Clocks(Protocol):
    """Age of a frame, source of its timestamps and synchronisation of UTC."""

    @property
    def stamp_source(self) -> StampSource:
        """Whether capture times are readings of this host's clocks or times in a recording."""
        ...

    def age_ms(self, t_capture_mono_ns: int) -> float | None:
        """Time since capture, ms; None if the timestamp is not of this host's clock."""
        ...

    def sync(self) -> ClockSync:
        """Whether the host's UTC clock is synchronised."""
        ...


class HostClocks:
    """CLOCK_MONOTONIC of this host, and the kernel's synchronisation state of UTC."""

    stamp_source: StampSource = "grab"

    SYNC_KEPT_NS = 5_000_000_000
    """How long the kernel's answer is cached: NTP and PTP settle over minutes."""

    def __init__(self) -> None:
        self._sync: ClockSync = "unknown"
        self._sync_due_ns = 0

    def age_ms(self, t_capture_mono_ns: int) -> float | None:
        return (time.monotonic_ns() - t_capture_mono_ns) / 1e6

    def sync(self) -> ClockSync:
        now_ns = time.monotonic_ns()
        if now_ns >= self._sync_due_ns:
            self._sync = kernel_clock_sync()
            self._sync_due_ns = now_ns + self.SYNC_KEPT_NS
        return self._sync


class RecordingClocks:
    """For recordings: timestamps are not of this host's clock, so there is no age."""

    stamp_source: StampSource = "recording"

    def age_ms(self, t_capture_mono_ns: int) -> float | None:  # noqa: ARG002
        return None

    def sync(self) -> ClockSync:
        return "unknown"


class _Timex(ctypes.Structure):
    """The head of Linux' `struct timex` (adjtimex(2)); the rest is room for the kernel's answer."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


_STA_UNSYNC = 0x40


def kernel_clock_sync() -> ClockSync:
    """Read the kernel's state (a few µs); `unknown` if it is not available."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError, TypeError):  # not Linux
        return "unknown"
    timex = _Timex()  # modes 0: read only
    if adjtimex(ctypes.byref(timex)) < 0:  # refused by a sandbox
        return "unknown"
    # Not the return value: it also reports leap seconds and PPS errors. NTP and PTP set this bit.
    return "unsynchronised" if timex.status & _STA_UNSYNC else "synchronised"
