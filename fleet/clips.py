"""The clips of an archive: what was named, as a list of clips with their lines."""

from __future__ import annotations

import csv
import fnmatch
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import fs

from detector.errors import VigitriError
from detector.ingest import is_image
from fleet.store import is_uri, open_place

VIDEO_SUFFIXES = frozenset(
    (
        ".mp4",
        ".m4v",
        ".mkv",
        ".avi",
        ".mov",
        ".ts",
        ".mts",
        ".m2ts",
        ".webm",
        ".mpg",
        ".mpeg",
        ".h264",
        ".h265",
        ".mjpeg",
        ".wmv",
        ".flv",
    )
)
LIST_SUFFIXES = frozenset((".csv", ".txt"))
_GLOB = re.compile(r"[*?\[]")
_TIME_IN_NAME = re.compile(
    r"(?<!\d)(20\d\d)[-_]?([01]\d)[-_]?([0-3]\d)[T _-]?"
    r"([0-2]\d)[-_:h]?([0-5]\d)(?:[-_:m]?([0-5]\d))?(?!\d)"
)


class ClipsError(VigitriError):
    """Footage that cannot be found: one line with its name, reason and fix."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip of the archive."""

    name: str
    """Path or URI, as given or found."""
    profile: str | None
    """Path of its line's profile; None: without one."""
    start: datetime | None = None
    """UTC of its first frame; None: unknown."""
    start_basis: str | None = None
    """"list" or "name"; None: unknown."""
    size: int = 0
    """Bytes, for the progress; 0: unknown."""

    @property
    def key(self) -> str:
        """Its name in the results folder: the same for the same clip of the same line."""
        return hashlib.sha256(f"{self.profile or ''}\0{self.name}".encode()).hexdigest()[:24]


@dataclass(slots=True)
class Found:
    """The clips of everything that was named."""

    clips: list[Clip]
    repeated: int = 0
    """Clips that were named more than once."""
    passed_over: int = 0
    """Files in folders that are no videos."""


def find_clips(footage: Sequence[str], profile: str | None) -> Found:
    """The clips that these name: videos, folders, globs, lists; local or by URI.

    A folder is searched with all folders in it; a local folder of images is one clip. A list is a
    CSV with the columns `clip`, and where needed `line` (a profile) and `start` (ISO time, UTC
    without an offset), or a text file with a clip in each line; relative names start at its folder.
    `profile`: of clips for which no list names another.

    Raises `ClipsError` for what is missing, and `StoreError`.
    """
    found = Found([])
    clips: dict[str, Clip] = {}
    for named in footage:
        if Path(named).suffix.lower() in LIST_SUFFIXES:
            every = _listed(named, profile, found)
        else:
            every = _found_in(named, profile, found)
        for clip in every:
            found.repeated += clip.key in clips
            clips.setdefault(clip.key, clip)
    found.clips = list(clips.values())
    return found


def _listed(named: str, profile: str | None, found: Found) -> list[Clip]:
    filesystem, path = open_place(named)
    try:
        with filesystem.open_input_stream(path) as stream:
            text = bytes(stream.read()).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ClipsError(f"{named}: no readable list: {error}") from None
    if named.lower().endswith(".txt"):
        rows = [{"clip": line.strip()} for line in text.splitlines() if line.strip()]
    else:
        reader = csv.DictReader(io.StringIO(text))
        unknown = sorted(set(reader.fieldnames or ()) - {"clip", "line", "start"})
        if "clip" not in (reader.fieldnames or ()) or unknown:
            raise ClipsError(
                f"{named}: its first line names the columns: clip, and where needed line, start"
            )
        rows = list(reader)
    clips: list[Clip] = []
    for row in rows:
        place = _beside(named, row["clip"] or "")
        line = _beside(named, row["line"]) if row.get("line") else profile
        every = _found_in(place, line, found)
        if row.get("start"):
            start = _time(named, row["start"])
            every = [Clip(e.name, e.profile, start, "list", e.size) for e in every]
        clips += every
    return clips


def _beside(list_name: str, named: str) -> str:
    if is_uri(named) or named.startswith("/"):
        return named
    folder, separator, _ = list_name.rpartition("/")
    return f"{folder}{separator}{named}"


def _time(list_name: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ClipsError(f"{list_name}: start {text!r} is no time: 2026-03-01T06:00:00") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _found_in(named: str, profile: str | None, found: Found) -> list[Clip]:
    filesystem, path = open_place(named)
    # The path as listed, in a URI with the same scheme and options.
    scheme, separator, rest = named.partition("://") if is_uri(named) else ("", "", named)
    start = f"{scheme}{separator}" if is_uri(named) else ""
    query = f"?{rest.partition('?')[2]}" if start and "?" in rest else ""
    host = rest.partition("?")[0].removesuffix(path) if start else ""
    try:
        files = _files(filesystem, path)
        if files is None:
            raise ClipsError(f"{named}: no such file or folder")
        videos = [each for each in files if each.path == path or _is_video(each.path)]
        if not videos and not start and any(is_image(Path(each.path)) for each in files):
            return [Clip(path, profile, *_start(path))]
    except (OSError, pa.ArrowException) as error:
        raise ClipsError(f"{named}: {str(error).splitlines()[0]}") from None
    if not videos:
        raise ClipsError(f"{named}: has no video: {', '.join(sorted(VIDEO_SUFFIXES))}")
    found.passed_over += len(files) - len(videos)
    return [
        Clip(f"{start}{host}{each.path}{query}", profile, *_start(each.path), each.size or 0)
        for each in sorted(videos, key=lambda file: file.path)
    ]


def _files(filesystem: fs.FileSystem, path: str) -> list[fs.FileInfo] | None:
    """The files that a path or glob names, in folders all; None: it does not exist."""
    if _GLOB.search(path):
        return _globbed(filesystem, path)
    info = filesystem.get_file_info(path)
    if info.type is fs.FileType.File:
        return [info]
    if info.type is not fs.FileType.Directory:
        return None
    every = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    return [each for each in every if each.type is fs.FileType.File]


def _globbed(filesystem: fs.FileSystem, pattern: str) -> list[fs.FileInfo]:
    """The files that match; `*` also matches `/`, as `**` would."""
    match = _GLOB.search(pattern)
    assert match is not None
    base = pattern[: match.start()].rpartition("/")[0]
    every = filesystem.get_file_info(fs.FileSelector(base, recursive=True, allow_not_found=True))
    return [
        each
        for each in every
        if each.type is fs.FileType.File
        and fnmatch.fnmatchcase(each.path, pattern)
        and not each.base_name.startswith(".")
    ]


def _is_video(path: str) -> bool:
    name = PurePosixPath(path)
    return name.suffix.lower() in VIDEO_SUFFIXES and not name.name.startswith(".")


def _start(path: str) -> tuple[datetime | None, str | None]:
    """The time that a clip's name states, such as 20260301T060000; taken as UTC."""
    match = _TIME_IN_NAME.search(PurePosixPath(path).name)
    if match is None:
        return None, None
    try:
        at = datetime(*(int(part or 0) for part in match.groups()), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None, None
    return at, "name"
