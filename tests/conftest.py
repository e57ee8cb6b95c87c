from __future__ import annotations

import functools
import gc
import multiprocessing.process
import os
import signal
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from typing import NoReturn

import hypothesis
import numpy as np
import pytest
import typer.main

from detector.log_output import stop_logging
from tests.fake_line import clock, wire, work  # noqa: F401 - fixtures of the tests of a line's loop

# The same examples every time and no limit on one of them: a shared machine has slow moments.
hypothesis.settings.register_profile(
    "vigitri",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("vigitri")

# Files, and single tests of others, that start processes or serve on the network for seconds.
# `make quick` leaves them out; a test that starts a process and is not listed here fails.
PROCESS = (
    "tests/benchmarks/faults/test_plc.py",
    "tests/benchmarks/faults/test_tour.py",
    "tests/benchmarks/fuzz/test_campaign.py",
    "tests/benchmarks/fuzz/test_parsers.py::test_a_bridge",
    "tests/benchmarks/cameras/test_camera_server.py",
    "tests/benchmarks/peers/test_bench.py::test_bare_networks_are_compared",
    "tests/benchmarks/peers/test_bench.py::test_a_peer_that_fails",
    "tests/benchmarks/test_child_process.py",
    "tests/benchmarks/station/test_kills.py",
    "tests/benchmarks/speed/test_latency.py::test_the_latency_of_a_line",
    "tests/benchmarks/speed/test_shared_services.py",
    "tests/benchmarks/speed/test_start.py",
    "tests/bridge/test_bridge_keys.py",
    "tests/bridge/test_bridge_process.py",
    "tests/bridge/test_bridge_encoder.py",
    "tests/bridge/opcua/",
    "tests/client/test_link.py::test_a_program_that_pauses",
    "tests/commands/calibrate/test_cli.py::test_the_guided_calibration",
    "tests/commands/calibrate/test_cli.py::test_an_invalid_answer",
    "tests/commands/calibrate/test_cli.py::test_the_lens_is_calibrated_live",
    "tests/commands/calibrate/test_empty_belt.py::test_the_empty_belt_is_captured_from_a_camera",
    "tests/commands/test_child_neighbour.py",
    "tests/commands/test_detect.py::test_a_name_that_cannot_be_printed",
    "tests/commands/test_doctor.py",
    "tests/commands/test_plc_sim.py::test_a_unit_id_without_a_line",
    "tests/commands/test_replay.py::test_a_progress_bar",
    "tests/commands/test_replay.py::test_a_closed_pipe",
    "tests/commands/test_operating.py",
    "tests/commands/test_signing.py::test_run_and_doctor",
    "tests/delivery/test_outbox.py",
    "tests/examples/test_basler_camera.py",
    "tests/fleet/test_report.py::test_the_page",
    "tests/examples/test_subscriber.py::test_the_example_prints_alerts",
    "tests/fleet/test_replay.py",
    "tests/ingest/capture/test_camera_process.py",
    "tests/ingest/capture/test_process_ends.py",
    "tests/ingest/capture/test_process_starts.py",
    "tests/ingest/sources/test_genicam",
    "tests/ingest/sources/test_own_library.py::test_a_file_s_camera",
    "tests/ingest/sources/test_network_stream.py",
    "tests/ingest/sources/test_video_file.py::test_describe_source",
    "tests/models/data/test_dataset.py::test_a_dataset_is_the_same_with_any_number",
    "tests/models/packed/test_training.py::test_crops_are_made",
    "tests/models/training/test_train_resume.py",
    "tests/runtime/test_inference_lock.py::test_a_line_that_dies",
    "tests/runtime/test_stop_signals.py",
    "tests/station/browser/",
    "tests/station/web/test_station_process.py",
    "tests/station/test_recorder.py",
    "tests/terminal/test_watch.py",
    "tests/test_child_process.py",
    "tests/test_cli.py::test_vigitri_runs_as_a_process",
    "tests/test_cli.py::test_bridge_answer_and_plc_sim_load",
    "tests/test_deploy.py::test_systemd_rates",
    "tests/test_fault_tour.py",
    "tests/test_nothing_leaves_the_plant.py",
    "tests/test_public_interface.py::test_an_installed_wheel",
    "tests/test_wire_page.py",
    "tests/twin/test_api.py::test_importing_the_twin",
    "tests/vision/test_signature.py::test_openssl",
    "tests/vision/test_signature.py::test_a_signature_by_openssl",
    "tests/twin/line/test_render_interrupted.py",
)

# What renders or processes footage for seconds; `make quick` leaves it out too.
FOOTAGE = (
    "tests/benchmarks/accuracy/",
    "tests/commands/calibrate/test_cli.py",
    "tests/commands/test_detect.py",
    "tests/commands/test_replay.py",
    "tests/fleet/test_parts.py",
    "tests/hazards/overload/test_splice.py",
    "tests/models/data/",
    "tests/twin/line/",
    "tests/twin/test_api.py",
)


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(PROCESS):
            item.add_marker("process")
        if item.nodeid.startswith(FOOTAGE):
            item.add_marker("footage")
        # It measures a time that the line promises, which other tests at its side would lengthen.
        if "promised" in item.function.__code__.co_names:  # type: ignore[attr-defined]
            item.add_marker("alone")
        # What the tests of a module share is made once, by one worker.
        fixtures = item._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]
        if any(fixture[-1].scope == "module" for fixture in fixtures):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=lambda item: "process" not in item.keywords)  # they wait most: first


def pytest_collection_finish() -> None:
    """All that is imported stays: garbage is sought among what the tests make. Some seek it after
    each test, and each time went through a million objects."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if "process" in item.keywords:
        return (yield)

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a test that starts a process: list it in PROCESS of conftest.py")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", refuse)
        patch.setattr(multiprocessing.process.BaseProcess, "start", refuse)
        return (yield)


@pytest.fixture(autouse=True, scope="session")
def folders_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Journals of lines that name no folder go there, not into the user's home; and the lines
    of the tests share one inference lock, which no other program on this machine uses. Their log
    is text, also where the tests run as a service."""
    for variable in ("VIGITRI_LOG", "JOURNAL_STREAM"):
        os.environ.pop(variable, None)
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    os.environ["TMPDIR"] = str(tmp_path_factory.mktemp("tmp"))
    tempfile.tempdir = None  # what this process has found out before


@pytest.fixture(autouse=True, scope="session")
def commands_are_built_once() -> Iterator[None]:
    """Of the functions behind them, which takes longer than most commands that the tests give."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", functools.cache(typer.main.get_command))
        yield


@pytest.fixture(autouse=True)
def signals_are_given_back() -> Iterator[None]:
    """A command that a test runs in this process hears Ctrl-C itself; afterwards it ends pytest
    again."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def logging_is_given_back() -> Iterator[None]:
    """A command that a test runs in this process logs on stderr until the test ends."""
    yield
    stop_logging()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
