"""Whether a GigE Vision camera answers at an address."""

from __future__ import annotations

import contextlib
import socket
import time

PORT = 3956
TRIES = 3
ANSWER_S = 0.2
"""Wait for each answer. A camera answers within milliseconds."""
_DISCOVER = bytes.fromhex("4211000200000001")  # DISCOVERY_CMD, number 1, that wants an answer
_ANSWER = bytes.fromhex("0003")  # DISCOVERY_ACK


def answers(address: str) -> bool:
    """Ask the camera at `address` (IP) who it is; True as soon as it answers."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        for _ in range(TRIES):
            until_s = time.monotonic() + ANSWER_S
            with contextlib.suppress(OSError):  # refused, or no way there: perhaps not yet
                asking.connect((address, PORT))
                asking.send(_DISCOVER)
                while (left_s := until_s - time.monotonic()) > 0:
                    asking.settimeout(left_s)
                    if asking.recv(1024)[2:4] == _ANSWER:
                        return True
            time.sleep(max(0.0, until_s - time.monotonic()))
    return False
