"""`vigitri fleet report`: what it counts, and what it says that it does not know."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="the extra fleet is not installed")
pytest.importorskip("duckdb", reason="the extra fleet is not installed")

from typer.testing import CliRunner

from calibration.exact_intervals import poisson_upper
from detector.cli import app
from fleet.answers import AnswersError, read_answers
from fleet.archive import Archive, ArchiveError
from fleet.report import report
from tests.fleet.results_folder import START, alert, state, total, write_results

ALERTS = [
    alert(1, t_raised_s=10.0),
    alert(2, t_raised_s=20.0),
    alert(3, "gas", t_raised_s=30.0),
    state(4),
    alert(1, clip="b.mp4", t_raised_s=5.0),
]
TOTALS = [
    total("a.mp4", ALERTS, blind_s=1800.0),
    total("b.mp4", ALERTS, start_utc=START + timedelta(days=1), belt_mm=None, complete=False),
    total("c.mp4", ALERTS, start_utc=None, start_basis=None),
]


@pytest.fixture
def results(tmp_path: Path) -> str:
    lost = {"clip": "d.mp4", "line": "infeed", "attempt": 3, "cause": "footage", "reason": "cut"}
    failures = [{**lost, "final": False}, {**lost, "final": True}]
    return write_results(tmp_path / "out", ALERTS, TOTALS, failures)


def test_lines_and_days_are_summed_and_what_is_missing_is_counted(results: str) -> None:
    figures = report(Archive(results))
    (line,) = figures["lines"]
    assert (line["clips"], line["gas"], line["battery"], line["jam"]) == (3, 1, 3, 1)
    assert (line["hours"], line["seen_h"], line["metres"]) == (3, 2.5, 3600)
    missing = ("failed", "incomplete", "without_travel", "without_time")
    assert [line[key] for key in missing] == [1, 1, 1, 1]
    assert [(day["day"], day["battery"]) for day in figures["days"]] == [
        ("2026-03-01", 2),
        ("2026-03-02", 1),
    ]


def test_without_answers_false_alarms_are_unknown_and_not_none(results: str) -> None:
    shown = CliRunner().invoke(app, ["fleet", "report", results])
    assert shown.exit_code == 0, shown.output
    assert "unknown" in shown.stdout
    assert "false alarms are unknown without answers" in shown.stdout
    assert "never raised: overload, belt_stopped, vision_unavailable" in shown.stdout


def test_false_alarms_an_hour_of_sight_have_their_exact_bound(tmp_path: Path, results: str) -> None:
    given = tmp_path / "answers.csv"
    given.write_text(
        "clip,line,event_id,answer\n"
        "a.mp4,infeed,a000001,false_alarm\na.mp4,infeed,a000003,removed\n"
        "b.mp4,infeed,a000001,false_alarm\nz.mp4,infeed,a000001,removed\n"
    )
    shown = CliRunner().invoke(app, ["fleet", "report", results, "--answers", str(given), "--json"])
    assert shown.exit_code == 0, shown.output
    figures = json.loads(shown.stdout)
    (line,) = figures["lines"]
    false = line["false_per_h"]["all"]
    assert false == {"count": 2, "per_h": 0.8, "upper_per_h": round(poisson_upper(2) / 2.5, 3)}
    assert line["unanswered"] == 1
    assert figures["answers"]["unmatched"] == 1
    assert [day["false_per_h"]["all"]["count"] for day in figures["days"]] == [1, 1]


def test_answers_of_a_station_are_found_by_line_hazard_and_time(
    tmp_path: Path, results: str
) -> None:
    def row(seconds: float, hazard: str, outcome: str) -> str:
        at = (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
        return f"infeed,b1,x,{hazard},{outcome},{at.replace('+00:00', 'Z')}\n"

    given = tmp_path / "station.csv"
    given.write_text(
        "line,boot_id,event_id,hazard,outcome,t_raised_ns\n"
        + row(10.8, "battery", "false_alarm")  # nearer to the one at 10 s
        + row(30.1, "battery", "removed")  # another hazard
        + row(19.0, "battery", "not_found")
        + row(29.0, "gas", "")  # not answered
        + row(500, "gas", "removed")
    )
    archive = Archive(results)
    answers = read_answers(given, archive, archive.table("alerts").to_pylist())
    assert answers.by_alert == {
        ("a.mp4", "infeed", "a000001"): "false_alarm",
        ("a.mp4", "infeed", "a000002"): "not_found",
    }
    assert (answers.unmatched, answers.without_time) == (2, 1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("clip,line,event_id,answer\na.mp4,infeed,a1,maybe\n", "line 2: answer 'maybe'"),
        ("clip,verdict\na.mp4,removed\n", "has the columns clip, verdict"),
        ("", "has the columns none"),
        ("line,hazard,outcome,t_raised_ns\ninfeed,gas,removed,noon\n", "'noon' is no ISO time"),
    ],
)
def test_answers_that_cannot_be_read_are_refused_in_one_line(
    tmp_path: Path, results: str, text: str, why: str
) -> None:
    given = tmp_path / "answers.csv"
    given.write_text(text)
    with pytest.raises(AnswersError, match=re.escape(why)):
        read_answers(given, Archive(results), [])


def test_the_page_asks_nothing_of_another_place_and_is_the_same_each_time(
    tmp_path: Path, results: str
) -> None:
    pages = [tmp_path / "1.html", tmp_path / "2.html"]
    for page in pages:
        shown = CliRunner().invoke(app, ["fleet", "report", results, "-o", str(page)])
        assert shown.exit_code == 0, shown.output
    first, second = (page.read_text(encoding="utf-8") for page in pages)
    assert first == second
    assert first.count("<svg") == 2
    assert not re.search(r"(?:src|href|action)\s*=\s*['\"](?!#)", first)
    assert not re.search(r"@import|url\((?!#)", first)


def test_a_folder_that_has_no_results_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"totals\.parquet: is missing"):
        Archive(str(tmp_path))
    write_results(tmp_path, [])
    (tmp_path / "alerts.parquet").write_bytes(b"PAR1")
    with pytest.raises(ArchiveError, match=r"alerts\.parquet: can't be read"):
        report(Archive(str(tmp_path)))


def test_results_with_the_columns_of_another_version_are_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    write_results(tmp_path, [])
    pq.write_table(pa.table({"clip": ["a"]}), tmp_path / "alerts.parquet")
    with pytest.raises(ArchiveError, match="columns of another version"):
        report(Archive(str(tmp_path)))
