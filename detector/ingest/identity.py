"""The identity of the camera behind a source."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from detector.ingest.names import scheme_of, without_credentials
from detector.ingest.source import SourceError
from detector.ingest.sources.aravis import AravisMissingError
from detector.ingest.sources.genicam import find_genicam
from detector.ingest.sources.genicam_settings import genicam_name

_SYSFS = Path("/sys/class/video4linux")


def camera_identity(source: str, sysfs: Path = _SYSFS) -> str | None:
    """A name that identifies the same camera after a restart; None for a recording.

    For a V4L2 camera, the driver's name for it with its USB serial number, if it has one
    (`/dev/video0` is the camera that was plugged in first); for a GenICam camera, vendor, model and
    serial number (asked for a second); for a network camera, its address without credentials; for
    one that a Python file opens, the URL without the file's folder.
    """
    scheme = scheme_of(source)
    if scheme in {"", "file"}:
        return None
    if scheme == "genicam":
        return _genicam_identity(source)
    if scheme == "python":
        head, tail = without_credentials(source).split("://", 1)
        path, *query = tail.split("?", 1)
        return "?".join((f"{head}://{path.rpartition('/')[2]}", *query))
    if scheme != "v4l2":
        return without_credentials(source)
    address = urlsplit(source)
    device = Path(f"/{(address.netloc + address.path).lstrip('/')}")
    node = sysfs / device.resolve().name  # /dev/v4l/by-id/... are links
    model = _read(node / "name")
    if not model:
        return None  # not plugged in: opening it reports that
    serial = _read(node / "device" / ".." / "serial")
    return f"{model} {serial}".strip()


def _genicam_identity(source: str) -> str | None:
    try:
        found = find_genicam(genicam_name(source))
    except (SourceError, AravisMissingError):
        return None  # opening it reports that
    return found.identity


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
