"""A scenario file is validated when it is loaded, with one line per error."""

from collections.abc import Callable
from pathlib import Path

import pytest

from twin.line.scenario import ScenarioError, bundled, descriptions, find, load

DEMO = Path(__file__).parents[3] / "twin" / "scenarios" / "demo.toml"
Changed = Callable[[str, str], Path]


def error_of(path: Path) -> str:
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
            "objects.0.kind: kind 'anvil' is unknown; hazards are aa_cell",
        ),
        ("x_mm = 60", "x_mm = 260", "d_cell at -150 mm has x_mm 260, off a belt of 200 mm"),
        ("to_mm = 0", "to_mm = -400", "stretches.0: to_mm (-400) must be above from_mm (-300)"),
        ("coverage = 0.2", "coverage = 95", "stretches.0.coverage: Input should be less than"),
        ("px_per_mm = 0.6", "px_per_mm = 2", "is 400 px, more than camera.height_px (160)"),
        ("duration_s = 0.4", "duration_s = 9e5", "more than can be drawn as one image"),
        ("duration_s = 0.4", "duration_s = inf", "duration_s: Input should be a finite number"),
        ("seed = 3", "seed = = 3", "not a TOML file"),
        ("seed = 3", 'seed = 3\nrenderer = "traced"', "needs a [traced] section with strips"),
        ("seed = 3", 'seed = 3\nrenderer = "photo"', "renderer: Input should be 'drawn' or"),
        ("[video]", "[mix]\ncoverage = 0.3\n[video]", "mix conflicts with stretches and objects"),
        (
            "[video]",
            "[gate]\ny_mm = 100\nfrom_s = 3\nuntil_s = 2\n[video]",
            "gate: until_s (2) must be above from_s (3)",
        ),
        (
            "[video]",
            "[[films]]\ny_mm = 1\nx_mm = 900\nfrom_s = 0\nuntil_s = 2\n[video]",
            "films: film has x_mm 900, off a belt of 200 mm",
        ),
        (
            "loop_mm = 1500",
            "loop_mm = 1500\n[[belt.speeds]]\nat_s = 1\nspeed_mm_s = -5",
            "belt.speeds.0.speed_mm_s: Input should be greater than or equal to 0, not -5",
        ),
        (
            "loop_mm = 1500",
            "loop_mm = 1500\n" + 2 * "[[belt.speeds]]\nat_s = 1\nspeed_mm_s = 5\nover_s = 2\n",
            "belt: speeds: the change at 1 s starts before the previous one has ended (3 s)",
        ),
        (
            "[video]",
            "[encoder]\nstart = 9\nwraps_at = 16\nslip = 2\n[video]",
            "encoder.slip: Input should be less than or equal to 0.5, not 2",
        ),
    ],
)
def test_an_error_is_one_clear_line(changed: Changed, old: str, new: str, line: str) -> None:
    path = changed(old, new)
    message = error_of(path)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    assert line in message


def test_two_errors_are_two_lines(changed: Changed) -> None:
    assert (
        len(error_of(changed("fps = 20\npx_per_mm = 0.6", "fps = 0\npx_per_mm = -1")).splitlines())
        == 2
    )


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    message = error_of(tmp_path / "none.toml")
    assert "cannot be read (No such file or directory)" in message
    assert "\n" not in message


def test_overlapping_stretches_are_rejected(changed: Changed) -> None:
    second = "coverage = 0.2\n[[stretches]]\nfrom_mm = -100\nto_mm = 90\ncoverage = 0.1"
    assert "stretches overlap at -100 mm" in error_of(changed("coverage = 0.2", second))


@pytest.mark.parametrize("name", [name for name in bundled() if name != "demo"])
def test_every_bundled_scenario_is_valid_and_describes_itself(name: str) -> None:
    plan = load(find(name))
    assert 30 <= plan.duration_s <= 60
    assert 10 <= plan.camera.fps <= 30
    assert (plan.camera.width_px, plan.camera.height_px) == (1280, 720)
    assert plan.traced is not None
    assert load(find(name), {("renderer",): "traced"}).renderer == "traced"
    assert 20 < len(descriptions()[name]) < 110
    assert descriptions()[name].endswith(".")  # a complete sentence


def test_the_error_for_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ScenarioError, match=r"mixd: no such scenario. .* calm, demo, .*wet_belt"):
        find("mixd")


def test_a_kind_that_is_not_a_hazard_is_rejected(changed: Changed) -> None:
    hazards = "[mix.hazards]\ndrink_can = 1\n[video]"
    message = error_of(changed("[video]", hazards))
    assert "mix.hazards: 'drink_can' is not a hazard; hazards are aa_cell" in message


def test_a_kind_that_is_not_waste_is_rejected(changed: Changed) -> None:
    message = error_of(changed("[video]", "[mix.waste]\naa_cell = 1\n[video]"))
    assert "mix.waste: 'aa_cell' is not waste; waste is" in message


def test_the_demo_has_an_empty_start_calm_stretches_an_overload_and_both_classes() -> None:
    demo = load(DEMO)
    first = min(
        *(stretch.from_mm for stretch in demo.stretches), *(obj.at_mm for obj in demo.objects)
    )
    assert first >= 1.5 * demo.belt.speed_mm_s
    assert any(
        each.coverage > 0.92 and each.to_mm - each.from_mm >= 2200 for each in demo.stretches
    )
    assert sum(0.15 <= each.coverage <= 0.40 for each in demo.stretches) >= 2
