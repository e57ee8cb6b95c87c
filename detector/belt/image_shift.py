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
        fy, fx = _packed_frequencies(height, width)
        low_pass = np.exp(-2 * (np.pi * _LOW_PASS_PX) ** 2 * (fx**2 + fy**2))
        low_pass[0, 0] = 0
        # Each place of a packed spectrum is half of a pair, or of a frequency that has no pair.
        noise = np.sqrt((low_pass**2).sum()) / (width * height)
        # Half of it in each of the two spectra that are multiplied; correlations are then in
        # deviations of the noise.
        self._half_pass = np.sqrt(low_pass / noise).astype(np.float32)

    @property
    def coarseness(self) -> float:
        """View pixels per pixel of the compared images, along the coarser side."""
        return float(self._view_px_per_px.max())

    def _blurred(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.blur(image, (_BLUR_PX, _BLUR_PX)), dtype=np.float32)

    def spectrum(self, small: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Phases of a reduced belt view's spectrum, low-passed, for `match`.

        `small`: `(h, w, 3)` uint8 BGR, `followed_px` in size. Returns `(h, w)`, packed as by
        `cv2.dft`.
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
        spectrum = np.asarray(cv2.dft(detail, dst=detail), dtype=np.float32)
        amplitude = np.sqrt(_packed_power(spectrum))
        amplitude += _LEAST_AMPLITUDE
        spectrum *= np.divide(self._half_pass, amplitude, out=amplitude)
        return spectrum

    def match(
        self,
        before: NDArray[np.float32],
        now: NDArray[np.float32],
        *,
        across_at_most_px: float | None,
    ) -> Match:
        """The correlation of two spectra at every possible shift from `before` to `now`.

        `across_at_most_px`: larger shifts across are excluded, view px; None: any direction.
        """
        width, height = self._size
        cross = cv2.mulSpectrums(now, before, 0, conjB=True)
        surface = np.asarray(
            cv2.dft(cross, dst=cross, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE), dtype=np.float32
        )
        reach = width // 2
        if across_at_most_px is not None:
            reach = min(reach, 1 + round(across_at_most_px / self._view_px_per_px[0]))
        columns = np.arange(-reach, min(reach, width - 1 - width // 2) + 1)
        surface = np.fft.fftshift(surface[:, columns], axes=0)
        return Match(surface, (reach, height // 2), self._view_px_per_px)


def _packed_frequencies(height: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`(h, w)` frequencies along and across, cycles per px, of each place of a spectrum that
    `cv2.dft` packs: real and imaginary parts side by side, and one below the other in the columns
    of the lowest and, with an even width, the highest frequency."""
    fy = np.repeat(np.fft.fftfreq(height)[:, None], width, axis=1)
    fx = np.repeat((np.arange(width) + 1)[None] // 2 / width, height, axis=0)
    for column in (0, -1) if width % 2 == 0 else (0,):
        fy[:, column] = (np.arange(height) + 1) // 2 / height
    return fy, fx


def _packed_power(spectrum: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared amplitude of a packed spectrum, for both parts of each pair."""
    power = np.asarray(cv2.mulSpectrums(spectrum, spectrum, 0, conjB=True), dtype=np.float32)
    below, beside = ((side - 1) // 2 * 2 for side in power.shape)
    power[:, 2 : beside + 1 : 2] = power[:, 1:beside:2]
    for column in (0, -1) if power.shape[1] % 2 == 0 else (0,):
        power[2 : below + 1 : 2, column] = power[1:below:2, column]
    return power


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
