"""Random changes of bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from random import Random

_LIMITS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def changed_bytes(
    rng: Random, seeds: Sequence[bytes], *, words: Sequence[bytes] = (), most: int = 4
) -> bytes:
    """One of the seeds with 1 to `most` changes. `words`: put in at random places."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, most)):
        _change(rng, data, seeds, words)
    return bytes(data)


def _change(rng: Random, data: bytearray, seeds: Sequence[bytes], words: Sequence[bytes]) -> None:
    size = len(data)
    at = int(rng.random() * size) if size else 0
    if size and rng.random() < 0.4:  # most formats have their structure at the start
        at = int(rng.random() * min(size, 128))
    match int(rng.random() * 12):
        case 0 | 1 | 2 if size:
            data[at] ^= 1 << int(rng.random() * 8)
        case 3 | 4 if size:
            data[at] = int(rng.random() * 256)
        case 5:
            form = rng.choice(("<B", "<H", ">H", "<I", ">I"))
            width = struct.calcsize(form)
            value = rng.choice(_LIMITS) & ((1 << 8 * width) - 1)
            data[at : at + width] = struct.pack(form, value)
        case 6:
            del data[at:]
        case 7:
            del data[at : at + rng.choice((1, 2, 4, 16, 256))]
        case 8:
            data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16)))
        case 9:
            length = rng.choice((1, 4, 16, 256, 2048))
            data[at:at] = data[at : at + length]
        case 10 if words:
            word = rng.choice(words)
            data[at : at + (len(word) if rng.random() < 0.5 else 0)] = word
        case _:
            other = rng.choice(seeds)
            start = int(rng.random() * len(other)) if other else 0
            data[at:] = other[start:]
