"""Messages as they are kept: their JSON, deflated with a dictionary of sample messages.

An alert's JSON is some 2 kB, of which most is field names; with the dictionary it needs 0.4 kB.
The dictionary is kept in the database, so that later samples do not change what can be read.
"""

from __future__ import annotations

import zlib

from pydantic import BaseModel

from detector.wire import samples
from detector.wire.messages import KindProbability

_LEVEL = 6


def sample_dictionary() -> bytes:
    """The dictionary of a new database; what is most frequent comes last."""
    kinds = tuple(
        KindProbability(name=name, hazard=hazard, probability=0.5)
        for name, hazard in (("battery_aa", "battery"), ("gas_cartridge", "gas"), ("tin", "none"))
    )
    why = samples.ALERT.why
    assert why is not None
    alert = samples.ALERT.model_copy(
        update={"why": why.model_copy(update={"kinds": kinds, "verifier_passes": 3})}
    )
    parts: list[BaseModel] = [samples.LINE_ALERT, alert]
    return b"\n".join(part.model_dump_json().encode() for part in parts)


class PayloadCodec:
    """Packs and unpacks payloads with one dictionary; usable in all threads."""

    def __init__(self, dictionary: bytes) -> None:
        self._dictionary = dictionary

    def pack(self, message: BaseModel | bytes) -> bytes:
        data = message if isinstance(message, bytes) else message.model_dump_json().encode()
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15, zdict=self._dictionary)
        return packer.compress(data) + packer.flush()

    def unpack(self, packed: bytes) -> bytes:
        unpacker = zlib.decompressobj(-15, zdict=self._dictionary)
        return unpacker.decompress(packed) + unpacker.flush()
