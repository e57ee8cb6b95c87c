"""HEIC images, such as an iPhone's, by pillow-heif, the extra `heic`.

Not by PyAV, which gives one of the tiles (512 x 512 px) that a phone divides its image into.
"""

from __future__ import annotations

import numpy as np

from detector import LARGEST_PIXELS
from detector.ingest.source import Image

MISSING = (
    "HEIC, which needs pillow-heif",
    "pip install 'vigitri[heic]', or export it as JPEG (iPhone: Settings, Camera, Formats, Most "
    "Compatible)",
)


def decoded(data: bytes) -> Image:
    """The primary image upright, `(h, w, 3)` BGR or `(h, w, 4)` BGRA, uint8.

    Raises:
        ModuleNotFoundError: pillow-heif is not installed.
        ValueError: The image is damaged or too large; also other errors of libheif.
    """
    import pillow_heif

    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=True, bgr_mode=True)
    width, height = file.size
    if width * height > LARGEST_PIXELS:
        raise ValueError(f"it states {width} x {height} px")
    pixels: Image = np.asarray(file)
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., np.newaxis], 3, 2)
