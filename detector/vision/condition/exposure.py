"""Detects unlit frames: those in which the belt is all dark or all white."""

from __future__ import annotations

from detector.vision.condition.belt_samples import BeltSamples
from detector.vision.condition.faults import BlindImageError

DARK, GLARING = 12, 243
"""Pixel values, of 255. Chosen, not measured on a plant's cameras: at least 85 % of the twin's
drawn belt is between them at night, 93 % under a dirty lens."""
CLIPPED = 250
"""From this value on all three colours show no detail."""
SHOWN_LEAST = 0.02
"""Minimum share of the belt that must not be dark, and must not be glaring; bright objects on a
black belt may cover as little as that."""


class UnlitError(BlindImageError):
    """The frame shows nothing of the belt."""


def refuse_unlit(samples: BeltSamples) -> None:
    """Raises `UnlitError` if the belt is dark or white all over."""
    if samples.share(0, DARK) > 1 - SHOWN_LEAST:
        raise UnlitError(
            "the image of the belt is dark. Check the light, the lens cover and the camera's "
            "exposure"
        )
    if samples.share(GLARING, 255) > 1 - SHOWN_LEAST:
        raise UnlitError(
            "the image of the belt is white all over. Check for light into the lens, and the "
            "camera's exposure"
        )
