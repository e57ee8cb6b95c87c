"""The camera's tone: blur, paler colours and soft whites for drawn images."""

from math import ceil

import cv2
import numpy as np

from twin.drawn.shading import Image

LENS_SIGMA_PX = 0.62
"""Blur of a sharp industrial lens with its sensor filter; unblurred edges look artificial."""
COLOUR = 0.74
"""Share of a print's colour that remains under dust and hall light; by eye from belt images."""


def apply_tone(image: Image) -> Image:
    """Applies paler colours, whites below saturation and lens blur; uint8 BGR in and out."""
    to_grey = np.full((3, 3), (1 - COLOUR) / 3)
    pale = cv2.transform(image, to_grey + COLOUR * np.eye(3))
    level = np.linspace(0, 1, 256)
    # A gentle S curve: slightly deeper shadows, whites limited to 0.93.
    curve = 0.93 * (level + 0.10 * np.sin(2 * np.pi * (level - 0.5)) / 2)
    table = np.clip(curve * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(cv2.LUT(pale, table), (0, 0), LENS_SIGMA_PX), np.uint8)


def motion_blur(image: Image, length_px: float) -> Image:
    """Blurs an image along x by the distance travelled while the shutter is open, px."""
    if length_px < 0.1:
        return image
    reach = ceil(length_px / 2 + 0.5)
    taps = np.arange(-reach, reach + 1, dtype=np.float64)
    kernel = np.clip(length_px / 2 + 0.5 - np.abs(taps), 0, 1)[None, :]
    return np.asarray(
        cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.uint8
    )
