"""Fitting a lens to images of the board, and evaluating it on images held back from the fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import BoardView
from calibration.lens_views import corner_counts, coverage_map, covered, distinct, missing_parts
from calibration.quality import QualityFigure, at_least, at_most
from detector.belt.lens import Lens, LensError

MIN_VIEWS = 10
_FOLDS = 4
_TILTED_DEG = 12.0
_MIN_TILTED = 4
"""With a board square to the camera, focal length and distance cannot be separated."""
_AGREE_PX = 1.5
"""Sharp views of one camera agree within this (rms)."""
_OUTLIER_ONE_IN = 5
"""At most one view in this number may be an outlier; beyond that, the correct ones are unknown."""
_BETTER = 0.95
"""k3 is fitted if it reduces the held-back error to this share or less, because it acts most beyond
the outermost corners."""


class TooFewViewsError(LensError):
    """Images that do not fix a lens: one line with the reason and the fix."""


@dataclass(frozen=True, slots=True, eq=False)
class LensFit:
    """A lens and its quality figures."""

    lens: Lens
    views: int
    rms_px: float
    """Reprojection error in the fitted images."""
    held_back_px: float
    """Reprojection error in images held back from the fit (rms over all, each held back once)."""
    counts: NDArray[np.intp]
    """`(rows, columns)` number of corners found in each part of the image."""
    tilted: int
    """Number of views with a tilted board."""
    focal_deviation: float
    """Relative standard deviation of the focal length."""
    dropped: tuple[str, ...]
    """One line per view that was left out."""

    def quality(self) -> list[QualityFigure]:
        """The quality figures. A poor one is a reason not to use the lens."""
        # Corners are found as exactly in small images as in those of 1920 px; above, blur grows.
        fine = max(1.0, self.lens.size_px[0] / 1920)
        missing = missing_parts(self.counts)
        share = covered(self.counts)
        return [
            at_least(
                "image covered", share, f"{share:.0%}", good=0.85, fair=0.6,
                advice=f"also show the board here: {missing}",
            ),
            at_least(
                "views with a tilted board", self.tilted, str(self.tilted),
                good=2 * _MIN_TILTED, fair=_MIN_TILTED,
                advice="tilt it by 20 to 45 degrees: left, right, up, down",
            ),
            at_most(
                "error in held-back views (rms)", self.held_back_px, "px", good=0.5 * fine,
                fair=1.2 * fine,
                advice="blur or a bent board: hold it still, glue it onto a stiff plate",
            ),
            at_most(
                "ratio to error in fitted views", self.held_back_px / max(self.rms_px, 1e-9), "x",
                good=1.3, fair=2.5, advice="too few views for this fit: take more",
            ),
            at_most(
                "uncertainty of the focal length", self.focal_deviation * 100, "%", good=0.3,
                fair=1.0, advice="tilt the board more, and hold it closer",
            ),
        ]  # fmt: skip

    def coverage_map(self) -> str:
        """Number of corners per part of the image, as text."""
        return coverage_map(self.counts)


def fit_lens(boards: Sequence[BoardView]) -> LensFit:
    """The lens of these images.

    Raises `TooFewViewsError` with the missing views, `LensError` if no lens fits.
    """
    views = distinct(boards)
    size_px = _one_size(views)
    if len(views) < MIN_VIEWS:
        raise TooFewViewsError(
            f"{len(views)} different views of the board in {len(boards)} images that show it; "
            f"{MIN_VIEWS} are needed. Hold it closer, in every part of the image, and tilted"
        )
    counts = corner_counts(views)
    if covered(counts) < 0.6:
        raise TooFewViewsError(
            f"the board was seen in {covered(counts):.0%} of the image, 60 % are needed. "
            f"Missing: {missing_parts(counts)}. Show it there too, as close to the edge as possible"
        )
    views, dropped, first = _without_outliers(views, size_px)
    if len(views) < MIN_VIEWS:
        raise TooFewViewsError(
            f"only {len(views)} views agree with each other, {MIN_VIEWS} are needed. "
            f"Take sharp images of a flat board, all with this camera; first one left out: "
            f"{dropped[0]}"
        )
    tilted = int((first.tilts_deg >= _TILTED_DEG).sum())
    if tilted < _MIN_TILTED:
        raise TooFewViewsError(
            f"the board is tilted in {tilted} of {len(views)} views, {_MIN_TILTED} are needed: "
            "without tilt the focal length is unknown. Tilt it by 20 to 45 degrees"
        )
    errors = {free_k3: _held_back(views, size_px, free_k3, first) for free_k3 in (False, True)}
    free_k3 = errors[True] < _BETTER * errors[False]
    fit = _fit(views, size_px, free_k3, first)
    return LensFit(
        Lens(fit.matrix, fit.distortion, size_px),
        len(views),
        fit.rms_px,
        errors[free_k3],
        corner_counts(views),
        tilted,
        fit.focal_deviation,
        tuple(dropped),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    matrix: NDArray[np.float64]
    distortion: NDArray[np.float64]
    rms_px: float
    focal_deviation: float
    tilts_deg: NDArray[np.float64]
    view_errors_px: NDArray[np.float64]


def _fit(
    views: Sequence[BoardView], size_px: tuple[int, int], free_k3: bool, near: _Fit | None
) -> _Fit:
    """`near`: a fit to start from, which saves most of the iterations."""
    flags = 0 if free_k3 else cv2.CALIB_FIX_K3
    matrix, distortion = np.eye(3), np.zeros(5)
    if near is not None:
        flags |= cv2.CALIB_USE_INTRINSIC_GUESS
        matrix, distortion = near.matrix.copy(), near.distortion.copy()
    try:
        rms, found, bent, turns, _, deviations, _, errors = cv2.calibrateCameraExtended(
            [_on_board(view).astype(np.float32) for view in views],
            [view.px.reshape(-1, 1, 2).astype(np.float32) for view in views],
            size_px,
            matrix,
            distortion,
            flags=flags,
        )
    except cv2.error as error:
        raise LensError(f"no lens fits these views ({error.err}). Take them again") from None
    axes = np.array([cv2.Rodrigues(turn)[0][2, 2] for turn in turns])
    focal = np.diag(np.asarray(found))[:2]
    return _Fit(
        np.asarray(found, dtype=np.float64),
        np.asarray(bent, dtype=np.float64).ravel()[:5],
        float(rms),
        float((np.asarray(deviations).ravel()[:2] / focal).max()),
        np.degrees(np.arccos(np.clip(np.abs(axes), 0, 1))),
        np.asarray(errors, dtype=np.float64).ravel(),
    )


def _without_outliers(
    views: list[BoardView], size_px: tuple[int, int]
) -> tuple[list[BoardView], list[str], _Fit]:
    """Drop views that are far off the common fit: blurred, or of another camera."""
    kept, fit = views, _fit(views, size_px, False, None)
    # One outlier can pull a fit so far that good views have the largest errors: try without each.
    while fit.rms_px > _AGREE_PX and len(views) - len(kept) < len(views) // _OUTLIER_ONE_IN:
        rests = [[*kept[:i], *kept[i + 1 :]] for i in range(len(kept))]
        fits = [_fit(rest, size_px, False, None) for rest in rests]
        best = int(np.argmin([each.rms_px for each in fits]))
        if fits[best].rms_px > 0.7 * fit.rms_px:
            break
        kept, fit = rests[best], fits[best]
    most = max(3 * float(np.median(fit.view_errors_px)), 0.5)
    near = [view for view, error in zip(kept, fit.view_errors_px, strict=True) if error <= most]
    if len(near) < len(kept):
        kept, fit = near, _fit(near, size_px, False, None)
    dropped = [
        f"{view.source}: error with the other views' lens is "
        f"{np.sqrt((_errors_px(view, fit) ** 2).mean()):.1f} px"
        for view in views
        if not any(view is other for other in kept)
    ]
    return kept, dropped, fit


def _held_back(
    views: Sequence[BoardView], size_px: tuple[int, int], free_k3: bool, near: _Fit
) -> float:
    """Error (rms, px) in held-back views; each view is held back once."""
    squares: list[NDArray[np.float64]] = []
    for fold in range(_FOLDS):
        rest = [view for i, view in enumerate(views) if i % _FOLDS != fold]
        fit = _fit(rest, size_px, free_k3, near)
        squares += [_errors_px(view, fit) ** 2 for view in views[fold::_FOLDS]]
    return float(np.sqrt(np.concatenate(squares).mean()))


def _errors_px(view: BoardView, fit: _Fit) -> NDArray[np.float64]:
    """`(n // 2,)` errors of every other corner, px; the rest give the board's pose."""
    on_board, given = _on_board(view), np.arange(len(view.ids)) % 2 == 0
    _, turn, shift = cv2.solvePnP(on_board[given], view.px[given], fit.matrix, fit.distortion)
    seen, _ = cv2.projectPoints(on_board[~given], turn, shift, fit.matrix, fit.distortion)
    errors_px = np.linalg.norm(seen.reshape(-1, 2) - view.px[~given], axis=1)
    return np.asarray(errors_px, dtype=np.float64)


def _on_board(view: BoardView) -> NDArray[np.float64]:
    """`(n, 3)` corners on the flat board; its true size does not matter here."""
    return np.column_stack([view.mm(1.0), np.zeros(len(view.ids))])


def _one_size(views: Sequence[BoardView]) -> tuple[int, int]:
    sizes = {view.size_px: view.source for view in views}
    if len(sizes) > 1:
        shown = ", ".join(f"{source} has {w} x {h} px" for (w, h), source in sizes.items())
        raise LensError(f"images of different sizes: {shown}. Give images of one camera only")
    return next(iter(sizes), (0, 0))
