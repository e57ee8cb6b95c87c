"""`vigitri fleet compare`: what is one object in two results, and what is another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="the extra fleet is not installed")

import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from detector.cli import app
from fleet.compare import NEAR_MM, SCHEMA, match
from tests.fleet.results_folder import alert, state, total, write_results
from tests.small_line import passing, write_video


def changes(pairs: list) -> list[str]:  # type: ignore[type-arg]
    return [pair.change for pair in pairs]


@given(st.floats(0, 1200), st.floats(-3000, 3000))
def test_an_object_is_the_same_wherever_on_its_way_it_was_last_seen(
    y_mm: float, travelled_mm: float
) -> None:
    a = alert(1)
    b = alert(7, y_mm=y_mm, belt_position_mm=1000.0 + y_mm, t_raised_s=1.0 + travelled_mm / 500)
    assert changes(match([a], [b])) == ["same"]


def test_objects_further_apart_than_near_are_gained_and_lost() -> None:
    b = alert(1, x_mm=300.0 + NEAR_MM + 1)
    assert changes(match([alert(1)], [b])) == ["lost", "gained"]
    long = alert(1, x_mm=300.0 + NEAR_MM + 1, length_mm=400.0)
    assert changes(match([alert(1)], [long])) == ["same"]


@given(st.permutations(range(4)))
def test_neighbours_are_paired_with_the_nearest_in_any_order(order: list[int]) -> None:
    one = [alert(n, x_mm=100.0 * n) for n in range(4)]
    other = [alert(10 + n, x_mm=100.0 * n + 20) for n in order]
    pairs = match(one, other)
    assert {(pair.a["event_id"], pair.b["event_id"]) for pair in pairs if pair.a and pair.b} == {
        (f"a{n:06d}", f"a{10 + n:06d}") for n in range(4)
    }


def test_another_hazard_at_the_same_place_is_a_change() -> None:
    (pair,) = match([alert(1)], [alert(1, "gas")])
    assert (pair.change, pair.changes) == ("changed", ("hazard",))
    # Of two at one place, the one of the same hazard is the same.
    beside = match([alert(1)], [alert(1, "gas"), alert(2, x_mm=340.0)])
    assert sorted(changes(beside)) == ["gained", "same"]


def test_a_higher_probability_alone_is_no_change() -> None:
    assert changes(match([alert(1)], [alert(1, probability=0.99)])) == ["same"]


def test_states_of_the_line_are_one_if_their_times_overlap() -> None:
    a = state(1, t_raised_s=10.0, t_last_s=20.0)
    assert changes(match([a], [state(5, t_raised_s=15.0, t_last_s=40.0)])) == ["same"]
    assert changes(match([a], [state(5, t_raised_s=30.0, t_last_s=40.0)])) == ["lost", "gained"]
    other = state(5, "overload", t_raised_s=10.0, t_last_s=20.0)
    assert sorted(changes(match([a], [other]))) == ["gained", "lost"]


def test_without_a_belt_position_objects_are_matched_by_time_and_place_across() -> None:
    a = alert(1, belt_position_mm=None)
    assert changes(match([a], [alert(2, belt_position_mm=None, t_raised_s=1.5)])) == ["same"]
    later = alert(2, belt_position_mm=None, t_raised_s=9.0)
    assert changes(match([a], [later])) == ["lost", "gained"]


def test_the_command_counts_shows_and_names_what_it_could_not_compare(tmp_path: Path) -> None:
    clip = str(write_video(tmp_path / "a.avi", passing(24)))
    settings = {"belt": {"polygon_px": [[0, 0], [95, 0], [95, 159], [0, 159]]}}
    one = [alert(1, clip=clip), alert(2, "gas", clip=clip, x_mm=600.0), state(3, clip=clip)]
    other = [alert(1, clip=clip), alert(9, clip=clip, x_mm=900.0, probability=0.6)]
    a = write_results(
        tmp_path / "A", one, [total(clip, one), total("only.mp4", one)], settings=settings
    )
    b = write_results(tmp_path / "B", other, [total(clip, other)], settings=settings)
    out = tmp_path / "out"
    shown = CliRunner().invoke(app, ["fleet", "compare", a, b, "-o", str(out), "--json"])
    assert shown.exit_code == 1, shown.output  # a clip is in one only
    assert "only.mp4: only " in shown.stderr
    figures = json.loads(shown.stdout)
    assert figures["only_a"] == ["only.mp4"]
    battery, gas = figures["hazards"]["battery"], figures["hazards"]["gas"]
    assert (battery["same"], battery["gained"], battery["lost"]) == (1, 1, 0)
    assert (gas["a"], gas["lost"], gas["lost_share"]) == (1, 1, 1.0)
    assert figures["sheets"]["lost"] == {"shown": 1, "left_out": 0, "states": 1, "unreadable": {}}
    assert (out / "gained.png").is_file()
    assert (out / "lost.png").is_file()
    assert not (out / "changed.png").exists()
    table = pq.read_table(out / "changes.parquet")
    assert table.schema.equals(SCHEMA)
    assert sorted(table["change"].to_pylist()) == ["gained", "lost", "lost", "same"]


def test_a_clip_that_is_gone_costs_its_crops_and_is_named(tmp_path: Path) -> None:
    one = [alert(1)]
    a = write_results(tmp_path / "A", one)
    b = write_results(tmp_path / "B", [], [total(alerts=one)])
    shown = CliRunner().invoke(
        app, ["fleet", "compare", a, b, "-o", str(tmp_path / "out"), "--json"]
    )
    assert shown.exit_code == 0, shown.output
    lost = json.loads(shown.stdout)["sheets"]["lost"]
    assert lost["shown"] == 0
    assert [*lost["unreadable"]] == ["a.mp4"]
