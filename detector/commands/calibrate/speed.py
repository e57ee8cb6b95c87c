"""`vigitri calibrate speed`: the image's speed against the encoder's, over recorded footage.

The result is written into the profile with its hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration.quality import QualityFigure, at_most
from calibration.speed_fit import ImageTrack, fit_speed, footage_quality, refuse_reverse_travel
from detector.belt.encoder_recording import read_encoder
from detector.belt.line_plane import line_plane
from detector.belt.motion import ImageSpeed
from detector.belt.plane import BeltPlane
from detector.cli_support.options import print_error
from detector.cli_support.progress import progress_bar
from detector.commands.calibrate.lens import camera_of, logged_in_user, now, print_quality
from detector.ingest import Frame, Recording
from detector.profile.calibration import SpeedCalibration
from detector.profile.loading import load_profile
from detector.profile.writing import write_calibration
from detector.vision.belt_view import Rectifier
from detector.vision.small_views import SmallViews

_STRIDE_PX = 32


def follow(
    frames: Iterable[Frame], plane: BeltPlane, mm_per_px: float, advance: Callable[[int], None]
) -> tuple[ImageTrack, tuple[int, int]]:
    """Belt motion by the image in these frames, and their `(width, height)`.

    Raises `CalibrationError`.
    """
    stamps, travels_mm, speeds, travel_mm = [], [], [], 0.0
    tracking: tuple[SmallViews, ImageSpeed] | None = None
    size_px = 0, 0
    for frame in frames:
        size_px = frame.size_px
        tracking = tracking or _views_and_speed(frame, plane, mm_per_px)
        small, motion = tracking
        small.update(frame)
        travel_mm += motion.advance(small.for_motion, frame.t_mono_ns).dy_mm
        stamps.append(frame.t_mono_ns)
        travels_mm.append(travel_mm)
        speeds.append(np.nan if motion.speed_mm_s is None else motion.speed_mm_s)
        advance(len(stamps))
    return ImageTrack(np.array(stamps, np.int64), np.array(travels_mm), np.array(speeds)), size_px


def _views_and_speed(
    frame: Frame, plane: BeltPlane, mm_per_px: float
) -> tuple[SmallViews, ImageSpeed]:
    rectifier = Rectifier(plane, frame.size_px, mm_per_px, _STRIDE_PX)
    small = SmallViews(rectifier)
    return small, ImageSpeed(
        rectifier.size_px, mm_per_px, along_only=True, belt_mask=small.motion_mask
    )


def calibrate_speed(
    line: Path, source: str | None, encoder: Path | None, operator: str | None
) -> bool:
    """Print the residuals and write the result unless it is poor; returns False if it is poor.

    Raises `ProfileError`, `SourceError`, `CalibrationError`, and `ValueError` if nothing can be
    measured.
    """
    profile = load_profile(line)
    belt = profile.belt
    encoder = encoder or belt.encoder_recording
    encoder_track = None if encoder is None else read_encoder(encoder, belt.encoder_wraps_at)
    plane = line_plane(profile, camera_of(profile))
    with (
        Recording(source or profile.camera.source, fps=profile.camera.fps) as recording,
        progress_bar("tracking the belt") as bar,
    ):
        count = recording.frame_count
        track, size_px = follow(recording, plane, profile.view.mm_per_px, lambda n: bar(n, count))
        for note in recording.unreadable + recording.time_notes:
            print_error(note)
    refuse_reverse_travel(track)
    result: dict[str, Any]
    if encoder_track is None:
        by_image = _by_image_alone(track, belt.speed_mm_s)
        quality, held_back = by_image.quality, by_image.held_back_percent
        # Without belt.speed_mm_s the belt may have several speeds and is still measured live.
        result = {"speed_mm_s": None if belt.speed_mm_s is None else by_image.speed_mm_s}
    else:
        fit = fit_speed(track, encoder_track.counts_at(track.t_ns), belt.encoder_counts_per_mm)
        quality = fit.quality()
        held_back = 100 * float(np.percentile(np.abs(fit.held_back), 95))
        result = {"encoder_counts_per_mm": float(f"{fit.counts_per_mm:.6g}")}
        print(f"encoder_counts_per_mm = {fit.counts_per_mm:.4g}  # by the image")
    print_quality(quality)
    if any(each.verdict == "poor" for each in quality):
        print(f"{line}: calibration.speed not written, because a figure is poor")
        return False
    if any(value is not None for value in result.values()):
        found_plane = profile.calibration.plane
        found = SpeedCalibration(
            made=now(),
            operator=operator or logged_in_user(),
            camera=camera_of(profile),
            size_px=size_px,
            plane_sha256="" if found_plane is None else found_plane.sha256,
            travelled_mm=round(float(np.abs(np.diff(track.travel_mm)).sum()), 1),
            held_back_percent=round(held_back, 3),
            **result,
        ).with_digest()
        write_calibration(line, profile.calibration.model_copy(update={"speed": found}))
        print(f"{line}: calibration.speed written, sha256 {found.sha256[:12]}")
    return True


@dataclass(frozen=True, slots=True)
class _ImageResult:
    """Result without an encoder."""

    speed_mm_s: float
    held_back_percent: float
    """Error (p95) of the first half's speed over each second of the second half."""
    quality: list[QualityFigure]


def _by_image_alone(track: ImageTrack, setting_mm_s: float | None) -> _ImageResult:
    """Without an encoder: the image's speed compared with the setting.

    Raises `ValueError` if the image gives no speed.
    """
    first, last = track.windows()
    if not len(first):
        raise ValueError(
            "the image gives no speed for a second. Record a running belt with objects on it"
        )
    seconds = (track.t_ns[last] - track.t_ns[first]) / 1e9
    speeds = (track.travel_mm[last] - track.travel_mm[first]) / seconds
    low, middle, high = np.percentile(speeds, [5, 50, 95])
    print(f"image: {middle:.1f} mm/s over a second, {low:.1f} to {high:.1f} (p5 to p95)")
    print(f"speed_mm_s = {middle:.4g}  # under [belt], if this belt has only one speed")
    speed_mm_s = float(f"{middle:.6g}")
    early = first <= np.median(first)
    early_mm_s = float(np.median(speeds[early]))
    late = speeds if early.all() else speeds[~early]
    held_back = (
        100 * float(np.percentile(np.abs(late - early_mm_s), 95)) / max(abs(early_mm_s), 1.0)
    )
    spread = 50 * float(high - low) / max(abs(float(middle)), 1.0)
    known = float((~np.isnan(track.speed_mm_s[1:])).mean())
    footage = footage_quality(float(np.abs(np.diff(track.travel_mm)).sum()), known)
    if setting_mm_s is None:
        return _ImageResult(speed_mm_s, held_back, footage)
    off = 100 * abs(middle - setting_mm_s) / max(abs(setting_mm_s), 1.0)
    quality = [
        *footage,
        at_most("setting against image (median)", off, "%", good=1, fair=2,
                advice=f"belt.speed_mm_s = {setting_mm_s:g} is not the belt's speed"),
        at_most("speed spread over 1 s (half p5-p95)", spread, "%", good=1, fair=3,
                advice="this belt has more than one speed: leave out belt.speed_mm_s"),
    ]  # fmt: skip
    return _ImageResult(speed_mm_s, held_back, quality)
