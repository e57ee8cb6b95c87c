"""`vigitri calibrate intrinsics`: the lens, from images of the board."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from calibration.board import BoardView
from calibration.lens_fit import LensFit, TooFewViewsError, fit_lens
from calibration.lens_views import corner_counts, covered, distinct, missing_parts
from calibration.quality import QualityFigure
from detector.commands.calibrate.board_images import boards_in, live_boards
from detector.ingest import camera_identity
from detector.profile.calibration import LensCalibration
from detector.profile.line import LineProfile
from detector.profile.loading import load_profile
from detector.profile.writing import write_calibration


def calibrate_lens(
    line: Path, sources: Sequence[str], operator: str | None, seconds: float
) -> LensCalibration:
    """Fit the lens, print its quality, and write it into the profile unless it is poor.

    Raises `ProfileError`, `SourceError`, `LensError`.
    """
    profile = load_profile(line)
    if sources:
        boards, searched = boards_in(sources)
        print(f"{searched} images, the board in {len(boards)} of them")
    else:
        boards = _views_by_hand(profile, seconds)
    return write_lens(line, profile, fit_lens(boards), operator)


def write_lens(
    line: Path, profile: LineProfile, fit: LensFit, operator: str | None
) -> LensCalibration:
    """Print a lens's quality and write it. Raises `TooFewViewsError` if a figure is poor."""
    lens = fit.lens
    for reason in fit.dropped:
        print(f"left out: {reason}")
    print(f"board corners found in each part of the image, {fit.views} views:")
    print(fit.coverage_map())
    quality = fit.quality()
    print_quality(quality)
    refuse_poor(quality, "lens")
    found = LensCalibration(
        made=now(),
        operator=operator or logged_in_user(),
        camera=camera_of(profile),
        size_px=lens.size_px,
        focal_px=(round(lens.matrix[0, 0], 3), round(lens.matrix[1, 1], 3)),
        centre_px=(round(lens.matrix[0, 2], 3), round(lens.matrix[1, 2], 3)),
        distortion=tuple(round(float(k), 8) for k in lens.distortion),
        views=fit.views,
        covered=round(covered(fit.counts), 3),
        held_back_px=round(fit.held_back_px, 4),
        rms_px=round(fit.rms_px, 4),
    ).with_digest()
    write_calibration(line, profile.calibration.model_copy(update={"lens": found}))
    print(
        f"{line}: calibration.lens written, focal length {found.focal_px[0]:.0f} px, "
        f"k1 {found.distortion[0]:+.3f}, sha256 {found.sha256[:12]}"
    )
    if profile.calibration.plane is not None:
        print(
            "the plane was calibrated with the previous lens: run `vigitri calibrate plane` again"
        )
    return found


def print_quality(quality: Sequence[QualityFigure]) -> None:
    """Print one line per figure."""
    for each in quality:
        print(f"  {each}")


def refuse_poor(quality: Sequence[QualityFigure], what: str) -> None:
    """Raise `TooFewViewsError` with the first poor figure; `what` is not written then."""
    for each in quality:
        if each.verdict == "poor":
            raise TooFewViewsError(
                f"{what} not written: {each.what} is {each.value}, which is poor; {each.advice}"
            )


def camera_of(profile: LineProfile) -> str | None:
    """Identity of the line's camera; None if unknown."""
    return profile.camera.id or camera_identity(profile.camera.source)


def logged_in_user() -> str:
    """Name of the logged-in user. Raises `ValueError` if unknown."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise ValueError("operator unknown. Give --operator NAME") from None


def now() -> datetime:
    """Current time, UTC, to the second as in the profile."""
    return datetime.now(UTC).replace(microsecond=0)


def _views_by_hand(profile: LineProfile, seconds: float) -> list[BoardView]:
    """Different views of the board held in front of the camera; prints what is still missing."""
    print(
        f"Hold the board in front of the camera for up to {seconds:g} s: in every part of the "
        "image, tilted left, right, up and down."
    )
    views: list[BoardView] = []
    printed = ""

    def enough(board: BoardView | None) -> bool:
        nonlocal views, printed
        if board is None:
            return False
        views = distinct([*views, board])
        counts = corner_counts(views)
        missing = missing_parts(counts)
        state = f"{len(views)} views, {covered(counts):.0%} of the image"
        state += f"; missing: {missing}" if missing else ""
        if state != printed:
            print(state, flush=True)
            printed = state
        return len(views) >= 30 and not missing

    live_boards(profile.camera.source, profile.camera.fps, seconds, enough)
    return views
