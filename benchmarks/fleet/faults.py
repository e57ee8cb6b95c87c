"""Faults in the middle of a fleet run; its tables are compared with those of an undisturbed one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.fleet.footage import cut_clips
from fleet.clips import Clip
from fleet.provenance import Settings, load_line, provenance_of
from fleet.replay import FleetReplay, Progress
from fleet.results import Results
from fleet.session import prepare_environment, session
from fleet.tables import Row

TABLES = ("alerts", "revisions", "totals")
DISK_BYTES = 24 * 1024


def measure(line: Path, *, clips: int, clip_s: float) -> list[dict[str, Any]]:
    """One row per fault: what happened, and whether the tables are equal to the byte."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="vigitri-bench-") as scratch:
        place = Path(scratch)
        films = cut_clips(line, place / "clips", clips, clip_s)
        run = _Runner(line, films)
        with session(None, 2) as ray:
            run(ray, place / "undisturbed")
            wanted = _tables(place / "undisturbed")

            def compare(fault: str, replayed: FleetReplay, out: str) -> None:
                rows.append(_row(fault, replayed, wanted, place / out))

            compare("worker killed", run(ray, place / "worker", _kill_one_worker()), "worker")
            compare("corrupt clip", run(ray, place / "corrupt", corrupt=True), "corrupt")
            rows.append(_full_disk(ray, run, wanted, place / "disk"))
        rows.append(_lost_node(run, wanted, place / "node"))
    return rows


class _Runner:
    """Runs the same clips again."""

    def __init__(self, line: Path, films: list[Path]) -> None:
        self._line, self._films = str(line), films
        self._settings = Settings()
        loaded = load_line(self._line, self._settings)
        self._provenances: dict[str | None, Row] = {
            self._line: provenance_of(self._line, loaded, self._settings)
        }

    def __call__(
        self,
        ray: Any,
        out: Path,
        during: Callable[[Any, Progress], None] | None = None,
        *,
        corrupt: bool = False,
    ) -> FleetReplay:
        """`during`: called with the run and its progress, again and again. `corrupt`: with one more
        clip, whose second half is missing."""
        films = list(self._films)
        if corrupt:
            cut = films[0].with_name("corrupt.mp4")
            content = films[0].read_bytes()
            cut.write_bytes(content[: len(content) // 2])
            films.append(cut)
        replayed = FleetReplay(ray, Results(str(out)), self._settings, self._provenances, workers=2)
        if during is not None:
            replayed.on_progress = lambda progress: during(replayed, progress)
        try:
            replayed.run([Clip(str(film), self._line) for film in films])
        finally:
            if corrupt:
                films[-1].unlink()
        return replayed


def _kill_one_worker() -> Callable[[Any, Progress], None]:
    """SIGKILL to a worker in the middle of its clip, once."""
    killed: list[int] = []

    def during(replayed: FleetReplay, progress: Progress) -> None:
        if not killed and progress.done and (pids := replayed.busy_pids()):
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    return during


def _full_disk(ray: Any, run: _Runner, wanted: dict[str, bytes], out: Path) -> dict[str, Any]:
    """A real file system that is too small; then room is made and the same run is repeated."""
    out.mkdir()
    size = f"size={DISK_BYTES}"
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(out)], check=False, capture_output=True
    )
    if mount.returncode:
        return {"fault": "disk full", "skipped": "this user may not mount a small file system"}
    try:
        try:
            run(ray, out)
            stopped = "not at all: the disk was large enough"
        except OSError as error:
            stopped = error.strerror or str(error)
        kept = len(Results(str(out)).finished())
        subprocess.run(["mount", "-o", "remount,size=64m", str(out)], check=True)
        replayed = run(ray, out)
        row = _row("disk full, then room made", replayed, wanted, out)
    finally:
        subprocess.run(["umount", str(out)], check=True)
        shutil.rmtree(out, ignore_errors=True)
    return {**row, "stopped_by": stopped, "clips_kept": kept}


def _lost_node(run: _Runner, wanted: dict[str, bytes], out: Path) -> dict[str, Any]:
    """A cluster of two nodes with one CPU each, of which one is killed in the middle."""
    prepare_environment(own=True)
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "object_store_memory": 80_000_000},
    )
    try:
        node = cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
        cluster.wait_for_nodes()
        lost: list[Any] = []

        def during(_: FleetReplay, progress: Progress) -> None:
            if not lost and progress.done:
                lost.append(node)
                cluster.remove_node(node, allow_graceful=False)

        with session(cluster.address) as ray:
            replayed = run(ray, out, during)
        return _row("node killed", replayed, wanted, out)
    finally:
        cluster.shutdown()


def _tables(out: Path) -> dict[str, bytes]:
    return {table: (out / f"{table}.parquet").read_bytes() for table in TABLES}


def _row(fault: str, replayed: FleetReplay, wanted: dict[str, bytes], out: Path) -> dict[str, Any]:
    found = _tables(out)
    results = [path.name for path in (out / "clips").iterdir()]
    return {
        "fault": fault,
        "clips": replayed.progress.clips,
        "results": len(results),
        "failed": [row["clip"].rsplit("/", 1)[-1] for row in replayed.failures if row["final"]],
        "failed_attempts": [row["reason"] for row in replayed.failures],
        "equal_to_the_byte": {table: found[table] == wanted[table] for table in TABLES},
    }
