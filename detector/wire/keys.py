"""CURVE keys: who we are, and whom we trust."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a client needs to speak to a line that asks for keys; each key is 40 Z85 signs."""

    public: str
    secret: str
    server: str
    """The line's public key: a client speaks to this one and to nobody else."""

    def __repr__(self) -> str:
        return f"ClientKeys(public={self.public!r}, server={self.server!r})"  # never the secret
