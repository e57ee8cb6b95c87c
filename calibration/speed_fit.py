"""Belt speed by the image against the encoder, over footage: residuals and encoder scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.quality import QualityFigure, at_least, at_most

WINDOW_S = 1.0
"""Travel is compared over this time."""
MOVES_MM_S = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class ImageTrack:
    """Belt motion by the image, frame by frame."""

    t_ns: NDArray[np.int64]
    """`(n,)`, increasing."""
    travel_mm: NDArray[np.float64]
    """`(n,)` travel since the first frame."""
    speed_mm_s: NDArray[np.float64]
    """`(n,)` nan where the image gives no speed."""

    def windows(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`(m,)` first and `(m,)` last frame of each window without a gap in the speed."""
        last = np.searchsorted(self.t_ns, self.t_ns + round(WINDOW_S * 1e9) - 1_000_000)
        first = np.flatnonzero(last < len(self.t_ns))
        last = last[first]
        unknown = np.concatenate([[0], np.cumsum(np.isnan(self.speed_mm_s))])
        whole = unknown[last + 1] == unknown[first]
        return first[whole], last[whole]


@dataclass(frozen=True, slots=True, eq=False)
class SpeedFit:
    """Result of the comparison."""

    counts_per_mm: float
    """Encoder scale by the image, fitted to the first half of the footage."""
    residuals: NDArray[np.float64]
    """`(m,)` relative excess of the image's travel over the encoder's in each window, with the
    profile's scale; without one, with the fitted scale in the second half of the footage."""
    held_back: NDArray[np.float64]
    """`(m,)` the same with the fitted scale, in the second half of the footage (held back)."""
    fitted: bool
    """The residuals are of the fitted scale, not of the profile's."""
    known: float
    """Share of the frames of a moving belt in which the image gives a speed."""
    travelled_mm: float

    def quality(self) -> list[QualityFigure]:
        """The quality figures."""
        p95 = 100 * float(np.percentile(np.abs(self.residuals), 95))
        scale = 100 * abs(float(np.median(self.residuals)))
        quality = [
            *footage_quality(self.travelled_mm, self.known),
            at_most("image against encoder, 1 s (p95)", p95, "%", good=1, fair=2,
                    advice="slipping wheel, stationary material, or two different clocks?"),
        ]  # fmt: skip
        advice = (
            "the halves of the footage differ: record longer"
            if self.fitted
            else f"write encoder_counts_per_mm = {self.counts_per_mm:.4g}, or survey the plane"
        )
        quality.append(at_most("scale error (median)", scale, "%", good=0.5, fair=1, advice=advice))
        return quality


def footage_quality(travelled_mm: float, known: float) -> list[QualityFigure]:
    """Figures for the amount of footage. `known`: share of the frames with a speed by the image."""
    return [
        at_least("belt travel", travelled_mm, f"{travelled_mm / 1000:.1f} m",
                 good=5000, fair=2000, advice="record longer"),
        at_least("image gives a speed", known, f"{known:.0%} of frames", good=0.98,
                 fair=0.8, advice="too little detail: more light, a finer view.mm_per_px"),
    ]  # fmt: skip


def refuse_reverse_travel(track: ImageTrack) -> None:
    """Raise `ValueError` if the belt runs against belt.travel.

    A calibration from it would invert every position and arrival.
    """
    first, last = track.windows()
    travel_mm = track.travel_mm[last] - track.travel_mm[first]
    if len(travel_mm) and np.median(travel_mm) < -MOVES_MM_S * WINDOW_S:
        raise ValueError(
            f"the image shows a belt that runs at {-np.median(travel_mm) / WINDOW_S:.0f} mm/s "
            "against belt.travel: correct belt.travel, or record the belt as it runs in service"
        )


def fit_speed(
    track: ImageTrack, counts: NDArray[np.float64], counts_per_mm: float | None
) -> SpeedFit:
    """Compare the motion by the image with the encoder.

    `counts`: `(n,)` encoder at each frame, nan: unknown. `counts_per_mm`: the profile's scale;
    None: it is fitted. Raises `ValueError`, one line, if nothing can be compared.
    """
    first, last = track.windows()
    travel_mm, counted = (
        track.travel_mm[last] - track.travel_mm[first],
        counts[last] - counts[first],
    )
    moved = (np.abs(travel_mm) > MOVES_MM_S * WINDOW_S) & ~np.isnan(counted)
    moved &= np.abs(counted) > 0
    if moved.sum() < 4:
        raise ValueError(
            "encoder and image can't be compared: the belt hardly moves, the encoder does not "
            "count, or the image gives no speed. Record a running belt with objects on it"
        )
    travel_mm, counted, first = travel_mm[moved], counted[moved], first[moved]
    early = first <= np.median(first)
    fitted = float((counted[early] @ travel_mm[early]) / (travel_mm[early] @ travel_mm[early]))
    held_back = travel_mm[~early] / (counted[~early] / fitted) - 1
    residuals = held_back if counts_per_mm is None else travel_mm / (counted / counts_per_mm) - 1
    unsure = np.isnan(track.speed_mm_s[1:])
    steps = np.diff(counts) / np.diff(track.t_ns) * 1e9 / (counts_per_mm or fitted)
    moving = np.abs(steps) > MOVES_MM_S
    return SpeedFit(
        fitted,
        residuals,
        held_back,
        counts_per_mm is None,
        float(1 - unsure[moving].mean()) if moving.any() else 0.0,
        float(np.nansum(np.abs(np.diff(track.travel_mm)))),
    )
