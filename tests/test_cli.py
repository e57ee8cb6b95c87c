from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from detector import __version__, cli
from detector.wire.schema import schemas
from tests.small_line import PATIENCE_S


def all_commands() -> Iterator[list[str]]:
    def below(group: typer.Typer, path: list[str]) -> Iterator[list[str]]:
        yield path
        for command in group.registered_commands:
            assert command.callback is not None
            yield [*path, command.name or command.callback.__name__]
        for inner in group.registered_groups:
            assert inner.typer_instance is not None
            assert inner.name is not None
            yield from below(inner.typer_instance, [*path, inner.name])

    return below(cli.app, [])


def vigitri(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["vigitri", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert isinstance(left.value.code, int | None)
    return left.value.code or 0


@pytest.mark.parametrize("command", list(all_commands()), ids=" ".join)
def test_every_command_explains_itself(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vigitri(monkeypatch, *command, "--help") == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Usage: ")
    assert captured.err == ""


def test_the_help_denies_being_a_safety_function(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vigitri(monkeypatch, "--help")
    assert "not a safety function" in capsys.readouterr().out


def test_vigitri_runs_as_a_process_and_prints_its_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "detector.cli", "--version"],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (done.stdout, done.stderr) == (f"{__version__}\n", "")


@pytest.mark.parametrize(
    "arguments", [["nosuch"], ["run"], ["model", "nosuch"], ["detect"], ["run", "x", "--nosuch"]]
)
def test_a_mistyped_command_is_refused(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vigitri(monkeypatch, *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err


def test_all_schemas_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vigitri(monkeypatch, "schema") == 0
    assert json.loads(capsys.readouterr().out) == schemas()


def test_each_schema_is_written_to_its_own_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert vigitri(monkeypatch, "schema", "--write", str(tmp_path / "new" / "folder")) == 0
    assert len(list((tmp_path / "new" / "folder").glob("*.1.json"))) == len(schemas())
    (tmp_path / "file").write_text("")
    capsys.readouterr()
    assert vigitri(monkeypatch, "schema", "--write", str(tmp_path / "file" / "folder")) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(f"vigitri: {tmp_path}/file")


def test_the_keys_of_a_profile_are_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vigitri(monkeypatch, "calibrate", "keys") == 0
    assert "camera" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["run", "no.toml"], "no.toml: no such file"),
        (["watch", "5556"], "is not an endpoint"),
        (["doctor", "--line", "no.toml"], "no.toml: no such file"),
        (["calibrate", "empty", "no.toml"], "no.toml: no such file"),
        (["model", "check", "nosuch"], "no model 'nosuch'"),
        (["bench", "latency", "--line", "no.toml"], "no.toml: no such file"),
        (["bench", "strips", "--scenario", "mixd"], "mixd: no such scenario"),
        (["twin", "render", "no.toml", "-o", "x"], "no.toml"),
        (["twin", "render", "mixd", "-o", "x"], "mixd: no such scenario"),
        (["twin", "render", "calm", "-o", "/dev/null"], "/dev/null: is a file; give a folder"),
        (["twin", "render", "calm", "-o", "x", "--duration", "-3"], "duration_s: Input should"),
        (["twin", "render", "calm", "-o", "x", "--strips", "nowhere"], "no such strip folder"),
    ],
    ids=lambda each: " ".join(each[:2]) if isinstance(each, list) else "",
)
def test_a_refusal_is_one_line(
    arguments: list[str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert vigitri(monkeypatch, *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    assert captured.err.startswith("vigitri: ")
    assert reason in captured.err


def test_ctrl_c_while_a_command_is_loaded_prints_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupted)
    assert vigitri(monkeypatch, "run", "line.toml") == 130


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("benchmarks.accuracy", ("calibrate", "scores", "out")), ("twin.line", ("twin", "list"))],
)
def test_a_command_that_needs_a_checkout_is_refused_without_one(
    module: str,
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [each for each in sys.modules if each.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)  # cannot be imported
    assert vigitri(monkeypatch, *arguments) == 2
    package = module.split(".", maxsplit=1)[0]
    assert capsys.readouterr().err == (
        f"vigitri: {package}/ is not installed: run this in a checkout\n"
    )


def test_an_extra_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def needs_a_library() -> None:
        import nosuchlibrary.part  # noqa: F401

    monkeypatch.setattr(cli, "app", needs_a_library)
    assert vigitri(monkeypatch, "model", "train") == 2
    assert capsys.readouterr().err == (
        "vigitri: this command needs nosuchlibrary: install the extra that its --help names\n"
    )


def test_bridge_answer_and_plc_sim_load_neither_engine_nor_opencv() -> None:
    """They start beside a line that keeps the cores busy."""
    needs = "bridge answer plc_sim"
    script = "import sys, detector.cli, detector.terminal.watch\n"
    script += "".join(f"import detector.commands.{each}\n" for each in needs.split())
    script += "print({'onnxruntime', 'openvino', 'cv2'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout == "set()\n", done.stdout


def test_bridge_listen_without_with_bridge_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vigitri(monkeypatch, "run", "line.toml", "--bridge-listen", "127.0.0.1:1502") == 2
    assert capsys.readouterr().err == (
        "vigitri: --bridge-listen 127.0.0.1:1502: has no effect without --with-bridge. Add it\n"
    )


def test_an_exit_that_a_command_chose_is_no_error_to_report(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from detector.cli_support.options import one_line_for

    with pytest.raises(typer.Exit) as raised, one_line_for(RuntimeError):
        raise typer.Exit(3)
    assert raised.value.exit_code == 3
    assert not capsys.readouterr().err
