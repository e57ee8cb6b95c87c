"""The packed data file: a tar whose first member lists every other one with its SHA-256.

Compressed, since tar's own headers of thousands of small files are 5 MB.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from models.workshop import Progress, WorkshopError

LISTING = "pack.json"
FORMAT = 1
_AGAIN = "copy it again, or make it again with `vigitri model pack`"

Listing = dict[str, str]
"""File to SHA-256."""


def write_archive(folder: Path, out: Path) -> str:
    """Pack every file of a folder; returns the digest of all. The same files give the same pack."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }
    head = {"format": FORMAT, "digest": _digest(listing), "files": listing}
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}.part")
    with (
        partial.open("wb") as file,
        gzip.GzipFile("", "wb", 6, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        _add(archive, LISTING, json.dumps(head).encode())
        for name in listing:
            _add(archive, name, (folder / name).read_bytes())
    partial.replace(out)
    return _digest(listing)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _digest(listing: Listing) -> str:
    return hashlib.sha256(json.dumps(sorted(listing.items())).encode()).hexdigest()


def unpack(pack: Path, folder: Path, progress: Progress) -> str:
    """Unpack into a folder, or keep the folder if this pack is there already; returns its digest.

    Raises `WorkshopError` for a pack that is damaged or no pack, with nothing left of it, and for a
    folder that holds another one.
    """
    with _opened(pack) as archive:
        digest, listing = _head(pack, archive)
        if folder.is_dir():
            _same(folder, digest)
            return digest
        partial = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            _extract(pack, archive, listing, partial, progress)
            (partial / LISTING).write_text(digest + "\n")
            partial.replace(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return digest


@contextmanager
def _opened(pack: Path) -> Iterator[tarfile.TarFile]:
    if not pack.is_file():
        raise WorkshopError(f"{pack}: no such pack; make it with `vigitri model pack`")
    try:
        with tarfile.open(pack, "r:gz") as archive:
            yield archive
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise WorkshopError(f"{pack}: damaged, or not a pack ({error}); {_AGAIN}") from error


def _head(pack: Path, archive: tarfile.TarFile) -> tuple[str, Listing]:
    first = archive.next()
    if first is None or first.name != LISTING:
        raise WorkshopError(f"{pack}: not a pack, it does not begin with {LISTING}; {_AGAIN}")
    try:
        head = json.loads(_content(archive, first))
        written, digest = head["format"], head["digest"]
        listing = {str(name): str(value) for name, value in head["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkshopError(f"{pack}: {LISTING} is damaged; {_AGAIN}") from error
    if written != FORMAT:
        raise WorkshopError(
            f"{pack}: its format is {written!r}, this checkout reads {FORMAT}; make it again with "
            "`vigitri model pack`"
        )
    if digest != _digest(listing):
        raise WorkshopError(f"{pack}: {LISTING} is damaged; {_AGAIN}")
    return digest, listing


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    content = file.read() if file is not None else b""
    if len(content) != member.size:
        raise EOFError(f"{member.name} is cut off")
    return content


def _extract(
    pack: Path, archive: tarfile.TarFile, listing: Listing, out: Path, progress: Progress
) -> None:
    left = dict(listing)
    while (member := archive.next()) is not None:
        content = _content(archive, member)
        wanted = left.pop(member.name, None)
        if wanted is None or hashlib.sha256(content).hexdigest() != wanted:
            raise WorkshopError(f"{pack}: {member.name} is damaged; {_AGAIN}")
        parts = PurePosixPath(member.name).parts
        if ".." in parts or member.name.startswith("/"):
            raise WorkshopError(f"{pack}: {member.name} would lie outside its folder; {_AGAIN}")
        path = out / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        progress("unpacked files", len(listing) - len(left), len(listing))
    if left:
        raise WorkshopError(
            f"{pack}: cut off, {len(left)} of {len(listing)} files are missing; {_AGAIN}"
        )


def _same(folder: Path, digest: str) -> None:
    marker = folder / LISTING
    if not marker.is_file() or marker.read_text().strip() != digest:
        raise WorkshopError(f"{folder}: is of another pack; name another folder with -o")
