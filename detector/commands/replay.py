"""`vigitri replay`: recorded footage through the same pipeline."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from detector.cli_support.options import print_error
from detector.cli_support.progress import progress_bar
from detector.ingest import Frame
from detector.profile.line import DEPLOYED_MODEL
from detector.profile.loading import load_profile
from detector.replay import ReplayedAlert, Totals, replay
from detector.terminal.watch import alert_line
from detector.vision.catalogue import find_model
from detector.vision.engines import open_engine, open_verifier


def replay_footage(
    sources: Sequence[str], line: Path | None, model_name: str, fps: float | None, *, as_json: bool
) -> bool:
    """Print the alerts. Returns whether every frame was processed."""
    profile = None if line is None else load_profile(line)
    choice = None if profile is None else profile.model
    model = find_model(
        model_name or (choice.name if choice else DEPLOYED_MODEL),
        None if choice is None else choice.signed_by,
    )
    engine, verifier = open_engine(model, choice), open_verifier(model, choice)
    totals = Totals()
    with progress_bar("replaying") as advance:

        def on_frame(frame: Frame, count: int | None) -> None:
            advance(frame.index + 1, count)

        for told in replay(
            sources, profile, model, engine, totals, verifier=verifier, fps=fps, on_frame=on_frame
        ):
            print(_as_json(told) if as_json else _for_people(told), flush=True)
    for line_of_source in totals.unreadable + totals.time_notes:
        print_error(line_of_source)
    if totals.blind_frames:
        print_error(f"blind for {totals.blind_frames} frames")
    print(json.dumps(totals.as_json()) if as_json else _summary(totals))
    return totals.complete


def _as_json(alert: ReplayedAlert) -> str:
    return json.dumps(alert.as_json(), ensure_ascii=False)


def _for_people(item: ReplayedAlert) -> str:
    return f"{item.t_source_s:8.2f} s  frame {item.source_frame:<6d} {alert_line(item.alert)}"


def _summary(totals: Totals) -> str:
    raised = ", ".join(f"{count} {hazard}" for hazard, count in sorted(totals.raised.items()))
    rate = totals.frames / totals.elapsed_s if totals.elapsed_s else 0.0
    return (
        f"{totals.frames} frames of {totals.recorded_s:.1f} s in {totals.elapsed_s:.1f} s "
        f"({rate:.1f} frames/s); raised: {raised or 'nothing'}"
    )
