"""`vigitri calibrate speed`: the picture's speed against the encoder's, over recorded footage; what
it finds is sealed into the profile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration.quality import Judged, at_most
from calibration.speed_fit import Followed, enough_seen, fit_speed, refuse_against_the_travel
from detector.belt.encoder_recording import read_encoder
from detector.belt.line_plane import line_plane
from detector.belt.motion import PictureSpeed
from detector.belt.plane import BeltPlane
from detector.commands.calibrate.lens import camera_of, now, print_judged, who
from detector.commands.progress import progress_bar
from detector.ingest import Frame, Recording
from detector.profile.calibrated import SpeedCalibration
from detector.profile.loading import load_profile
from detector.profile.writing import write_calibration
from detector.vision.belt_view import Rectifier
from detector.vision.small_views import SmallViews

_STRIDE_PX = 32


def follow(
    frames: Iterable[Frame], plane: BeltPlane, mm_per_px: float, advance: Callable[[int], None]
) -> tuple[Followed, tuple[int, int]]:
    """The belt in these frames as its picture moves, and their size. Raises `CalibrationError`."""
    stamps, ways_mm, speeds, way_mm = [], [], [], 0.0
    seen: tuple[SmallViews, PictureSpeed] | None = None
    size_px = 0, 0
    for frame in frames:
        size_px = frame.size_px
        seen = seen or _eyes_for(frame, plane, mm_per_px)
        small, picture = seen
        small.take(frame)
        way_mm += picture.advance(small.for_motion, frame.t_mono_ns).dy_mm
        stamps.append(frame.t_mono_ns)
        ways_mm.append(way_mm)
        speeds.append(np.nan if picture.speed_mm_s is None else picture.speed_mm_s)
        advance(len(stamps))
    return Followed(np.array(stamps, np.int64), np.array(ways_mm), np.array(speeds)), size_px


def _eyes_for(frame: Frame, plane: BeltPlane, mm_per_px: float) -> tuple[SmallViews, PictureSpeed]:
    rectifier = Rectifier(plane, frame.size_px, mm_per_px, _STRIDE_PX)
    small = SmallViews(rectifier)
    return small, PictureSpeed(
        rectifier.size_px, mm_per_px, along_only=True, belt_mask=small.motion_mask
    )


def calibrate_speed(
    line: Path, source: str | None, encoder: Path | None, operator: str | None
) -> bool:
    """Print the residuals, and write what was found unless it is poor; True if nothing is.

    Raises `ProfileError`, `SourceError`, `CalibrationError`, and `ValueError` where nothing can be
    measured.
    """
    profile = load_profile(line)
    belt = profile.belt
    encoder = encoder or belt.encoder_recording
    track = None if encoder is None else read_encoder(encoder, belt.encoder_wraps_at)
    plane = line_plane(profile, camera_of(profile))
    with (
        Recording(source or profile.camera.source, fps=profile.camera.fps) as recording,
        progress_bar("following the belt") as bar,
    ):
        count = recording.frame_count
        followed, size_px = follow(
            recording, plane, profile.view.mm_per_px, lambda n: bar(n, count)
        )
    refuse_against_the_travel(followed)
    told: dict[str, Any]
    if track is None:
        alone = _alone(followed, belt.speed_mm_s)
        judged, held_out = alone.judged, alone.held_out_percent
        # A belt that nobody says has one speed goes on being measured.
        told = {"speed_mm_s": None if belt.speed_mm_s is None else alone.speed_mm_s}
    else:
        fit = fit_speed(followed, track.counts_at(followed.t_ns), belt.encoder_counts_per_mm)
        judged = fit.judged()
        held_out = 100 * float(np.percentile(np.abs(fit.held_out), 95))
        told = {"encoder_counts_per_mm": float(f"{fit.counts_per_mm:.6g}")}
        print(f"encoder_counts_per_mm = {fit.counts_per_mm:.4g}  # by the picture")
    print_judged(judged)
    if any(each.verdict == "poor" for each in judged):
        print(f"{line}: calibration.speed not written, for what is poor")
        return False
    if any(value is not None for value in told.values()):
        found_plane = profile.calibration.plane
        found = SpeedCalibration(
            made=now(),
            operator=operator or who(),
            camera=camera_of(profile),
            size_px=size_px,
            plane_sha256="" if found_plane is None else found_plane.sha256,
            travelled_mm=round(float(np.abs(np.diff(followed.way_mm)).sum()), 1),
            held_out_percent=round(held_out, 3),
            **told,
        ).sealed()
        write_calibration(line, profile.calibration.model_copy(update={"speed": found}))
        print(f"{line}: calibration.speed written, sha256 {found.sha256[:12]}")
    return True


@dataclass(frozen=True, slots=True)
class _Alone:
    """The picture's own word."""

    speed_mm_s: float
    held_out_percent: float
    """What the first half's speed misses that over each second of the second half by (p95)."""
    judged: list[Judged]


def _alone(followed: Followed, setting_mm_s: float | None) -> _Alone:
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
    speed_mm_s = float(f"{middle:.6g}")
    early = first <= np.median(first)
    usual = float(np.median(speeds[early]))
    late = speeds if early.all() else speeds[~early]
    held_out = 100 * float(np.percentile(np.abs(late - usual), 95)) / max(abs(usual), 1.0)
    spread = 50 * float(high - low) / max(abs(float(middle)), 1.0)
    known = float((~np.isnan(followed.speed_mm_s[1:])).mean())
    seen = enough_seen(float(np.abs(np.diff(followed.way_mm)).sum()), known)
    if setting_mm_s is None:
        return _Alone(speed_mm_s, held_out, seen)
    off = 100 * abs(middle - setting_mm_s) / max(abs(setting_mm_s), 1.0)
    judged = [
        *seen,
        at_most("setting against picture (median)", off, "%", good=1, fair=2,
                advice=f"belt.speed_mm_s = {setting_mm_s:g} is not what the belt does"),
        at_most("speed over a second, half of p5 to p95", spread, "%", good=1, fair=3,
                advice="this belt has more than one speed: leave belt.speed_mm_s out"),
    ]  # fmt: skip
    return _Alone(speed_mm_s, held_out, judged)
