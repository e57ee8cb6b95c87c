"""The command line: `vigitri …`. Exit codes: 0 done, 1 done but not all of it, 2 refused."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError

from calibration.belt_plane import CalibrationError
from calibration.profile_file import ProfileError
from detector import __version__
from detector.commands import workshop
from detector.ingest import CameraBlind, SourceError
from detector.vision.catalogue import CATALOGUE, ModelError
from detector.vision.engine import EngineError
from detector.wire.endpoints import EndpointError
from detector.wire.journal_folder import JournalInUseError
from detector.wire.keys import ClientKeys, KeyFileError, load_keys
from detector.wire.messages import Hazard, Outcome
from detector.wire.requests import one_line

REFUSED = 2
INCOMPLETE = 1

app = typer.Typer(
    help="Watches the belt of a waste-sorting line for gas canisters, batteries and overload.\n\n"
    "Detection aid; not a safety function, no PL or SIL claimed; replaces neither the emergency "
    "stop nor human watch.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
model_app = typer.Typer(help="The models: what there is, is it sound, train one.")
calibrate_app = typer.Typer(help="What a line has to know of its belt.")
bench_app = typer.Typer(help="Measure (from a checkout: the benchmarks are not in the wheel).")
twin_app = typer.Typer(help="The simulated line (from a checkout: it is not in the wheel).")
keys_app = typer.Typer(help="Who may listen and answer: CURVE keys and the allow-list.")
for name, group in {
    "model": model_app,
    "calibrate": calibrate_app,
    "bench": bench_app,
    "twin": twin_app,
    "keys": keys_app,
}.items():
    app.add_typer(group, name=name, no_args_is_help=True)

workshop.add_to(model_app)

LineFile = Annotated[Path, typer.Argument(metavar="LINE.toml", help="The line's profile.")]
OptionalLineFile = Annotated[
    Path | None, typer.Option("--line", metavar="LINE.toml", help="The line's profile.")
]
Json = Annotated[bool, typer.Option("--json", help="For programs: JSON lines on stdout.")]
ModelName = Annotated[str, typer.Option(help="A model of `vigitri model list`, or its folder.")]
DEFAULT_MODEL = "vigitri-n1"


def main() -> None:
    """Entry point. What is refused is one clear line, never a traceback."""
    try:
        app()
    except (
        ProfileError,
        ModelError,
        CalibrationError,
        SourceError,
        EndpointError,
        KeyFileError,
        JournalInUseError,
        EngineError,
        CameraBlind,
    ) as error:
        refuse(str(error))
    except OSError as error:  # a folder that is not there, a disk that is full
        refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def refuse(reason: str) -> NoReturn:
    """Say why on stderr and leave with exit code 2."""
    for line in reason.splitlines():
        print(f"vigitri: {line}", file=sys.stderr)
    raise SystemExit(REFUSED)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def run(
    line: LineFile,
    until_end: Annotated[
        bool, typer.Option(help="Leave when the recording that the profile names is over.")
    ] = False,
    publish: Annotated[str | None, typer.Option(help="In place of wire.publish.")] = None,
    answers: Annotated[str | None, typer.Option(help="In place of wire.answers.")] = None,
    journal: Annotated[Path | None, typer.Option(help="In place of wire.journal.")] = None,
    *,
    with_bridge: Annotated[
        bool, typer.Option("--with-bridge", help="Run the PLC's bridge too, as its own process.")
    ] = False,
    bridge_listen: Annotated[
        str, typer.Option(help="Where that listens for Modbus TCP.")
    ] = "127.0.0.1:1502",
) -> None:
    """Watch one line: camera in, alerts out, until Ctrl-C."""
    from detector.bridge.modbus_server import ListenError
    from detector.commands.run import run_line

    with one_line_for(ListenError):
        run_line(
            line,
            until_end=until_end,
            publish=publish,
            answers=answers,
            journal=journal,
            bridge_listen=bridge_listen if with_bridge else None,
        )


@app.command()
def replay(
    sources: Annotated[list[str], typer.Argument(help="Videos, folders or globs of pictures.")],
    line: OptionalLineFile = None,
    model: Annotated[
        str | None, typer.Option(help="In place of the profile's; a name or a folder.")
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=0.001, max=1000, help="Frame rate of a folder of pictures; without: 10."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Take recorded footage through the same pipeline: every frame, the same alerts every time."""
    from detector.commands.replay import replay_footage

    if not replay_footage(sources, line, model or "", fps, as_json=as_json):
        raise typer.Exit(INCOMPLETE)


@app.command()
def detect(
    images: Annotated[list[Path], typer.Argument(help="Pictures, or folders of pictures.")],
    model: ModelName = DEFAULT_MODEL,
    min_score: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="In place of the card's operating thresholds."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find hazards in photographs that have no belt geometry."""
    from detector.commands.detect import detect_in_images

    if not detect_in_images(images, model, min_score, as_json=as_json):
        raise typer.Exit(INCOMPLETE)


OwnKey = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Our secret key, where the line asks for keys.")
]
LineKey = Annotated[
    str | None, typer.Option(metavar="KEY", help="The line's public key: its file, or 40 signs.")
]


def client_keys(own: Path | None, line: str | None) -> ClientKeys | None:
    """The keys that a client's options name; both or neither."""
    if own is None and line is None:
        return None
    if own is None or line is None:
        raise KeyFileError("--own-key and --line-key go together: ours, and whose the line's is")
    return load_keys(own, line)


@app.command()
def watch(
    endpoint: Annotated[str, typer.Argument(help="Where the detector publishes.")],
    answers: Annotated[
        str | None,
        typer.Option(help="Where it takes answers: then what was missed is fetched."),
    ] = None,
    own_key: OwnKey = None,
    line_key: LineKey = None,
) -> None:
    """Show alerts as they come, in the terminal."""
    from detector.station.watch import run as watch_endpoint

    # As an exception, so that the terminal gets its own screen and cursor back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    watch_endpoint(endpoint, answers=answers, keys=client_keys(own_key, line_key))


@app.command()
def bridge(
    *,
    line: Annotated[
        list[Path] | None, typer.Option("--line", metavar="LINE.toml", help="A line's profile.")
    ] = None,
    subscribe: Annotated[
        list[str] | None, typer.Option(help="Where a detector publishes, in place of --line.")
    ] = None,
    answers: Annotated[
        list[str] | None, typer.Option(help="Where it takes answers, one for each --subscribe.")
    ] = None,
    unit: Annotated[
        list[int] | None, typer.Option(help="Modbus unit id of each line; without: 1, 2, …")
    ] = None,
    listen: Annotated[str, typer.Option(help="HOST:PORT for Modbus TCP.")] = "127.0.0.1:1502",
    allow_remote: Annotated[
        bool, typer.Option(help="Listen where other machines can reach it (no password!).")
    ] = False,
    opcua: Annotated[
        str | None,
        typer.Option(help="Serve OPC UA too, e.g. opc.tcp://127.0.0.1:4840/vigitri (extra opcua)."),
    ] = None,
    until_stdin_ends: Annotated[
        bool, typer.Option(help="For whoever starts it as a child.", hidden=True)
    ] = False,
) -> None:
    """Give PLCs the lines' hazards as Modbus TCP registers (docs/plc.md), until Ctrl-C."""
    from detector.commands.bridge import ListenError, bridge_lines, ends_of_lines

    with one_line_for(ValueError, ListenError):
        lines = ends_of_lines(line or [], subscribe or [], answers or [], unit or [])
        bridge_lines(
            lines,
            listen,
            allow_remote=allow_remote,
            until_stdin_ends=until_stdin_ends,
            opcua=opcua,
        )


@app.command("plc-sim")
def plc_sim(
    address: Annotated[str, typer.Argument(help="HOST:PORT of the bridge.")] = "127.0.0.1:1502",
    *,
    unit: Annotated[int, typer.Option(min=0, max=255, help="Modbus unit id.")] = 1,
    scan_ms: Annotated[float, typer.Option(min=5, max=1000, help="Time of a scan.")] = 20,
    speed: Annotated[float, typer.Option(min=1, max=5000, help="Speed of the belt, mm/s.")] = 400,
    ejector_mm: Annotated[
        float, typer.Option(help="Where the ejector is along the travel, as the profile counts.")
    ] = 4000,
    actuator_ms: Annotated[float, typer.Option(min=0, help="From coil to open flap.")] = 300,
    acknowledge: Annotated[
        bool, typer.Option(help="Taking a record is an operator's acknowledgement too.")
    ] = False,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Leave after that time.")] = None,
    truth: Annotated[
        Path | None,
        typer.Option(help="Judge at the end: a drawn clip's truth (.jsonl; from a checkout)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """A simulated PLC: polls a bridge, diverts by its encoder, asks for stops."""
    from detector.bridge.modbus_server import ListenError
    from detector.bridge.plc_sim import Plant
    from detector.commands.plc_sim import simulate

    judge = None if truth is None else from_checkout("benchmarks.diversions")
    known = None if truth is None else from_checkout("benchmarks.truth").Truth.read(truth)
    plant = Plant(speed, ejector_mm, actuator_ms, acknowledges=acknowledge)
    with one_line_for(ListenError):
        log = simulate(address, plant, unit=unit, scan_ms=scan_ms, seconds=seconds, as_json=as_json)
    if judge is not None:
        said = judge.judge_log(log, known).summary()
        print(json.dumps({"judged": said}) if as_json else said, flush=True)


AnswersEndpoint = Annotated[str, typer.Option("--at", help="Where the detector takes answers.")]
Operator = Annotated[str, typer.Option(help="Who answers, for the log.")]
ANSWERS = "tcp://127.0.0.1:5557"


@app.command()
def answer(  # noqa: PLR0917
    alert: Annotated[
        str, typer.Argument(metavar="BOOT/EVENT", help="As `vigitri watch` shows it.")
    ],
    outcome: Annotated[Outcome | None, typer.Option(help="Without: acknowledge.")] = None,
    operator: Operator = "operator",
    endpoint: AnswersEndpoint = ANSWERS,
    own_key: OwnKey = None,
    line_key: LineKey = None,
) -> None:
    """Acknowledge an alert, or say what became of its object."""
    from detector.commands.answer import answer_alert

    with one_line_for(ValueError):
        keys = client_keys(own_key, line_key)
        raise typer.Exit(answer_alert(endpoint, alert, outcome, operator, keys))


@app.command()
def shelve(  # noqa: PLR0917
    hazard: Annotated[Hazard, typer.Argument(help="What to set aside; never vision_unavailable.")],
    minutes: Annotated[int, typer.Option(min=1, max=60, help="For how long.")] = 10,
    operator: Operator = "operator",
    endpoint: AnswersEndpoint = ANSWERS,
    own_key: OwnKey = None,
    line_key: LineKey = None,
) -> None:
    """Put all of a hazard's alarms on a line to sleep for a while."""
    from detector.commands.answer import shelve_hazard

    with one_line_for(ValueError):
        keys = client_keys(own_key, line_key)
        raise typer.Exit(shelve_hazard(endpoint, hazard, minutes, operator, keys))


@app.command()
def schema(
    write: Annotated[
        Path | None, typer.Option(help="Write one file each into this folder.")
    ] = None,
    plc: Annotated[bool, typer.Option(help="The PLC's registers instead (Markdown).")] = False,
) -> None:
    """The JSON Schemas of the wire."""
    from detector.bridge.plc_doc import plc_reference
    from detector.wire.schema import schemas, write_schemas

    if plc:
        print(plc_reference(), end="")
    elif write is not None:
        write_schemas(write)
    else:
        print(json.dumps(schemas(), indent=2, ensure_ascii=False))


@app.command()
def doctor(line: OptionalLineFile = None, as_json: Json = False) -> None:
    """What works here and what does not: engine, models, clock, ports, camera."""
    from detector.commands.doctor import examine

    if not examine(line, as_json=as_json):
        raise typer.Exit(INCOMPLETE)


KeyName = Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")]
KeyFolder = Annotated[Path, typer.Option("-d", "--folder", help="Where the key files lie.")]
AllowedFolder = Annotated[
    Path, typer.Option("-d", "--folder", help="The allow-list: the line's wire.allowed_keys.")
]
KEYS, ALLOWED = Path("keys"), Path("keys/allowed")


@keys_app.command("new")
def keys_new(name: KeyName, folder: KeyFolder = KEYS) -> None:
    """Make a pair of keys: one for the line, one for each who listens or answers."""
    from detector.commands.keys import make_keys

    make_keys(name, folder)


@keys_app.command("list")
def keys_list(folder: AllowedFolder = ALLOWED) -> None:
    """Who may come in."""
    from detector.commands.keys import list_keys

    list_keys(folder)


@keys_app.command("allow")
def keys_allow(
    public: Annotated[str, typer.Argument(metavar="KEY", help="A *.public.toml, or 40 signs.")],
    name: Annotated[
        str | None, typer.Option(help="Whose it is; without: as its file says.")
    ] = None,
    folder: AllowedFolder = ALLOWED,
) -> None:
    """Put a public key on the allow-list."""
    from detector.commands.keys import allow_key

    allow_key(public, folder, name)


@keys_app.command("revoke")
def keys_revoke(name: KeyName, folder: AllowedFolder = ALLOWED) -> None:
    """Take a key off the allow-list."""
    from detector.commands.keys import revoke_key

    revoke_key(name, folder)


@model_app.command("list")
def model_list(as_json: Json = False) -> None:
    """The models in the catalogue."""
    from detector.commands.models import list_models

    list_models(as_json=as_json)


@model_app.command("check")
def model_check(
    name: Annotated[str, typer.Argument(help="A model's name or folder.")] = DEFAULT_MODEL,
) -> None:
    """Is this model what its card says: hashes, inputs, outputs, classes."""
    from detector.commands.models import check_model

    check_model(name)


@model_app.command("train")
def model_train(
    data: Annotated[Path, typer.Option(help="The folder of photographs, cut-outs, belt frames.")],
    weights: Annotated[Path, typer.Option(help="The checkpoint to start from (.pt).")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the run and the model go.")],
    *,
    recipe: Annotated[
        Path | None, typer.Option(help="What to mix and how long to train; without: the first.")
    ] = None,
    renders: Annotated[
        Path | None, typer.Option(help="What `vigitri twin cutouts` wrote, if the recipe asks.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on with an interrupted run.")] = False,
) -> None:
    """Build the dataset, train, export, evaluate and card a model (extra `train`)."""
    trainer, errors = from_checkout("models.train"), from_checkout("models.errors")
    first = CATALOGUE / "recipes" / "first.toml"
    with one_line_for(errors.WorkshopError):
        print(trainer.run(recipe or first, data, weights, out, resume=resume, renders=renders))


@calibrate_app.command("empty")
def calibrate_empty(
    line: LineFile,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The picture to write.")] = None,
    source: Annotated[
        str | None, typer.Option(help="In place of the profile's camera, e.g. a recording.")
    ] = None,
    frames: Annotated[int, typer.Option(min=5, max=500, help="Frames to take.")] = 60,
) -> None:
    """Learn the empty belt (the median of some frames), from which coverage is told."""
    from detector.commands.empty_belt import learn_empty_belt

    print(learn_empty_belt(line, out, source, frames))


@calibrate_app.command("scores")
def calibrate_scores(
    folder: Annotated[Path, typer.Argument(help="Where `bench accuracy -o` kept its looks.")],
    model: ModelName = DEFAULT_MODEL,
    budget: Annotated[
        float, typer.Option(min=0.001, help="False alarms an hour, over all hazards.")
    ] = 1.0,
    write: Annotated[bool, typer.Option(help="Write them into the model's card.")] = False,
    as_json: Json = False,
) -> None:
    """Fit thresholds and probabilities on whole tracks, within a budget (extra `bench`)."""
    scores = from_checkout("benchmarks.scores")
    with one_line_for(ValueError):
        scores.run(folder, model, budget, write=write, as_json=as_json)


@calibrate_app.command("keys")
def calibrate_keys() -> None:
    """Every key of a line profile: default, bounds, meaning (Markdown)."""
    from calibration.profile_keys import profile_reference

    print(profile_reference(), end="")


@bench_app.command("latency")
def bench_latency(
    line: OptionalLineFile = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the JSON there.")] = None,
    alerts: Annotated[int, typer.Option(min=10, help="Alerts timed to the PLC.")] = 500,
    blind_runs: Annotated[int, typer.Option(min=1, help="Runs of each way to be blind.")] = 3,
) -> None:
    """Capture to subscriber and to the PLC, and the cost of each stage."""
    from_checkout("benchmarks.latency").run(line, out, alerts=alerts, blind_runs=blind_runs)


@bench_app.command("twin")
def bench_twin(
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="Scenarios of the twin; without: calm and jam.")
    ] = None,
    strips: Annotated[
        Path | None, typer.Option(help="A folder of path-traced strips, to draw from these.")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the JSON there.")] = None,
) -> None:
    """What a frame of the simulated line costs."""
    with one_line_for(ValueError):
        from_checkout("benchmarks.twin_cost").run(scenarios or ["calm", "jam"], strips, out)


@bench_app.command("accuracy")
def bench_accuracy(  # noqa: PLR0917 (typer calls it)
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO|FOOTAGE...",
            help="Scenarios of the twin (file or name), clips or folders with a .truth.jsonl.",
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Report, plots, kept detections.")],
    line: OptionalLineFile = None,
    model: Annotated[
        str | None, typer.Option(help="In place of the profile's; a name or a folder.")
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=0.5, max=240, help="Looks a second; without: every frame."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the scenarios' own.")] = None,
    duration: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds of belt, in place of the scenarios' own.")
    ] = None,
    threads: Annotated[int, typer.Option(min=0, max=64, help="Of the engine; 0: it chooses.")] = 0,
    data: Annotated[
        Path | None, typer.Option(help="The workshop's data folder: single pictures too.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(metavar="report.json", help="Print what changed since then.")
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Look again, whatever was kept.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: the report.json.")] = False,
) -> None:
    """Recall, false alarms an hour, times, places: event by event (extra `bench`)."""
    accuracy = from_checkout("benchmarks.accuracy")
    with one_line_for(ValueError, RuntimeError):
        accuracy.run(
            sources,
            out,
            line=line,
            model_name=model or "",
            fps=fps,
            seed=seed,
            duration_s=duration,
            threads=threads,
            data=data,
            compare=compare,
            fresh=fresh,
            as_json=as_json,
        )


@bench_app.command("faults")
def bench_faults(
    runs: Annotated[int, typer.Option(min=4, max=2000, help="How many faults.")] = 200,
    seed: Annotated[int, typer.Option(help="Which faults, in which order.")] = 1,
    malformed: Annotated[
        int, typer.Option(min=200, max=10_000_000, help="Malformed messages, and Modbus frames.")
    ] = 100_000,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the JSON there.")] = None,
    plc_runs: Annotated[
        int, typer.Option(min=7, max=2000, help="How many faults on the way to the PLC.")
    ] = 70,
) -> None:
    """Kill, cut off and delay a line, its consumer, its bridge: what is lost, doubled, wrong."""
    if not from_checkout("benchmarks.fault_table").run(
        runs, seed, malformed, out, plc_runs=plc_runs
    ):
        raise typer.Exit(INCOMPLETE)


@twin_app.command("render")
def twin_render(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A scenario file, or a name of `twin list`.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to make, one per clip.")],
    *,
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the scenario's.")] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds, likewise.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames per second, likewise.")] = None,
    strips: Annotated[
        Path | None, typer.Option(help="A folder of path-traced strips, to render from these.")
    ] = None,
) -> None:
    """Render a scenario: video, truth, encoder, empty belt, line profile (extra `twin`)."""
    from detector.commands.progress import progress_bar

    render, scenarios = from_checkout("twin.render"), from_checkout("twin.scenario")
    # As an exception, so that what is half made is taken away again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with one_line_for(ValueError, RuntimeError), progress_bar("rendering") as advance:
        render.render(
            scenarios.find(scenario),
            out,
            seed=seed,
            duration_s=duration,
            fps=fps,
            strips=strips,
            progress=advance,
        )


@twin_app.command("list")
def twin_list() -> None:
    """The scenarios that come with this repository."""
    for name, about in from_checkout("twin.scenario").described().items():
        print(f"{name:14} {about}")


@twin_app.command("cutouts")
def twin_cutouts(  # noqa: PLR0917 - the options of a command
    out: Annotated[Path, typer.Option("-o", "--out", help="The bank's folder.")],
    per_kind: Annotated[int, typer.Option(min=1, help="Pictures of each kind.")] = 40,
    kinds: Annotated[list[str] | None, typer.Option("--kind", help="Only these kinds.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    samples: Annotated[int, typer.Option(min=1, max=4096, help="Light paths per pixel.")] = 8,
    threads: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Path-trace a bank of single things with alpha; run again, it goes on (extra `twin`)."""
    from detector.commands.progress import progress_bar

    bank, things = from_checkout("twin.traced.cutouts"), from_checkout("twin.traced.things")
    plan = dict.fromkeys(kinds or things.MAKERS, per_kind)
    with one_line_for(ValueError, RuntimeError), progress_bar("tracing") as advance:
        made = bank.make(out, plan, seed=seed, samples=samples, threads=threads, progress=advance)
    typer.echo(f"{out}: {made} new, {sum(plan.values())} in all")


@twin_app.command("trace")
def twin_trace(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.toml")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The bundle to make.")],
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the plan's.")] = None,
    threads: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Path-trace a strip of belt with its truth; run again, it goes on (extra `twin`)."""
    from detector.commands.progress import progress_bar

    plans, strips = from_checkout("twin.traced.plan"), from_checkout("twin.traced.strips")
    with one_line_for(ValueError, RuntimeError), progress_bar("tracing") as advance:
        chosen = plans.load_plan(plan)
        if seed is not None:
            chosen = chosen.model_copy(update={"seed": seed})
        strips.trace_strip(chosen, out, threads=threads, progress=advance)


def from_checkout(module: str) -> Any:
    """A module that lies in the checkout alone; where it is not, one line says so."""
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in {module, module.split(".", maxsplit=1)[0]}:
            refuse(f"{module} needs {error.name}: install the extra that brings it")
        refuse(f"{module.split('.', maxsplit=1)[0]}/ is not installed: run this in a checkout")


@contextmanager
def one_line_for(*errors: Callable[..., Exception]) -> Iterator[None]:
    """Turn these errors into one clear line."""
    try:
        yield
    except tuple(errors) as error:  # type: ignore[misc]
        refuse(one_line(error) if isinstance(error, ValidationError) else str(error))


if __name__ == "__main__":
    main()
