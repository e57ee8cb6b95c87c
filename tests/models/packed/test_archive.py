import gzip
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from models.packed.archive import LISTING, unpack, write_archive
from models.workshop import WorkshopError


def _nothing(*_: object) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "data/belt").mkdir(parents=True)
    (folder / "data/MANIFEST.csv").write_text("file\n")
    (folder / "data/belt/a.jpg").write_bytes(bytes(range(256)) * 40)
    return folder


@pytest.fixture
def pack(folder: Path, tmp_path: Path) -> Path:
    write_archive(folder, tmp_path / "a.pack")
    return tmp_path / "a.pack"


def test_what_was_packed_comes_out_again(folder: Path, pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    unpack(pack, out, _nothing)
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert names == {"data/MANIFEST.csv", "data/belt/a.jpg", LISTING}
    assert (out / "data/belt/a.jpg").read_bytes() == (folder / "data/belt/a.jpg").read_bytes()


def test_the_same_files_give_the_same_pack(folder: Path, pack: Path, tmp_path: Path) -> None:
    write_archive(folder, tmp_path / "b.pack")
    assert (tmp_path / "b.pack").read_bytes() == pack.read_bytes()


def test_an_unpacked_pack_is_kept_and_one_of_another_pack_refused(
    folder: Path, pack: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    digest = unpack(pack, out, _nothing)
    (out / "note.txt").touch()
    assert unpack(pack, out, _nothing) == digest
    assert (out / "note.txt").is_file()
    (folder / "data/MANIFEST.csv").write_text("file\nother\n")
    write_archive(folder, tmp_path / "b.pack")
    with pytest.raises(WorkshopError, match="is of another pack; name another folder"):
        unpack(tmp_path / "b.pack", out, _nothing)


def _cut_off(pack: Path) -> None:
    pack.write_bytes(pack.read_bytes()[:-200])


def _changed(pack: Path) -> None:
    """One byte of a picture, in a pack whose own checksums are right."""
    content = bytearray(gzip.decompress(pack.read_bytes()))
    at = content.index(bytes(range(256)) * 2)
    content[at + 7] ^= 1
    pack.write_bytes(gzip.compress(bytes(content)))


def _flipped(pack: Path) -> None:
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 0xFF
    pack.write_bytes(bytes(content))


def _foreign(pack: Path) -> None:
    pack.write_bytes(b"PK\x03\x04 a zip of something else")


def _without_listing(pack: Path) -> None:
    with tarfile.open(pack, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.jpg"))


def _newer(pack: Path) -> None:
    content = gzip.decompress(pack.read_bytes())
    pack.write_bytes(gzip.compress(content.replace(b'"format": 1', b'"format": 2')))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_cut_off, "damaged|cut off"),
        (_changed, r"data/belt/a\.jpg is damaged; copy it again"),
        (_flipped, "damaged"),
        (_foreign, "damaged, or not a pack"),
        (_without_listing, r"not a pack, it does not begin with pack\.json"),
        (_newer, "its format is 2, this checkout reads 1; make it again"),
        (Path.unlink, "no such pack; make it with `vigitri model pack`"),
    ],
)
def test_a_damaged_pack_is_a_one_line_error_and_leaves_nothing(
    pack: Path, tmp_path: Path, damage: Callable[[Path], None], reason: str
) -> None:
    damage(pack)
    with pytest.raises(WorkshopError, match=reason) as refused:
        unpack(pack, tmp_path / "out", _nothing)
    assert "\n" not in str(refused.value)
    assert str(pack) in str(refused.value)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.part").exists()


def test_a_name_that_leads_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    pack = tmp_path / "a.pack"
    write_archive(folder, pack)
    name, other = b"data/belt/a.jpg", b"../../outside.x"
    content = gzip.decompress(pack.read_bytes())
    head = json.loads(content[512 : content.index(b"\0", 512)])
    pack.write_bytes(gzip.compress(content.replace(name, other)))
    assert name.decode() in head["files"]
    with pytest.raises(WorkshopError, match="damaged"):
        unpack(pack, tmp_path / "out", _nothing)
    assert not (tmp_path / "outside.x").exists()
