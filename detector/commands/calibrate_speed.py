"""`vigitri calibrate speed`: the picture's speed against the encoder's, over recorded footage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from calibration.belt_motion import PictureSpeed
from calibration.belt_plane import BeltPlane
from calibration.encoder_file import read_encoder
from calibration.judgement import Judged, at_most
from calibration.line_plane import line_plane
from calibration.profile_file import load_profile
from calibration.speed_fit import Followed, fit_speed
from detector.commands.calibrate_lens import camera_of, print_judged
from detector.commands.progress import progress_bar
from detector.ingest import Frame, Recording
from detector.vision.belt_view import Rectifier
from detector.vision.small_views import SmallViews

_STRIDE_PX = 32


def follow(
    frames: Iterable[Frame], plane: BeltPlane, mm_per_px: float, advance: Callable[[int], None]
) -> Followed:
    """The belt in these frames as its picture moves. Raises `CalibrationError`."""
    stamps, ways_mm, speeds, way_mm = [], [], [], 0.0
    seen: tuple[SmallViews, PictureSpeed] | None = None
    for frame in frames:
        seen = seen or _eyes_for(frame, plane, mm_per_px)
        small, picture = seen
        small.take(frame)
        way_mm += picture.advance(small.followed, frame.t_mono_ns).dy_mm
        stamps.append(frame.t_mono_ns)
        ways_mm.append(way_mm)
        speeds.append(np.nan if picture.speed_mm_s is None else picture.speed_mm_s)
        advance(len(stamps))
    return Followed(np.array(stamps, np.int64), np.array(ways_mm), np.array(speeds))


def _eyes_for(frame: Frame, plane: BeltPlane, mm_per_px: float) -> tuple[SmallViews, PictureSpeed]:
    rectifier = Rectifier(plane, frame.size_px, mm_per_px, _STRIDE_PX)
    small = SmallViews(rectifier)
    return small, PictureSpeed(
        rectifier.size_px, mm_per_px, along_only=True, belt_mask=small.followed_mask
    )


def calibrate_speed(line: Path, source: str | None, encoder: Path | None) -> bool:
    """Print the residuals and what to write; True if nothing is poor.

    Raises `ProfileError`, `SourceError`, `CalibrationError`, and `ValueError` where nothing can be
    measured.
    """
    profile = load_profile(line)
    belt = profile.belt
    track = None if encoder is None else read_encoder(encoder, belt.encoder_wraps_at)
    plane = line_plane(profile, camera_of(profile))
    with (
        Recording(source or profile.camera.source, fps=profile.camera.fps) as recording,
        progress_bar("following the belt") as bar,
    ):
        count = recording.frame_count
        followed = follow(recording, plane, profile.view.mm_per_px, lambda n: bar(n, count))
    if track is None:
        judged = _alone(followed, belt.speed_mm_s)
    else:
        fit = fit_speed(followed, track.counts_at(followed.t_ns), belt.encoder_counts_per_mm)
        judged = fit.judged()
        print(f"encoder_counts_per_mm = {fit.counts_per_mm:.4g}  # by the picture, under [belt]")
    print_judged(judged)
    return all(each.verdict != "poor" for each in judged)


def _alone(followed: Followed, setting_mm_s: float | None) -> list[Judged]:
    """Without an encoder: the picture's speed, held against the setting."""
    first, last = followed.windows()
    if not len(first):
        raise ValueError(
            "the picture gives no speed for a second. Record a running belt with things on it"
        )
    seconds = (followed.t_ns[last] - followed.t_ns[first]) / 1e9
    speeds = (followed.way_mm[last] - followed.way_mm[first]) / seconds
    low, middle, high = np.percentile(speeds, [5, 50, 95])
    print(f"the picture: {middle:.1f} mm/s over a second, {low:.1f} to {high:.1f} (p5 to p95)")
    print(f"speed_mm_s = {middle:.4g}  # under [belt], if this belt has one speed only")
    if setting_mm_s is None:
        return []
    off = 100 * abs(middle - setting_mm_s) / max(abs(setting_mm_s), 1.0)
    return [
        at_most("setting against picture (median)", off, "%", good=1, fair=2,
                advice=f"belt.speed_mm_s = {setting_mm_s:g} is not what the belt does")
    ]  # fmt: skip
