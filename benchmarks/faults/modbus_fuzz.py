"""Malformed Modbus frames to a real bridge, which must keep answering valid ones."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
from dataclasses import dataclass

from pymodbus.client import ModbusTcpClient

from benchmarks.bridge_process import BridgeProcess
from detector.bridge.register_map import INPUT_WORDS

AT_ONCE = 200
"""Frames per connection."""
REFUSED_MOST = 5
"""Consecutive refused connections after which the bridge counts as crashed."""


@dataclass
class FuzzResult:
    """Counts of what was sent and how it was handled."""

    frames: int = 0
    answered: int = 0
    """Frames with a reply; the bridge ignores other units and wrong headers."""
    crashes: int = 0


def fuzz(frames: int, *, seed: int = 1) -> FuzzResult:
    """Send `frames` malformed frames."""
    rng, tally = random.Random(seed), FuzzResult()
    ends = [("tcp://127.0.0.1:9", "tcp://127.0.0.1:10")]
    with BridgeProcess(ends) as bridge:
        refused = 0
        while tally.frames < frames and bridge.running and refused < REFUSED_MOST:
            sent = _burst(rng, frames - tally.frames)
            try:
                tally.answered += _replies(_exchange(bridge, b"".join(sent)))
            except OSError:
                refused += 1
                continue
            refused = 0
            tally.frames += len(sent)
        tally.crashes += refused == REFUSED_MOST
        with ModbusTcpClient(bridge.host, port=bridge.port, timeout=10) as client:
            sound = client.read_input_registers(0, count=INPUT_WORDS, device_id=1)
        tally.crashes += sound.isError() or not bridge.running
    return tally


def _exchange(bridge: BridgeProcess, sent: bytes) -> bytes:
    """All bytes of the reply. Raises `OSError` if the bridge does not accept the connection."""
    reply = b""
    with socket.create_connection((bridge.host, bridge.port), timeout=5) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while received := client.recv(65536):
                reply += received
    return reply


def _replies(reply: bytes) -> int:
    """Number of complete Modbus TCP frames."""
    count = at = 0
    while at + 6 <= len(reply):
        (length,) = struct.unpack_from(">H", reply, at + 4)
        at += 6 + length
        count += at <= len(reply)
    return count


def _burst(rng: random.Random, most: int) -> list[bytes]:
    """Frames for one connection. One with a wrong header is the last, as the bridge would read the
    bytes after it as the rest of that frame."""
    sent: list[bytes] = []
    whole = True
    while whole and len(sent) < min(most, AT_ONCE):
        frame, whole = _malformed(rng)
        sent.append(frame)
    return sent


def _malformed(rng: random.Random) -> tuple[bytes, bool]:
    """A malformed frame, and whether its header is right; it is wrong in 2 % of the frames."""
    kind = rng.random()
    if kind < 0.01:
        return rng.randbytes(rng.randrange(1, 30)), False
    function = rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 11, 15, 16, 17, 20, 21, 22, 23, 24, 43, 99, 200))
    body = bytes((function,)) + rng.randbytes(rng.randrange(0, 24))
    length = len(body) + 1
    if kind < 0.02:
        length = rng.randrange(0, 0x10000)
    head = struct.pack(">HHHB", rng.randrange(0x10000), 0, length, rng.choice((0, 1, 2, 255)))
    return head + body, kind >= 0.02
