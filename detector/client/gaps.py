"""Detects missed messages by their sequence numbers."""

from __future__ import annotations

from detector.client.events import Gap
from detector.wire.messages import Header


class GapWatch:
    """Follows `seq` of each topic and, if all topics are subscribed to, `gseq`.

    `everything`: all topics are subscribed to; a lost alert is then detected with the next message
    of any topic, else only with the next one of its own topic. Messages before the first received
    one are not a gap; after a restart of the detector they are.
    """

    def __init__(self, *, everything: bool) -> None:
        self._everything = everything
        self._boot_id: str | None = None
        self._restarted = False
        self._gseq: int | None = None
        self._seq: dict[str, int] = {}
        self.missed = 0
        """Messages missed since the start, each counted once."""

    def update(self, topic: str, header: Header) -> list[Gap]:
        """The gaps before this message; none for a resent one."""
        if header.boot_id != self._boot_id:
            self._restarted = self._boot_id is not None
            self._boot_id = header.boot_id
            self._gseq = 0 if self._restarted else None
            self._seq.clear()
        gaps = []
        if self._everything:
            missed = header.gseq - 1 - (header.gseq - 1 if self._gseq is None else self._gseq)
            if missed > 0:
                gaps.append(Gap(None, missed, header.boot_id))
                self.missed += missed
            self._gseq = max(header.gseq, self._gseq or 0)
        known = self._seq.get(topic, 0 if self._restarted else header.seq - 1)
        missed = header.seq - 1 - known
        if missed > 0:
            gaps.append(Gap(topic, missed, header.boot_id))
            if not self._everything:
                self.missed += missed
        self._seq[topic] = max(header.seq, known)
        return gaps
