"""Where the station reaches a line."""

from __future__ import annotations

from dataclasses import dataclass

from detector.wire.keys import ClientKeys


@dataclass(frozen=True, slots=True)
class LineAddress:
    """A line's name, endpoints and keys."""

    name: str
    publish: str
    requests: str
    evidence: str
    keys: ClientKeys | None = None
