"""What an import found in a file, and what it had to assume."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Notes:
    file: str
    """Its name."""
    found: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
