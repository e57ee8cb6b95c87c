"""The received revisions of one alert."""

from __future__ import annotations

from bisect import bisect_left


class RevisionSet:
    """A set of revision numbers, stored as contiguous spans.

    There are seldom more than two spans. An alert that is open for a day has thousands of
    revisions, and a client remembers thousands of alerts.
    """

    __slots__ = ("_spans",)

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []
        """First and last, ascending."""

    @property
    def newest(self) -> int:
        """The highest revision; 0: empty."""
        return self._spans[-1][1] if self._spans else 0

    def add(self, revision: int) -> bool:
        """Add a revision; False if it is in the set already."""
        spans = self._spans
        at = bisect_left(spans, revision, key=lambda span: span[1])
        first = last = revision
        if at < len(spans) and spans[at][0] <= revision:
            return False
        if at < len(spans) and spans[at][0] == revision + 1:
            last = spans.pop(at)[1]
        if at > 0 and spans[at - 1][1] == revision - 1:
            at -= 1
            first = spans.pop(at)[0]
        spans.insert(at, (first, last))
        return True
