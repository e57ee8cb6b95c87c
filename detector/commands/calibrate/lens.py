"""`vigitri calibrate intrinsics`: the lens, from pictures of the board."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from calibration.board import BoardSight
from calibration.lens_fit import LensFit, TooFewViewsError, fit_lens
from calibration.lens_views import covered, distinct, missing_parts, seen_in
from calibration.quality import Judged
from detector.commands.calibrate.board_pictures import boards_in, live_boards
from detector.ingest import camera_identity
from detector.profile.calibrated import LensCalibration
from detector.profile.line import LineProfile
from detector.profile.loading import load_profile
from detector.profile.writing import write_calibration


def calibrate_lens(
    line: Path, sources: Sequence[str], operator: str | None, seconds: float
) -> LensCalibration:
    """Fit the lens, print what it is worth, and write it unless it is poor.

    Raises `ProfileError`, `SourceError`, `LensError`.
    """
    profile = load_profile(line)
    if sources:
        sights, looked_at = boards_in(sources)
        print(f"{looked_at} pictures, the board in {len(sights)} of them")
    else:
        sights = _held_before(profile, seconds)
    return write_lens(line, profile, fit_lens(sights), operator)


def write_lens(
    line: Path, profile: LineProfile, fit: LensFit, operator: str | None
) -> LensCalibration:
    """Print and judge a fitted lens; write it. Raises `TooFewViewsError` if a figure is poor."""
    lens = fit.lens
    for reason in fit.dropped:
        print(f"left out: {reason}")
    print(f"corners of the board seen in each part of the picture, {fit.views} views:")
    print(fit.coverage_map())
    judged = fit.judged()
    print_judged(judged)
    refuse_poor(judged, "lens")
    found = LensCalibration(
        made=now(),
        operator=operator or who(),
        camera=camera_of(profile),
        size_px=lens.size_px,
        focal_px=(round(lens.matrix[0, 0], 3), round(lens.matrix[1, 1], 3)),
        centre_px=(round(lens.matrix[0, 2], 3), round(lens.matrix[1, 2], 3)),
        distortion=tuple(round(float(k), 8) for k in lens.distortion),
        views=fit.views,
        covered=round(covered(fit.counts), 3),
        held_out_px=round(fit.held_out_px, 4),
        rms_px=round(fit.rms_px, 4),
    ).sealed()
    write_calibration(line, profile.calibration.model_copy(update={"lens": found}))
    print(
        f"{line}: calibration.lens written, focal length {found.focal_px[0]:.0f} px, "
        f"k1 {found.distortion[0]:+.3f}, sha256 {found.sha256[:12]}"
    )
    if profile.calibration.plane is not None:
        print("the plane was made through the lens before: run `vigitri calibrate plane` again")
    return found


def print_judged(judged: Sequence[Judged]) -> None:
    """One line each."""
    for each in judged:
        print(f"  {each}")


def refuse_poor(judged: Sequence[Judged], what: str) -> None:
    """Raise `TooFewViewsError` with the first figure that is poor."""
    for each in judged:
        if each.verdict == "poor":
            raise TooFewViewsError(
                f"{what} not written: {each.what} is {each.value}, which is poor; {each.advice}"
            )


def camera_of(profile: LineProfile) -> str | None:
    """Which camera a calibration of this line holds for; None where nothing tells."""
    return profile.camera.id or camera_identity(profile.camera.source)


def who() -> str:
    """The person at this machine, as far as it knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise ValueError("who does this? Say so with --operator NAME") from None


def now() -> datetime:
    """To the second, which is what is written."""
    return datetime.now(UTC).replace(microsecond=0)


def _held_before(profile: LineProfile, seconds: float) -> list[BoardSight]:
    """The board while somebody holds it before the line's camera; says what is still missing."""
    print(
        f"Hold the board before the camera for up to {seconds:g} s: to every part of the picture, "
        "tilted left, right, up and down."
    )
    seen: list[BoardSight] = []
    told = ""

    def enough(sight: BoardSight | None) -> bool:
        nonlocal seen, told
        if sight is None:
            return False
        seen = distinct([*seen, sight])
        counts = seen_in(seen)
        missing = missing_parts(counts)
        say = f"{len(seen)} views, {covered(counts):.0%} of the picture"
        say += f"; not yet: {missing}" if missing else ""
        if say != told:
            print(say, flush=True)
            told = say
        return len(seen) >= 30 and not missing

    live_boards(profile.camera.source, profile.camera.fps, seconds, enough)
    return seen
