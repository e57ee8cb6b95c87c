"""Kinds of image files: the suffixes that are read, and what a file is by its first bytes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

JPEG, PNG, TIFF, WEBP, GIF = "JPEG", "PNG", "TIFF", "WebP", "GIF"
AVIF, HEIC, JPEG_2000, BMP = "AVIF", "HEIC", "JPEG 2000", "BMP"
VIDEO = "a video"

_OLD = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif")
IMAGE_SUFFIXES = frozenset((*_OLD, ".avif", ".jp2", ".j2k", ".heic", ".heif"))
"""Of every place that looks for images: folders, globs, single names, labelled images."""

HEAD_BYTES = 32

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),
    (b"GIF8", GIF),
    (b"BM", BMP),
    (b"\0\0\0\x0cjP  ", JPEG_2000),
    (b"\xff\x4f\xff\x51", JPEG_2000),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"8BPS", "a Photoshop document"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"\x1aE\xdf\xa3", VIDEO),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"version https://git-lfs", "a pointer of Git LFS, without the file itself"),
    (b"<!DOCTYPE", "a web page"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"<svg", "SVG"),
    (b"FUJIFILMCCD-RAW", "a camera's raw image"),
)
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), AVIF),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), HEIC),
    b"crx ": "a camera's raw image",
}
_IMAGES = frozenset((JPEG, PNG, TIFF, WEBP, GIF, AVIF, HEIC, JPEG_2000))
_FOREIGN = frozenset(("JPEG XL", "a Photoshop document", "OpenEXR", "SVG", "a camera's raw image"))
_RAW_SUFFIXES = frozenset(
    (".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2", ".pef", ".srw")
)


def kind_of(head: bytes) -> str | None:
    """The kind of a file that starts with `head` (`HEAD_BYTES`); None: unknown."""
    if head[4:8] == b"ftyp":
        kind = _BRANDS.get(head[8:12], VIDEO)
        # "mif1" is any still image; the compatible brands after it say of which codec.
        return AVIF if kind == HEIC and b"avif" in head[12:] else kind
    if head[:4] == b"RIFF":
        return {b"WEBP": WEBP, b"AVI ": VIDEO}.get(head[8:12])
    return next((kind for start, kind in _STARTS if head.startswith(start)), None)


def is_image(path: Path) -> bool:
    """Whether a file has the suffix of an image that is read, and is not hidden.

    A hidden one is `._belt 1.jpg`, which macOS adds for each file of an archive.
    """
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def images_not_read(paths: Iterable[Path]) -> list[tuple[Path, str]]:
    """Each file that is an image, but has no suffix of those that are read; and why, and the fix.

    Text, videos and all else that may be in a folder of images are no images.
    """
    found = []
    for path in sorted(paths):
        if path.name.startswith(".") or is_image(path) or not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                kind = kind_of(file.read(HEAD_BYTES))
        except OSError:
            continue
        if path.suffix.lower() in _RAW_SUFFIXES:
            found.append((path, "not read: a camera's raw image; export it as JPEG or PNG"))
        elif kind in _FOREIGN:
            found.append((path, f"not read: {kind}; export it as JPEG or PNG"))
        elif kind in _IMAGES:
            found.append((path, f"not read: {kind} with the suffix {path.suffix!r}; rename it"))
    return found
