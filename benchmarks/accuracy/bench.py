"""`vigitri bench accuracy`: the whole pipeline over footage with ground truth, event by event.

The model runs once on each piece of footage. Its detections are kept in the output folder, so an
interrupted run resumes, and another report needs no inference.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from benchmarks.accuracy import comparison, plots, report
from benchmarks.accuracy import contact_sheets as sheets
from benchmarks.accuracy.answers import write_answers
from benchmarks.accuracy.case import Case
from benchmarks.accuracy.detections_file import read_recording, recording_path, write_recording
from benchmarks.accuracy.footage import Footage, open_footage, profile_of
from benchmarks.accuracy.ground_truth import GroundTruthError
from benchmarks.accuracy.image_level import precision_recall
from benchmarks.accuracy.recorder import record_detections
from benchmarks.accuracy.sweep import GRID, RecordedRun, curves
from benchmarks.accuracy.tally import tally
from benchmarks.accuracy.targets import event_targets, false_alarm_hours, plant_hours
from detector import __version__
from detector.cli_support.progress import progress_bar
from detector.profile.line import DEPLOYED_MODEL, LineProfile, ModelChoice
from detector.profile.loading import load_profile
from detector.vision.catalogue import ModelFolder, find_model
from detector.vision.engine import Engine
from detector.vision.engines import chosen_engine, open_engine, open_verifier
from detector.vision.verifier import Verifier
from models.evaluation.targets import as_json as targets_json
from models.evaluation.targets import targets_table


def run(
    sources: Sequence[str],
    out: Path,
    *,
    line: Path | None = None,
    model_name: str = "",
    fps: float | None = None,
    seed: int | None = None,
    duration_s: float | None = None,
    strips: Path | None = None,
    engine: Literal["onnxruntime", "openvino", "auto"] | None = None,
    threads: int = 0,
    data: Path | None = None,
    compare: Path | None = None,
    fresh: bool = False,
    as_json: bool = False,
    answers: Path | None = None,
    answers_most: int = 200,
) -> None:
    """Run, evaluate, write the report. Raises one-line errors for input that cannot be measured.

    answers: also write the answers that an operator would give, at most `answers_most`.
    """
    earlier = None if compare is None else comparison.read(compare)
    given = None if line is None else load_profile(line)
    model = find_model(
        model_name or (given.model.name if given else DEPLOYED_MODEL),
        given.model.signed_by if given else None,
    )
    choice = (given.model if given else ModelChoice()).model_copy(
        update={"threads": threads} | ({"engine": engine} if engine else {})
    )
    engine_name, _ = chosen_engine(choice)
    lazy_engine = _LazyEngine(model, choice)
    cases: list[Case] = []
    for number, source in enumerate(sources, start=1):
        footage = open_footage(source, fps, seed=seed, duration_s=duration_s, strips=strips)
        if any(footage.sha256 == case.footage.sha256 for case in cases):
            raise GroundTruthError(
                f"{source}: is given twice; its hazards and hours would count twice"
            )
        profile = _profile(footage, given, out)
        path = recording_path(out, footage, model, profile, engine_name)
        if fresh or not path.is_file():
            with progress_bar(f"{number}/{len(sources)} {footage.name}") as advance:
                write_recording(path, footage, model, profile, record_detections(
                    footage, profile, model, lazy_engine.engine, advance,
                    verifier=lazy_engine.verifier,
                ), engine=engine_name)  # fmt: skip
        replayable = RecordedRun.of(read_recording(path, profile), model)
        evaluation, _ = replayable.evaluate({})
        cases.append(
            Case(replayable.recorded, replayable.ground, replayable.replay, footage, evaluation)
        )
    figures = _figures(cases, model)
    targets = event_targets(figures)
    figures["targets"] = targets_json(targets)
    with progress_bar("other thresholds") as advance:
        swept = curves(cases, model, advance, GRID)
    hours = figures["belt_h"]
    figures["curves"] = {name: report.rows_of(points, hours) for name, points in swept.items()}
    figures["trades"] = report.trades_of(swept, hours)
    if data is not None:
        with progress_bar("photographs and scenes"):
            figures["image_level"] = precision_recall(lazy_engine.engine, data)
    out.mkdir(parents=True, exist_ok=True)
    figures["plots"] = plots.draw(figures, cases, out)
    figures["sheets"] = sheets.draw(cases, out)
    page = report.markdown(figures, targets_table(targets))
    (out / "report.md").write_text(page, encoding="utf-8")
    (out / "report.json").write_text(f"{json.dumps(figures, indent=1)}\n", encoding="utf-8")
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        print(json.dumps(figures))
    else:
        console.print(report.summary(figures), markup=False)
        console.print(targets_table(targets), markup=False)
        console.print(f"report: {out / 'report.md'}", markup=False)
    if answers is not None:
        counts = write_answers(cases, answers, answers_most)
        named = ", ".join(f"{count} {name}" for name, count in counts.most_common())
        console.print(f"answers: {answers}: {named or 'none'}", markup=False)
    if earlier is not None:
        console.print(comparison.table(earlier, figures), markup=False)


class _LazyEngine:
    """The engine, loaded when inference is needed."""

    def __init__(self, model: ModelFolder, choice: ModelChoice) -> None:
        self._model, self._choice = model, choice
        self._engine: Engine | None = None
        self._verifier: Verifier | None = None

    @property
    def engine(self) -> Engine:
        self._engine = self._engine or open_engine(self._model, self._choice)
        return self._engine

    @property
    def verifier(self) -> Verifier | None:
        """Of the same model, if it has one."""
        self._verifier = self._verifier or open_verifier(self._model, self._choice)
        return self._verifier


def _profile(footage: Footage, given: LineProfile | None, out: Path) -> LineProfile:
    """The given profile, or one made from the truth; with the footage's empty belt, if it has one.

    One profile serves several clips with different lighting, so each clip has its own empty belt.
    """
    empty = footage.empty_belt(out / "detections")
    if given is None:
        return profile_of(footage.truth, empty)
    if empty is None:
        return given
    overload = given.overload.model_copy(update={"empty_belt": empty})
    return given.model_copy(update={"overload": overload})


def _figures(cases: Sequence[Case], model: ModelFolder) -> dict[str, Any]:
    profile = cases[0].recorded.profile
    thresholds = model.card.operating_thresholds
    evaluated = [(case.recorded.truth, case.evaluation) for case in cases]
    return {
        "vigitri": __version__,
        "date": time.strftime("%Y-%m-%d"),
        "model": model.card.name,
        "model_sha256": model.sha256,
        "line": profile.line,
        "thresholds": {**thresholds, **profile.model.thresholds},
        "tracking": profile.tracking.model_dump(),
        "footage": [
            {**case.recorded.about, "belt_h": round(case.evaluation.belt_h, 4)} for case in cases
        ],
        **tally([case.evaluation for case in cases]),
        "false_alarm_hours": false_alarm_hours(evaluated),
        "plant_hours": plant_hours(evaluated),
    }
