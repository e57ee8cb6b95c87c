"""Records on disk: the journal of a line, the recording of an encoder, surveyed points."""

from __future__ import annotations

import shutil
import tempfile
import tomllib
import zlib
from pathlib import Path
from random import Random
from typing import Self

import numpy as np

from benchmarks.fuzz.changes.of_bytes import changed_bytes
from benchmarks.fuzz.changes.of_documents import changed_json
from benchmarks.fuzz.parser import IN_MEMORY, FileParser, Parser, UnsoundError
from benchmarks.fuzz.parsers.settings import LEAST_PROFILE
from detector.belt.encoder_recording import EncoderFileError, read_encoder
from detector.belt.plane import CalibrationError
from detector.commands.calibrate.surveyed_points import surveyed_points
from detector.delivery.journal_folder import JournalFolder
from detector.delivery.journal_records import consumer_record, read_former
from detector.profile.line import LineProfile
from detector.wire import samples


class Journal(Parser):
    """A segment of a journal, opened and read as a detector does at its start."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="journal-", dir=IN_MEMORY))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)

    def valid(self) -> list[bytes]:
        alert = samples.ROUTER["delivery"][0].model_dump_json(by_alias=True, include={"message"})
        head = b'{"kind":"alert","boot_id":"b","alert_seq":3,'
        lines = [
            _line(b'{"kind": "start", "boot_id": "b", "t_utc_ns": 1}'),
            _line(head + alert.encode()[1:]),
            consumer_record("c", "b", 3).line,
        ]
        return [b"".join(lines), b"".join(lines[1:] + lines), lines[1]]

    def changed(self, rng: Random) -> bytes:
        if rng.random() < 0.3:
            return changed_bytes(rng, self.seeds)
        lines = rng.choice(self.seeds).splitlines()
        at = int(rng.random() * len(lines))
        lines[at] = _line(changed_json(rng, [lines[at].split(b" ", 2)[2]])).rstrip(b"\n")
        return b"\n".join(lines) + b"\n"

    def parse(self, case: bytes) -> None:
        path = self._folder / "00000001.journal"
        path.write_bytes(case)
        files = JournalFolder(self._folder)
        try:
            former = read_former(files.open(), 0)
            files.append(former.records())
        finally:
            files.close()
        if path.stat().st_size > len(case) + 20_000:
            raise UnsoundError("the journal has grown")


def _line(data: bytes) -> bytes:
    return b"%08x %d %s\n" % (zlib.crc32(data), len(data), data)


class Encoder(FileParser):
    """An encoder recorded alongside footage."""

    refusals = (EncoderFileError,)

    def valid(self) -> list[bytes]:
        line = b'{"t_mono_ns": %d, "counts": %d, "run": true}'
        return [
            b"\n".join(line % (step * 20_000_000, step * pace % 65536) for step in range(8))
            for pace in (10, 9000)
        ]

    def changed(self, rng: Random) -> bytes:
        if rng.random() < 0.4:
            return changed_bytes(rng, self.seeds, words=(b"1e999", b"NaN", b"null", b"-", b"\n"))
        lines = rng.choice(self.seeds).splitlines()
        at = int(rng.random() * len(lines))
        lines[at] = changed_json(rng, [lines[at]])
        return b"\n".join(lines)

    def read(self, path: Path) -> None:
        track = read_encoder(path, 65536)
        if not (np.diff(track.t_ns) > 0).all() or not np.isfinite(track.counts).all():
            raise UnsoundError("times do not increase, or counts are not finite")
        track.counts_at(np.array([-1, 0, 50_000_000, 10**18]))


class Points(FileParser):
    """Surveyed points of a belt, a table of a spreadsheet."""

    refusals = (CalibrationError,)

    def __enter__(self) -> Self:
        super().__enter__()
        self._profile = LineProfile.model_validate(tomllib.loads(f"{LEAST_PROFILE}px_per_mm = 1\n"))
        return self

    def valid(self) -> list[bytes]:
        head = b"u_px,v_px,x_mm,y_mm\n"
        return [head + b"8.6,38.0,0,0\n1273,43,0,1197\n", b"\xef\xbb\xbf" + head + b'"1","2",3,4']

    def changed(self, rng: Random) -> bytes:
        words = (b'"', b"\r", b"\n", b",", b"\0", b"nan", b"1e999", b"1,5", b";", b'"' * 3, b"\xff")
        return changed_bytes(rng, self.seeds, words=words)

    def read(self, path: Path) -> None:
        image_px, belt_mm = surveyed_points(self._profile, path)
        if image_px.shape != belt_mm.shape or not np.isfinite(image_px).all():
            raise UnsoundError(f"points {image_px.shape} {belt_mm.shape}")
