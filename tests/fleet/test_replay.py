"""`vigitri fleet replay` on real workers: each clip has one result, or a failure with a reason."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="the extra fleet is not installed")
if find_spec("ray") is None:  # not imported: its environment is set before
    pytest.skip("the extra fleet is not installed", allow_module_level=True)

from fleet.clips import Clip, find_clips
from fleet.provenance import Settings, load_line, provenance_of
from fleet.replay import FleetReplay, Progress
from fleet.results import Results, ResultsError
from fleet.session import session
from tests.small_line import passing, write_model, write_profile, write_video

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own

TABLES = ("alerts", "revisions", "totals")
SETTINGS = Settings()


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patched:
        # The workers', which the store of the last test accepts.
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patched.setenv(key, "testing")
        with session(None, 2) as started:
            yield started


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips and their line."""
    place = tmp_path_factory.mktemp("archive")
    (place / "clips").mkdir()
    for number in range(3):
        film = write_video(place / "clips" / f"{number}.avi", passing(24 + 4 * number))
    write_profile(place / "line.toml", film, write_model(place / "model"))
    return place


Run = Callable[..., FleetReplay]


@pytest.fixture
def run(ray: Any, archive: Path) -> Run:
    """Runs an archive with two workers."""
    line = str(archive / "line.toml")
    provenances: Any = {line: provenance_of(line, load_line(line, SETTINGS), SETTINGS)}

    def started(
        out: str | Path,
        clips: list[Clip] | None = None,
        during: Callable[[FleetReplay, Progress], None] = lambda *_: None,
    ) -> FleetReplay:
        replayed = FleetReplay(ray, Results(str(out)), SETTINGS, provenances, workers=2, attempts=2)
        replayed.on_progress = lambda progress: during(replayed, progress)
        replayed.run(find_clips([f"{archive}/clips"], line).clips if clips is None else clips)
        return replayed

    return started


@pytest.fixture(scope="module")
def undisturbed(
    ray: Any, archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed")
    line = str(archive / "line.toml")
    provenances: Any = {line: provenance_of(line, load_line(line, SETTINGS), SETTINGS)}
    replayed = FleetReplay(ray, Results(str(out)), SETTINGS, provenances, workers=1)
    assert replayed.run(find_clips([f"{archive}/clips"], line).clips).done == 3
    return tables(out)


def tables(out: Path) -> dict[str, bytes]:
    return {name: (out / f"{name}.parquet").read_bytes() for name in TABLES}


def test_the_tables_have_the_alerts_of_every_clip(undisturbed: dict[str, bytes]) -> None:
    from fleet.store import rows_of

    totals = rows_of(undisturbed["totals"])
    assert [Path(row["clip"]).name for row in totals] == ["0.avi", "1.avi", "2.avi"]
    assert [row["raised_gas"] for row in totals] == [1, 1, 1]
    alerts = rows_of(undisturbed["alerts"])
    assert {row["hazard"] for row in alerts} == {"gas", "battery"}
    assert len(rows_of(undisturbed["revisions"])) == sum(row["revisions"] for row in alerts)


def test_a_killed_worker_and_a_resumed_run_neither_lose_nor_double_a_result(
    run: Run, tmp_path: Path, undisturbed: dict[str, bytes], archive: Path
) -> None:
    killed: list[int] = []

    def during(replayed: FleetReplay, _: Progress) -> None:
        if not killed and (pids := replayed.busy_pids()):
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    clips = find_clips([f"{archive}/clips"], str(archive / "line.toml")).clips
    first = run(tmp_path, clips[:2], during)
    assert killed
    assert [(row["cause"], row["final"]) for row in first.failures] == [("worker", False)]
    resumed = run(tmp_path)
    assert (resumed.progress.resumed, resumed.progress.done) == (2, 3)
    assert tables(tmp_path) == undisturbed


def test_a_clip_that_cannot_be_read_is_named_with_its_reason_and_tried_again(
    run: Run, tmp_path: Path, archive: Path, undisturbed: dict[str, bytes]
) -> None:
    line = str(archive / "line.toml")
    missing = Clip(str(archive / "gone.avi"), line)
    replayed = run(tmp_path, [*find_clips([f"{archive}/clips"], line).clips, missing])
    assert replayed.progress.failed == 1
    rows = Results(str(tmp_path)).folder.read_table("failures")
    assert [(row["attempt"], row["cause"], row["final"]) for row in rows] == [
        (1, "footage", False),
        (2, "footage", True),
    ]
    assert "gone.avi" in rows[0]["reason"]
    assert tables(tmp_path) == undisturbed


def test_a_clip_that_hangs_is_ended_and_named_and_the_others_are_done(
    ray: Any, archive: Path, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    pipe = tmp_path / "hangs.avi"
    os.mkfifo(pipe)  # no process writes to it: the one that opens it waits
    line = str(archive / "line.toml")
    provenances: Any = {line: provenance_of(line, load_line(line, SETTINGS), SETTINGS)}
    replayed = FleetReplay(
        ray, Results(str(tmp_path / "out")), SETTINGS, provenances,
        workers=2, attempts=1, stalled_s=10.0,
    )  # fmt: skip
    clips = [*find_clips([f"{archive}/clips"], line).clips, Clip(str(pipe), line)]
    progress = replayed.run(clips)
    assert (progress.done, progress.failed) == (3, 1)
    (failure,) = replayed.failures
    assert (failure["clip"], failure["cause"]) == (str(pipe), "worker")
    assert failure["reason"] == "it made no progress for 10 s: its worker was ended"
    assert tables(tmp_path / "out") == undisturbed


def test_a_disk_that_fills_stops_the_run_and_leaves_only_whole_results(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: dict[str, bytes]
) -> None:
    written: list[Any] = []
    real = os.fsync

    def full(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            run(tmp_path)
    assert len(Results(str(tmp_path)).finished()) == 1
    assert list((tmp_path / "writing").iterdir()) == []
    assert run(tmp_path).progress.resumed == 1
    assert tables(tmp_path) == undisturbed


def test_results_of_another_model_are_not_mixed(archive: Path, tmp_path: Path) -> None:
    line = str(archive / "line.toml")
    row = provenance_of(line, load_line(line, SETTINGS), SETTINGS)
    results = Results(str(tmp_path))
    results.write_provenance({line: row})
    results.refuse_others({line: row})
    with pytest.raises(ResultsError, match="another model_sha256"):
        results.refuse_others({line: {**row, "provenance": "0", "model_sha256": "0"}})


def test_an_archive_and_its_results_may_lie_in_an_object_store(run: Run, archive: Path) -> None:
    server = pytest.importorskip("moto.server", reason="moto[server] is not installed")
    from pyarrow import fs

    from fleet.store import rows_of

    served = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    served.start()
    try:
        host, port = served.get_host_and_port()
        where = (
            f"?endpoint_override=http%3A%2F%2F{host}%3A{port}&region=eu-west-3"
            "&allow_bucket_creation=true"
        )
        store, _ = fs.FileSystem.from_uri(f"s3://plant/{where}")
        store.create_dir("plant/march")
        with store.open_output_stream("plant/march/0.avi") as stream:
            stream.write((archive / "clips" / "0.avi").read_bytes())
        clips = find_clips([f"s3://plant/march{where}"], str(archive / "line.toml")).clips
        results = f"s3://plant/out{where}"
        replayed = run(results, clips)
        assert (replayed.failures, replayed.progress.done) == ([], 1)
        content = Results(results).folder.read("alerts.parquet")
        assert content is not None
        assert {row["hazard"] for row in rows_of(content)} == {"gas", "battery"}
    finally:
        served.stop()
