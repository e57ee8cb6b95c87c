"""The condition of a line's images, frame by frame."""

from __future__ import annotations

import numpy as np

from detector.belt.encoder import ReportedMotion
from detector.ingest.frame import Frame
from detector.vision.belt_view import Rectifier
from detector.vision.condition.belt_samples import BeltSamples
from detector.vision.condition.exposure import refuse_unlit
from detector.vision.condition.frozen_belt import FrozenBelt


class ConditionMonitor:
    """Evaluates each frame on a grid of belt pixels."""

    def __init__(self, rectifier: Rectifier, *, along_x: bool) -> None:
        """`along_x`: the belt travels along the image's rows."""
        plane = rectifier.plane
        self._samples = samples = BeltSamples(plane.polygon_px, rectifier.image_size_px)
        middle = plane.polygon_px.mean(axis=0)
        step_px = np.array([samples.step_px, 0] if along_x else [0, samples.step_px])
        ends_mm = plane.to_belt(np.array([middle - step_px / 2, middle + step_px / 2]))
        step_mm = max(1e-3, float(np.linalg.norm(ends_mm[1] - ends_mm[0])))
        self._frozen = FrozenBelt(samples, step_mm, along_x=along_x)

    def update(self, frame: Frame, motion: ReportedMotion, position_mm: float) -> None:
        """Evaluate a frame, after the belt's motion up to it. `position_mm`: travel of the belt.

        Raises `BlindImageError` if the frame does not show the belt as it is now.
        """
        self._samples.update(frame.image)
        refuse_unlit(self._samples)
        self._frozen.refuse_frozen(frame.t_mono_ns, motion.speed_mm_s, motion.measured_mm)
