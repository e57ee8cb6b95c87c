"""Faults of the image: those that make the line blind, and those that degrade its vision."""

from __future__ import annotations

from dataclasses import dataclass

from detector.vocabulary import ImageFaultKind


class BlindImageError(Exception):
    """The image does not show the belt as it is now: one line with the possible causes."""


@dataclass(frozen=True, slots=True)
class ImageFault:
    """A fault with which the belt is still watched, but worse."""

    kind: ImageFaultKind
    reason: str
    """One line: the figure, its limit, and the fix."""
