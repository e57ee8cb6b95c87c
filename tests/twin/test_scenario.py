"""A scenario is refused at the door, one clear line per mistake."""

from collections.abc import Callable
from pathlib import Path

import pytest

from twin.scenario import ScenarioError, load

DEMO = Path(__file__).parents[2] / "twin" / "scenarios" / "demo.toml"
Changed = Callable[[str, str], Path]


def said(path: Path) -> str:
    with pytest.raises(ScenarioError) as caught:
        load(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "speed_mm_s = 500",
            "speed_mm_s = -3",
            "belt.speed_mm_s: Input should be greater than or equal to 0, not -3",
        ),
        ("duration_s = 0.4", "", "duration_s: missing"),
        ("fps = 20", "fps = 20\nshutter = 3", "camera.shutter: unknown key"),
        ("fps = 20", 'fps = "fast"', "camera.fps: Input should be a valid number"),
        (
            'kind = "d_cell"',
            'kind = "anvil"',
            "things.0.kind: kind 'anvil' is unknown; hazards are aa_cell",
        ),
        ("x_mm = 60", "x_mm = 260", "d_cell at -150 mm has x_mm 260, off a belt of 200 mm"),
        ("to_mm = 0", "to_mm = -400", "stretches.0: to_mm (-400) must be above from_mm (-300)"),
        ("coverage = 0.2", "coverage = 95", "stretches.0.coverage: Input should be less than"),
        ("px_per_mm = 0.6", "px_per_mm = 2", "is 400 px, more than camera.height_px (160)"),
        ("duration_s = 0.4", "duration_s = 9e5", "more than can be drawn at once"),
        ("duration_s = 0.4", "duration_s = inf", "duration_s: Input should be a finite number"),
        ("seed = 3", "seed = = 3", "not a TOML file"),
    ],
)
def test_a_mistake_is_one_clear_line(changed: Changed, old: str, new: str, line: str) -> None:
    path = changed(old, new)
    told = said(path)
    assert "\n" not in told
    assert told.startswith(f"{path}: ")
    assert line in told


def test_two_mistakes_are_two_lines(changed: Changed) -> None:
    assert (
        len(said(changed("fps = 20\npx_per_mm = 0.6", "fps = 0\npx_per_mm = -1")).splitlines()) == 2
    )


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    told = said(tmp_path / "none.toml")
    assert "cannot be read (No such file or directory)" in told
    assert "\n" not in told


def test_overlapping_stretches_are_refused(changed: Changed) -> None:
    second = "coverage = 0.2\n[[stretches]]\nfrom_mm = -100\nto_mm = 90\ncoverage = 0.1"
    assert "stretches overlap at -100 mm" in said(changed("coverage = 0.2", second))


def test_the_demo_has_an_empty_start_calm_an_overload_and_both_classes() -> None:
    demo = load(DEMO)
    first = min(
        *(stretch.from_mm for stretch in demo.stretches), *(thing.at_mm for thing in demo.things)
    )
    assert first >= 1.5 * demo.belt.speed_mm_s
    assert any(
        each.coverage > 0.92 and each.to_mm - each.from_mm >= 2200 for each in demo.stretches
    )
    assert sum(0.15 <= each.coverage <= 0.40 for each in demo.stretches) >= 2
