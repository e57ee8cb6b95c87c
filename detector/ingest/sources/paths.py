"""Files on this machine: from a URL to a path, and what is wrong with a path."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

from detector.ingest.names import scheme_of
from detector.ingest.source import SourceError


def local_path(url: str) -> Path:
    """The path of a plain path or of `file:///path` (percent signs decoded), `~` expanded."""
    if scheme_of(url) != "file":
        try:
            return Path(url).expanduser()
        except RuntimeError:  # no user of that name: `~$clip.mp4` is an ordinary file name
            return Path(url)
    path = unquote(url[len("file://") :]).removeprefix("localhost")
    return Path(path)


def require_readable_file(path: Path) -> None:
    """Raise `SourceError` unless `path` is a readable file that is not empty."""
    source = str(path)
    if not path.exists():
        raise SourceError(source, "no such file", f"check the path (from {Path.cwd()})")
    if not path.is_file():
        raise SourceError(source, "not a file", "name a video, an image or a folder of images")
    if not os.access(path, os.R_OK):
        raise SourceError(source, "this user has no permission to read it", f"chmod +r {path}")
    if path.stat().st_size == 0:
        raise SourceError(source, "the file is empty", "copy or record it again")
