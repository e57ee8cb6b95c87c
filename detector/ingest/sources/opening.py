"""Opens the source that a URL names."""

from __future__ import annotations

from detector.ingest.names import NETWORK_SCHEMES, scheme_of
from detector.ingest.source import OPEN_TIMEOUT_S, READ_TIMEOUT_S, Source, SourceError
from detector.ingest.sources.genicam import GenicamCamera
from detector.ingest.sources.genicam_settings import SCHEME as GENICAM
from detector.ingest.sources.image_folder import ImageFolder, is_glob
from detector.ingest.sources.image_kinds import IMAGE_SUFFIXES
from detector.ingest.sources.own_library import SCHEME as OWN
from detector.ingest.sources.own_library import open_own
from detector.ingest.sources.paths import local_path
from detector.ingest.sources.v4l2 import V4l2Camera


def open_source(
    url: str,
    *,
    fps: float | None = None,
    open_timeout_s: float = OPEN_TIMEOUT_S,
    read_timeout_s: float = READ_TIMEOUT_S,
    threads: int = 0,
) -> Source:
    """Open what `url` names.

    Args:
        url: A video file, an image, a folder or glob of images (all also as `file://`),
            `v4l2:///dev/video0`, `genicam://SERIAL?exposure_us=…` (see `GenicamSettings`),
            `python://FILE.py:FUNCTION` (see `open_own`), or `rtsp://user:password@host/stream`
            (also rtsps, http, https).
        fps: Frame rate to request from a V4L2 camera, or to use instead of a recording's own. No
            effect on a network camera.
        open_timeout_s: Longest wait for a network camera to answer.
        read_timeout_s: Longest wait for each read from a network camera.
        threads: Threads that decode a video file; 0: one per core.

    Raises:
        SourceError: The source does not exist, or cannot be opened.
    """
    try:
        if scheme_of(url) == OWN:
            return open_own(
                url, fps=fps, open_timeout_s=open_timeout_s, read_timeout_s=read_timeout_s
            )
        source = _choose(url, fps, open_timeout_s, read_timeout_s, threads)
        source.open()
    except OSError as error:  # for example no access to the folder, or a missing disk
        why = (error.strerror or str(error)).lower()
        raise SourceError(url, why, "check the path and its permissions") from None
    return source


def _choose(
    url: str, fps: float | None, open_timeout_s: float, read_timeout_s: float, threads: int
) -> Source:
    # FFmpeg is loaded by who decodes: in a running line that is the capture process alone.
    scheme = scheme_of(url)
    if scheme in NETWORK_SCHEMES:
        from detector.ingest.sources.network_stream import NetworkStream

        return NetworkStream(url, open_timeout_s=open_timeout_s, read_timeout_s=read_timeout_s)
    if scheme == GENICAM:
        return GenicamCamera(
            url, fps=fps, open_timeout_s=open_timeout_s, read_timeout_s=read_timeout_s
        )
    if scheme == "v4l2":
        return V4l2Camera(url, fps=fps)
    if scheme not in {"", "file"}:
        raise SourceError(
            url,
            f"unknown kind of source {scheme}://",
            "use a path, file://, v4l2:///dev/video0, genicam://SERIAL, or rtsp://host/stream",
        )
    path = local_path(url)
    if path.is_dir() or is_glob(path) or path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageFolder(path, fps=fps)
    from detector.ingest.sources.video_file import VideoFile

    return VideoFile(path, fps=fps, threads=threads)
