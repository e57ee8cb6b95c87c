"""What the workshop raises when its input is not usable: one line that names the mend."""

from __future__ import annotations

from detector.errors import VigitriError


class WorkshopError(VigitriError, ValueError):
    """The data, the recipe, the weights or the tools of the workshop are not as they must be."""
