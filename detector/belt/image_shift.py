"""Shift between two images, by phase correlation (Kuglin & Hines 1975)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

COMPARED_PX = 192
"""Long side of the compared images: AA cells are still blobs. One comparison takes 0.4 ms."""

PEAK_MIN = 16.0
"""Minimum height of a peak, in standard deviations of the noise. Noise alone reaches 5. Frames of
different stretches of a real belt reach 15, because all objects on it are blobs and its ridges run
along it. Two frames of one stretch give 18 to 60, even with only two thirds overlap and a tenth of
the contrast."""

NEAR_MIN = 8.0
"""Minimum height where the belt is predicted to the pixel: at so few places noise reaches 4. While
stationary material hides a running belt, or a film is caught, the belt's own peak is 8 to 35, and
that of the stationary material up to 70."""

_LEAST_AMPLITUDE = 1e-3
"""Of a spectrum of grey levels; below it a phase is rounding."""
_BLUR_PX = 15
_LOW_PASS_PX = 1.0
_AROUND = np.ones((3, 3), dtype=np.uint8)


def followed_px(view_px: tuple[int, int]) -> tuple[int, int]:
    """`(width, height)` of the compared images, for belt views of `view_px`."""
    view = np.array(view_px, dtype=np.float64)
    small = np.maximum(16, np.round(view * min(1.0, COMPARED_PX / view.max()))).astype(int)
    return int(small[0]), int(small[1])


class ImageShift:
    """Compares belt views of one size, reduced to `followed_px`.

    Not `cv2.phaseCorrelate`: it measures small shifts 5 to 15 % short (it uses a centre of mass),
    cannot distinguish a match from noise at any size, and tracks whatever is stationary in the
    image.
    """

    def __init__(self, view_px: tuple[int, int], belt_mask: NDArray[np.bool_] | None) -> None:
        """`view_px`: `(width, height)` of the belt view; `belt_mask`: `(h, w)` bool, belt pixels
        of the reduced view; None: all.
        """
        self._size = width, height = followed_px(view_px)
        self._view_px_per_px = np.array(view_px) / self._size
        belt = np.ones((height, width), dtype=np.bool_) if belt_mask is None else belt_mask
        self._weight = belt.astype(np.float32)
        self._near = np.maximum(self._blurred(self._weight), 1e-3)
        self._columns = np.maximum(self._weight.sum(axis=0), 1)
        self._rows = np.maximum(self._weight.sum(axis=1, keepdims=True), 1)
        # Fades out towards the belt's edge, which is stationary and would be tracked instead.
        framed = cv2.copyMakeBorder(belt.astype(np.uint8), 1, 1, 1, 1, 0)
        depth_px = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
        fade_px = max(2.0, min(self._size) / 6)
        self._window = (np.sin(np.minimum(depth_px / fade_px, 1) * np.pi / 2) ** 2).astype(
            np.float32
        )
        # The low pass removes fine noise and makes the peak a Gaussian, whose maximum is exact.
        fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
        low_pass = np.exp(-2 * (np.pi * _LOW_PASS_PX) ** 2 * (fx**2 + fy**2)).astype(np.float32)
        low_pass[0, 0] = 0
        # Half of it in each of the two spectra that are multiplied.
        self._half_pass = np.sqrt(low_pass)
        # A real image's spectrum is given for fx >= 0; fx < 0 is the same again.
        self._times = np.where((fx == 0) | (fx == 0.5), 1, 2)[0]
        power = float((np.where(fx == 0, 1, 2) * low_pass**2).sum())
        self._noise = np.sqrt(power) / (width * height)
        self._to_columns: dict[int, NDArray[np.complex64]] = {}

    @property
    def coarseness(self) -> float:
        """View pixels per pixel of the compared images, along the coarser side."""
        return float(self._view_px_per_px.max())

    def _blurred(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.blur(image, (_BLUR_PX, _BLUR_PX)), dtype=np.float32)

    def spectrum(self, small: NDArray[np.uint8]) -> NDArray[np.complex64]:
        """Phases of a reduced belt view's spectrum, low-passed, for `match`.

        `small`: `(h, w, 3)` uint8 BGR, `followed_px` in size. Returns `(h, w // 2 + 1)`.
        """
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
        grey *= self._weight
        detail = self._blurred(grey)
        detail /= self._near
        np.subtract(grey, detail, out=detail)
        detail *= self._weight
        # Detail that is uniform along or across the view (ridges, splices) shows no motion there.
        detail -= cv2.reduce(detail, 0, cv2.REDUCE_SUM) / self._columns
        detail -= cv2.reduce(detail, 1, cv2.REDUCE_SUM) / self._rows
        detail *= self._window
        spectrum = _real_dft(detail)
        spectrum *= self._half_pass / (np.abs(spectrum) + _LEAST_AMPLITUDE)
        return spectrum

    def match(
        self,
        before: NDArray[np.complex64],
        now: NDArray[np.complex64],
        *,
        across_at_most_px: float | None,
    ) -> Match:
        """The correlation of two spectra at every possible shift from `before` to `now`.

        `across_at_most_px`: larger shifts across are excluded, view px; None: any direction.
        """
        width, height = self._size
        middle_v, middle_u = height // 2, width // 2
        if across_at_most_px is not None:
            middle_u = min(middle_u, 1 + round(across_at_most_px / self._view_px_per_px[0]))
        # Back along the rows first, to the few columns that are needed.
        columns = _product(now * before.conj(), self._columns_from(middle_u))
        surface = np.fft.fftshift(np.fft.ifft(columns, axis=0).real, axes=0)
        return Match(surface, (middle_u, middle_v), self._view_px_per_px)

    def _columns_from(self, reach: int) -> NDArray[np.complex64]:
        """`(w // 2 + 1, columns)`: the inverse DFT of a spectrum's row to the columns from `-reach`
        to `reach` px, or all there are, in noise deviations."""
        known = self._to_columns.get(reach)
        if known is None:
            width = self._size[0]
            u = np.arange(-reach, min(reach, width - 1 - reach) + 1)
            waves = np.exp(2j * np.pi * np.outer(np.arange(len(self._times)), u) / width)
            scale = self._times / (width * self._noise)
            known = self._to_columns[reach] = (waves * scale[:, None]).astype(np.complex64)
        return known


def _product(rows: NDArray[np.complex64], matrix: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """`rows @ matrix`. BLAS is faster on idle cores, but waits in a loop for its threads on others:
    five times the time there."""
    a, b = (each.view(np.float32).reshape(*each.shape, 2) for each in (rows, matrix))
    nothing = np.empty((0, 0), dtype=np.float32)
    product = np.asarray(cv2.gemm(a, b, 1.0, nothing, 0.0), dtype=np.float32)
    return np.asarray(product.view(np.complex64)[..., 0])


def _real_dft(image: NDArray[np.float32]) -> NDArray[np.complex64]:
    """As `np.fft.rfft2`, `(h, w // 2 + 1)`, in a third of its time.

    OpenCV packs the real and imaginary parts of a row side by side; the columns of the lowest and,
    with an even width, the highest frequency are real images' spectra themselves.
    """
    height, width = image.shape
    packed = np.asarray(cv2.dft(image), dtype=np.float32)
    spectrum = np.empty((height, width // 2 + 1), dtype=np.complex64)
    inner = (width - 1) // 2
    parts = spectrum.view(np.float32).reshape(height, -1)
    parts[:, 2 : 2 + 2 * inner] = packed[:, 1 : 1 + 2 * inner]
    spectrum[:, 0] = _unpacked(packed[:, 0])
    if width % 2 == 0:
        spectrum[:, -1] = _unpacked(packed[:, -1])
    return spectrum


def _unpacked(column: NDArray[np.float32]) -> NDArray[np.complex64]:
    """The spectrum `(h,)` of a real column from its packed form `(h,)`."""
    height = len(column)
    inner = (height - 1) // 2
    spectrum = np.empty(height, dtype=np.complex64)
    spectrum[0] = column[0]
    spectrum[1 : 1 + inner] = column[1 : 1 + 2 * inner : 2] + 1j * column[2 : 2 + 2 * inner : 2]
    if height % 2 == 0:
        spectrum[height // 2] = column[-1]
    spectrum[height - inner :] = spectrum[inner:0:-1].conj()
    return spectrum


class Match:
    """The correlation of two images; its peaks are the candidate shifts."""

    def __init__(
        self,
        surface: NDArray[np.floating],
        middle: tuple[int, int],
        view_px_per_px: NDArray[np.float64],
    ) -> None:
        """`surface`: `(h, w)`, in noise deviations (see `PEAK_MIN`). `middle`: column and row of
        no shift."""
        self._surface, self._middle = surface, middle
        self._scale = view_px_per_px

    def best_px(self) -> tuple[float, float] | None:
        """`(u, v)` view px of the highest peak; None if nothing can be tracked."""
        surface, (middle_u, middle_v) = self._surface, self._middle
        peaks = np.where(surface >= cv2.dilate(surface, _AROUND), surface, 0)
        # Stationary detail may be light, dirt on the lens or a wall: moving peaks come first.
        moving = peaks.copy()
        moving[middle_v - 2 : middle_v + 3, max(0, middle_u - 2) : middle_u + 3] = 0
        best = moving if moving.max() >= PEAK_MIN else peaks
        v, u = (int(at) for at in np.unravel_index(best.argmax(), best.shape))
        return self._at(u, v) if best[v, u] >= PEAK_MIN else None

    def near_px(
        self, expected_px: tuple[float, float], reach_px: tuple[float, float]
    ) -> tuple[float, float] | None:
        """`(u, v)` view px of the peak nearest to the predicted shift; None: no peak in reach.

        So near, half the height will do (`NEAR_MIN`): the peaks of stationary material may be
        higher.
        """
        at = np.array(expected_px) / self._scale + self._middle
        reach = np.array(reach_px) / self._scale
        last = np.array(self._surface.shape[::-1]) - 1
        u0, v0 = np.clip(np.round(at - reach), 0, last).astype(int)
        u1, v1 = np.clip(np.round(at + reach), 0, last).astype(int)
        part = self._surface[v0 : v1 + 1, u0 : u1 + 1]
        high = np.argwhere(part >= NEAR_MIN) + np.array([v0, u0])
        # A high value at the part's rim may be the slope of a peak outside.
        peaks = [(u, v) for v, u in high.tolist() if self._is_peak(u, v)]
        if not peaks:
            return None
        return self._at(*min(peaks, key=lambda each: float(np.hypot(*(each - at)))))

    def _is_peak(self, u: int, v: int) -> bool:
        around = self._surface[max(0, v - 1) : v + 2, max(0, u - 1) : u + 2]
        return bool(self._surface[v, u] >= around.max())

    def _at(self, u: int, v: int) -> tuple[float, float]:
        du = u - self._middle[0] + _peak_offset(self._surface[v], u)
        dv = v - self._middle[1] + _peak_offset(self._surface[:, u], v)
        return du * float(self._scale[0]), dv * float(self._scale[1])


def _peak_offset(line: NDArray[np.floating], at: int) -> float:
    """Offset of a Gaussian's maximum from its highest sample, in samples."""
    if not 0 < at < len(line) - 1:
        return 0.0
    before, top, after = np.log(np.maximum(line[at - 1 : at + 2], 1e-3))
    bend = before - 2 * top + after
    return 0.0 if bend >= 0 else float(np.clip((before - after) / bend / 2, -0.5, 0.5))
