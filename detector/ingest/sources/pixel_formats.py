"""From a camera's raw pixels to BGR: GenICam's pixel formats of 8 bits, and those of V4L2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.ingest.source import Image
from detector.ingest.sources.opencv import cv2


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How one pixel format is coded, and the conversion to BGR."""

    name: str
    """GenICam's name (Pixel Format Naming Convention 2.1)."""
    bytes_per_pixel: int
    conversion: int | None
    """OpenCV's code; None: it is BGR already."""

    def row_bytes(self, width: int) -> int:
        return width * self.bytes_per_pixel

    def to_bgr(
        self,
        raw: NDArray[np.uint8],
        size_px: tuple[int, int],
        *,
        padding: int = 0,
        into: Image | None = None,
    ) -> Image | None:
        """Convert one image.

        Args:
            raw: `(n,)` uint8, row after row from the top.
            size_px: Width, height.
            padding: Bytes after each row.
            into: Destination, used if it is `(height, width, 3)`.

        Returns:
            `(height, width, 3)` uint8 BGR; None if `raw` is too short for it.
        """
        width, height = size_px
        row_bytes = self.row_bytes(width)
        stride = row_bytes + padding
        if min(width, height) <= 0 or raw.size < stride * height - padding:
            return None
        rows = np.lib.stride_tricks.as_strided(
            raw, (height, row_bytes), (stride, 1), writeable=False
        )
        pixels = rows if self.bytes_per_pixel == 1 else rows.reshape(height, width, -1)
        if into is None or into.shape != (height, width, 3):
            into = np.empty((height, width, 3), np.uint8)
        if self.conversion is None:
            np.copyto(into, pixels)
        else:
            cv2.cvtColor(np.ascontiguousarray(pixels), self.conversion, into)
        return into


GENICAM_FORMATS = {
    0x01080001: PixelFormat("Mono8", 1, cv2.COLOR_GRAY2BGR),
    # GenICam names the first two pixels of the first row; OpenCV's older names, the second row's.
    0x01080008: PixelFormat("BayerGR8", 1, cv2.COLOR_BayerGRBG2BGR),
    0x01080009: PixelFormat("BayerRG8", 1, cv2.COLOR_BayerRGGB2BGR),
    0x0108000A: PixelFormat("BayerGB8", 1, cv2.COLOR_BayerGBRG2BGR),
    0x0108000B: PixelFormat("BayerBG8", 1, cv2.COLOR_BayerBGGR2BGR),
    0x02180014: PixelFormat("RGB8", 3, cv2.COLOR_RGB2BGR),
    0x02180015: PixelFormat("BGR8", 3, None),
    0x0210001F: PixelFormat("YUV422_8_UYVY", 2, cv2.COLOR_YUV2BGR_UYVY),
    0x02100032: PixelFormat("YUV422_8", 2, cv2.COLOR_YUV2BGR_YUYV),
}
"""By PFNC's number. What has more than 8 bits per sample is refused: the model sees 8."""

OTHER_NAMES = {
    "RGB8Packed": "RGB8",
    "BGR8Packed": "BGR8",
    "YUV422Packed": "YUV422_8_UYVY",
    "YUV422_YUYV_Packed": "YUV422_8",
    "YCbCr422_8": "YUV422_8",
}
"""Names by GigE Vision 1 of the same formats."""


def is_known(name: str) -> bool:
    """Whether the format that a camera calls `name` can be converted."""
    return OTHER_NAMES.get(name, name) in {known.name for known in GENICAM_FORMATS.values()}
