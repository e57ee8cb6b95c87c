"""What a GenICam camera is asked for: `genicam://NAME?exposure_us=5000&…`."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from detector.ingest.source import SourceError

SCHEME = "genicam"
_FEATURE = re.compile(r"[A-Z][A-Za-z0-9_]*")
"""GenICam's own names, such as `BalanceWhiteAuto`, begin with a capital; our keys do not."""


@dataclass(frozen=True, slots=True)
class GenicamSettings:
    """The parts of the URL. None leaves a setting as the camera has it."""

    name: str
    """Serial number, IP address, MAC address or Aravis' id; empty: the only camera there is."""
    exposure_us: float | None = None
    gain: float | None = None
    trigger: str | None = None
    """`off`, or the camera's input that triggers each image, such as `Line1`."""
    pixel_format: str | None = None
    packet_size: int | None = None
    """Bytes of a GigE packet."""
    features: dict[str, str] = field(default_factory=dict)
    """Any other feature, by GenICam's name."""


def genicam_name(url: str) -> str:
    """The camera's name in a `genicam://` URL."""
    return unquote(url.partition("://")[2].partition("?")[0]).strip("/")


def parse_genicam(url: str) -> GenicamSettings:
    """Raises `SourceError` on an unknown key or a value that is not a number."""
    where = url.partition("?")[0]
    values: dict[str, float | int | str] = {}
    features: dict[str, str] = {}
    for key, text in parse_qsl(url.partition("?")[2], keep_blank_values=True):
        if key in _NUMBERS:
            values[key] = _number(where, key, text)
        elif key in _TEXTS:
            values[key] = text
        elif _FEATURE.fullmatch(key) and "'" not in text:
            features[key] = text
        else:
            known = [*_NUMBERS, *_TEXTS]
            close = difflib.get_close_matches(key, known, n=1) or [", ".join(known)]
            fix = f"did you mean {close[0]}? Features of the camera begin with a capital"
            raise SourceError(where, f"no setting {key}", fix)
    if str(values.get("trigger", "")).lower() == "software":
        raise SourceError(
            where, "trigger = Software: nothing would trigger it", "name an input, such as Line1"
        )
    return GenicamSettings(genicam_name(url), features=features, **values)  # type: ignore[arg-type]


_NUMBERS = {"exposure_us": float, "gain": float, "packet_size": int}
_TEXTS = ("trigger", "pixel_format")


def _number(where: str, key: str, text: str) -> float | int:
    try:
        value: float | int = _NUMBERS[key](text)
    except ValueError:
        raise SourceError(where, f"{key} = {text!r}: not a number", "write a number") from None
    if not 0 <= value < float("inf"):
        raise SourceError(where, f"{key} = {text}: out of range", "write a positive number")
    return value
