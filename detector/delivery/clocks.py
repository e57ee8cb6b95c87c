"""Clock information for message headers."""

from __future__ import annotations

import ctypes
import time

from detector.vocabulary import ClockSync


class HostClocks:
    """CLOCK_MONOTONIC of this host, and the kernel's synchronisation state of UTC."""

    SYNC_KEPT_NS = 5_000_000_000
    """How long the kernel's answer is cached: NTP and PTP settle over minutes."""

    def __init__(self) -> None:
        self._sync: ClockSync = "unknown"
        self._sync_due_ns = 0

    def age_ms(self, t_capture_mono_ns: int) -> float:
        """Time since capture, ms."""
        return (time.monotonic_ns() - t_capture_mono_ns) / 1e6

    def sync(self) -> ClockSync:
        """Whether the host's UTC clock is synchronised."""
        now_ns = time.monotonic_ns()
        if now_ns >= self._sync_due_ns:
            self._sync = kernel_clock_sync()
            self._sync_due_ns = now_ns + self.SYNC_KEPT_NS
        return self._sync


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
