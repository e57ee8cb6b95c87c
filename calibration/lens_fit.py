"""Fitting a lens to pictures of the board, and judging it on pictures that it was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import BoardSight
from calibration.lens_views import coverage_map, covered, distinct, missing_parts, seen_in
from calibration.quality import Judged, at_least, at_most
from detector.belt.lens import Lens, LensError

FEWEST_VIEWS = 10
_FOLDS = 4
_TILTED_DEG = 12.0
_FEWEST_TILTED = 4
"""A board that faces the camera squarely can't tell a long lens from a great distance."""
_AGREE_PX = 1.5
"""Views of one camera that are sharp agree within that (rms)."""
_FEW_OF = 5
"""One view in so many may spoil a fit; where more do, nobody can say which are right."""
_BETTER = 0.95
"""k3 is taken where it makes the error in unseen pictures that much smaller: it bends what lies
beyond the outermost corners most."""


class TooFewViewsError(LensError):
    """Pictures that can't fix a lens: one line with the reason and the mend."""


@dataclass(frozen=True, slots=True, eq=False)
class LensFit:
    """A lens and what it is worth."""

    lens: Lens
    views: int
    rms_px: float
    """In the pictures it was fitted to."""
    held_out_px: float
    """In pictures that it was not fitted to (rms over all, each held out once)."""
    counts: NDArray[np.intp]
    """`(rows, columns)` corners seen in each part of the picture."""
    tilted: int
    """Views in which the board was held at an angle."""
    focal_deviation: float
    """Standard deviation of the focal length, as a share of it."""
    dropped: tuple[str, ...]
    """One line for each view that was left out."""

    def judged(self) -> list[Judged]:
        """Everything that is worth a verdict. Poor ones are a reason not to use it."""
        # Corners are found as well in small pictures as in those of 1920 px; beyond, blur grows.
        fine = max(1.0, self.lens.size_px[0] / 1920)
        missing = missing_parts(self.counts)
        share = covered(self.counts)
        return [
            at_least(
                "picture covered", share, f"{share:.0%}", good=0.85, fair=0.6,
                advice=f"hold the board there too: {missing}",
            ),
            at_least(
                "views with a tilted board", self.tilted, str(self.tilted),
                good=2 * _FEWEST_TILTED, fair=_FEWEST_TILTED,
                advice="tilt it 20 to 45 degrees: left, right, up, down",
            ),
            at_most(
                "error in unseen views (rms)", self.held_out_px, "px", good=0.5 * fine,
                fair=1.2 * fine,
                advice="blur or a bent board: hold it still, glue it on a stiff plate",
            ),
            at_most(
                "the same against fitted views", self.held_out_px / max(self.rms_px, 1e-9), "x",
                good=1.3, fair=2.5, advice="too few views for what is fitted: take more",
            ),
            at_most(
                "uncertainty of the focal length", self.focal_deviation * 100, "%", good=0.3,
                fair=1.0, advice="tilt the board more, and bring it nearer",
            ),
        ]  # fmt: skip

    def coverage_map(self) -> str:
        """Where in the picture the board was seen."""
        return coverage_map(self.counts)


def fit_lens(sights: Sequence[BoardSight]) -> LensFit:
    """The lens that made these pictures.

    Raises `TooFewViewsError` with what is missing, `LensError` if they fit none.
    """
    views = distinct(sights)
    size_px = _one_size(views)
    if len(views) < FEWEST_VIEWS:
        raise TooFewViewsError(
            f"{len(views)} different views of the board in {len(sights)} pictures that show it: "
            f"{FEWEST_VIEWS} are needed. Hold it nearer, to every part of the picture, and tilted"
        )
    counts = seen_in(views)
    if covered(counts) < 0.6:
        raise TooFewViewsError(
            f"the board was seen in {covered(counts):.0%} of the picture, 60 % are needed. Not "
            f"seen: {missing_parts(counts)}. Hold it there too, as near the edge as it is found"
        )
    views, dropped, first = _without_outliers(views, size_px)
    if len(views) < FEWEST_VIEWS:
        raise TooFewViewsError(
            f"only {len(views)} views agree with each other, {FEWEST_VIEWS} are needed. "
            f"Take sharp pictures of a flat board, all from this camera; first left out: "
            f"{dropped[0]}"
        )
    tilted = int((first.tilts_deg >= _TILTED_DEG).sum())
    if tilted < _FEWEST_TILTED:
        raise TooFewViewsError(
            f"the board is tilted in {tilted} of {len(views)} views, {_FEWEST_TILTED} are needed: "
            "one that faces the camera tells no focal length. Tilt it 20 to 45 degrees"
        )
    errors = {free_k3: _held_out(views, size_px, free_k3, first) for free_k3 in (False, True)}
    free_k3 = errors[True] < _BETTER * errors[False]
    fit = _fitted(views, size_px, free_k3, first)
    return LensFit(
        Lens(fit.matrix, fit.distortion, size_px),
        len(views),
        fit.rms_px,
        errors[free_k3],
        seen_in(views),
        tilted,
        fit.focal_deviation,
        tuple(dropped),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    matrix: NDArray[np.float64]
    distortion: NDArray[np.float64]
    rms_px: float
    focal_deviation: float
    tilts_deg: NDArray[np.float64]
    view_errors_px: NDArray[np.float64]


def _fitted(
    views: Sequence[BoardSight], size_px: tuple[int, int], free_k3: bool, near: _Fitted | None
) -> _Fitted:
    """`near`: a fit to start from, which saves most of the steps."""
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
    return _Fitted(
        np.asarray(found, dtype=np.float64),
        np.asarray(bent, dtype=np.float64).ravel()[:5],
        float(rms),
        float((np.asarray(deviations).ravel()[:2] / focal).max()),
        np.degrees(np.arccos(np.clip(np.abs(axes), 0, 1))),
        np.asarray(errors, dtype=np.float64).ravel(),
    )


def _without_outliers(
    views: list[BoardSight], size_px: tuple[int, int]
) -> tuple[list[BoardSight], list[str], _Fitted]:
    """Views that miss what the others agree on by far are blurred, or of another camera."""
    kept, fit = views, _fitted(views, size_px, False, None)
    # One stranger can drag a fit so far that the good views miss it most: look who spoils it.
    while fit.rms_px > _AGREE_PX and len(views) - len(kept) < len(views) // _FEW_OF:
        rests = [[*kept[:i], *kept[i + 1 :]] for i in range(len(kept))]
        fits = [_fitted(rest, size_px, False, None) for rest in rests]
        best = int(np.argmin([each.rms_px for each in fits]))
        if fits[best].rms_px > 0.7 * fit.rms_px:
            break
        kept, fit = rests[best], fits[best]
    most = max(3 * float(np.median(fit.view_errors_px)), 0.5)
    near = [view for view, error in zip(kept, fit.view_errors_px, strict=True) if error <= most]
    if len(near) < len(kept):
        kept, fit = near, _fitted(near, size_px, False, None)
    dropped = [
        f"{view.source}: misses the others' lens by "
        f"{np.sqrt((_missed(view, fit) ** 2).mean()):.1f} px"
        for view in views
        if not any(view is other for other in kept)
    ]
    return kept, dropped, fit


def _held_out(
    views: Sequence[BoardSight], size_px: tuple[int, int], free_k3: bool, near: _Fitted
) -> float:
    """Rms px in views that a fit had not seen; each view is held out once."""
    squares: list[NDArray[np.float64]] = []
    for fold in range(_FOLDS):
        rest = [view for i, view in enumerate(views) if i % _FOLDS != fold]
        fit = _fitted(rest, size_px, free_k3, near)
        squares += [_missed(view, fit) ** 2 for view in views[fold::_FOLDS]]
    return float(np.sqrt(np.concatenate(squares).mean()))


def _missed(view: BoardSight, fit: _Fitted) -> NDArray[np.float64]:
    """What every other corner misses, px, where the board's pose is told by the rest."""
    on_board, given = _on_board(view), np.arange(len(view.ids)) % 2 == 0
    _, turn, shift = cv2.solvePnP(on_board[given], view.px[given], fit.matrix, fit.distortion)
    seen, _ = cv2.projectPoints(on_board[~given], turn, shift, fit.matrix, fit.distortion)
    missed = np.linalg.norm(seen.reshape(-1, 2) - view.px[~given], axis=1)
    return np.asarray(missed, dtype=np.float64)


def _on_board(view: BoardSight) -> NDArray[np.float64]:
    """`(n, 3)` the corners on the board, which is flat. Its true size doesn't matter here."""
    return np.column_stack([view.mm(1.0), np.zeros(len(view.ids))])


def _one_size(views: Sequence[BoardSight]) -> tuple[int, int]:
    sizes = {view.size_px: view.source for view in views}
    if len(sizes) > 1:
        shown = ", ".join(f"{source} has {w} x {h} px" for (w, h), source in sizes.items())
        raise LensError(f"pictures of different size: {shown}. Give those of one camera alone")
    return next(iter(sizes), (0, 0))
