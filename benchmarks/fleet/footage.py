"""Clips for the fleet bench, cut from one film, and their line."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from detector.ingest import Recording
from detector.profile.loading import load_profile


def cut_clips(profile: Path, folder: Path, count: int, clip_s: float) -> list[Path]:
    """Clips `clip_0.mp4`, … of `clip_s` seconds each: the line's film from its start, in order,
    from its start again where it ends. Encoded again, so that each begins with a key frame."""
    folder.mkdir(parents=True, exist_ok=True)
    source = load_profile(profile).camera.source
    clips: list[Path] = []
    while len(clips) < count:
        with Recording(source) as recording:
            frames = iter(recording)
            length = round(clip_s * recording.fps)
            if recording.frame_count is not None and recording.frame_count < length:
                raise ValueError(f"{source}: is shorter than {clip_s:g} s")
            while len(clips) < count:
                images = [
                    frame.image.copy() for _, frame in zip(range(length), frames, strict=False)
                ]
                if len(images) < length:
                    break
                path = folder / f"clip_{len(clips)}.mp4"
                with av.open(str(path), "w") as film:
                    stream = film.add_stream(
                        "libx264", rate=Fraction(recording.fps).limit_denominator()
                    )
                    stream.height, stream.width = images[0].shape[:2]
                    stream.pix_fmt, stream.options = "yuv420p", {"preset": "ultrafast", "crf": "18"}
                    for image in images:
                        film.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
                    film.mux(stream.encode(None))
                clips.append(path)
    return clips
