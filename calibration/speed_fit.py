"""The picture's speed against the encoder's, over footage: residuals, and the scale between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.quality import Judged, at_least, at_most

WINDOW_S = 1.0
"""Ways are compared over so long."""
MOVES_MM_S = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class ImageTrack:
    """A belt as its picture moved, frame by frame."""

    t_ns: NDArray[np.int64]
    """`(n,)`, rising."""
    travel_mm: NDArray[np.float64]
    """`(n,)` how far it had come."""
    speed_mm_s: NDArray[np.float64]
    """`(n,)` nan where the picture gave none."""

    def windows(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`(m,)` first and last frame of each window in which the picture was known all along."""
        last = np.searchsorted(self.t_ns, self.t_ns + round(WINDOW_S * 1e9) - 1_000_000)
        first = np.flatnonzero(last < len(self.t_ns))
        last = last[first]
        unknown = np.concatenate([[0], np.cumsum(np.isnan(self.speed_mm_s))])
        whole = unknown[last + 1] == unknown[first]
        return first[whole], last[whole]


@dataclass(frozen=True, slots=True, eq=False)
class SpeedFit:
    """What the comparison came to."""

    counts_per_mm: float
    """By the picture, fitted to the first half of the footage."""
    residuals: NDArray[np.float64]
    """`(m,)` share by which the picture's way in a window is longer than the encoder's; with the
    profile's scale, or in the second half of the footage with the fitted one."""
    held_out: NDArray[np.float64]
    """`(m,)` the same with the fitted scale, in the second half of the footage."""
    fitted: bool
    known: float
    """Share of the frames with a moving belt in which the picture gave a speed."""
    travelled_mm: float

    def judged(self) -> list[Judged]:
        """Its figures, judged."""
        p95 = 100 * float(np.percentile(np.abs(self.residuals), 95))
        scale = 100 * abs(float(np.median(self.residuals)))
        judged = [
            *enough_seen(self.travelled_mm, self.known),
            at_most("picture against encoder, 1 s (p95)", p95, "%", good=1, fair=2,
                    advice="does the wheel slip, or material hang? Are both clocks the same?"),
        ]  # fmt: skip
        advice = (
            "both halves of the footage differ: record longer"
            if self.fitted
            else f"write encoder_counts_per_mm = {self.counts_per_mm:.4g}, or survey the plane"
        )
        judged.append(
            at_most("scale between them (median)", scale, "%", good=0.5, fair=1, advice=advice)
        )
        return judged


def enough_seen(travelled_mm: float, known: float) -> list[Judged]:
    """Whether footage shows enough. `known`: share of the frames with a speed by the picture."""
    return [
        at_least("belt that came by", travelled_mm, f"{travelled_mm / 1000:.1f} m",
                 good=5000, fair=2000, advice="record longer"),
        at_least("picture gives a speed", known, f"{known:.0%} of frames", good=0.98,
                 fair=0.8, advice="too little to follow: more light, a finer view.mm_per_px"),
    ]  # fmt: skip


def refuse_against_the_travel(followed: ImageTrack) -> None:
    """Raises `ValueError`: what is measured on a belt that seems to run backwards would turn each
    place and arrival around."""
    first, last = followed.windows()
    travel_mm = followed.travel_mm[last] - followed.travel_mm[first]
    if len(travel_mm) and np.median(travel_mm) < -MOVES_MM_S * WINDOW_S:
        raise ValueError(
            f"the picture shows a belt that runs at {-np.median(travel_mm) / WINDOW_S:.0f} mm/s "
            "against belt.travel: mend belt.travel, or record the belt as it runs in service"
        )


def fit_speed(
    followed: ImageTrack, counts: NDArray[np.float64], counts_per_mm: float | None
) -> SpeedFit:
    """Compare a followed belt with `counts`, `(n,)`, the encoder at its frames (nan: unknown).

    `counts_per_mm`: the profile's scale; None: it is fitted. Raises `ValueError`, one line, where
    nothing can be compared.
    """
    first, last = followed.windows()
    travel_mm, turned = (
        followed.travel_mm[last] - followed.travel_mm[first],
        counts[last] - counts[first],
    )
    moved = (np.abs(travel_mm) > MOVES_MM_S * WINDOW_S) & ~np.isnan(turned)
    moved &= np.abs(turned) > 0
    if moved.sum() < 4:
        raise ValueError(
            "encoder and picture can't be compared: the belt hardly moves, the encoder stands, or "
            "the picture gives no speed. Record a running belt with things on it"
        )
    travel_mm, turned, first = travel_mm[moved], turned[moved], first[moved]
    early = first <= np.median(first)
    fitted = float((turned[early] @ travel_mm[early]) / (travel_mm[early] @ travel_mm[early]))
    held_out = travel_mm[~early] / (turned[~early] / fitted) - 1
    residuals = held_out if counts_per_mm is None else travel_mm / (turned / counts_per_mm) - 1
    unsure = np.isnan(followed.speed_mm_s[1:])
    steps = np.diff(counts) / np.diff(followed.t_ns) * 1e9 / (counts_per_mm or fitted)
    moving = np.abs(steps) > MOVES_MM_S
    return SpeedFit(
        fitted,
        residuals,
        held_out,
        counts_per_mm is None,
        float(1 - unsure[moving].mean()) if moving.any() else 0.0,
        float(np.nansum(np.abs(np.diff(followed.travel_mm)))),
    )
