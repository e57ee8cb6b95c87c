"""Which camera a source is, as far as it tells."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from detector.ingest.names import scheme_of, without_credentials

_SYSFS = Path("/sys/class/video4linux")


def camera_identity(source: str, sysfs: Path = _SYSFS) -> str | None:
    """A name that the same camera has again tomorrow; None for a recording, which doesn't tell.

    A V4L2 camera is called what its driver calls it, with its USB serial number where it has one
    (`/dev/video0` is whichever was plugged in first); a network camera is its address.
    """
    scheme = scheme_of(source)
    if scheme in {"", "file"}:
        return None
    if scheme != "v4l2":
        return without_credentials(source)
    address = urlsplit(source)
    device = Path(f"/{(address.netloc + address.path).lstrip('/')}")
    node = sysfs / device.resolve().name  # /dev/v4l/by-id/... are links
    model = _read(node / "name")
    if not model:
        return None  # not plugged in: opening it will say so
    serial = _read(node / "device" / ".." / "serial")
    return f"{model} {serial}".strip()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
