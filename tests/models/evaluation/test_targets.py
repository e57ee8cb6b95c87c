from typing import Any

import pytest

from models.evaluation.targets import UNOBSTRUCTED, WELL_SEEN, Target, image_targets, targets_page


def _figures(
    ap50: float, recall: float, boxes: int = 50, *, parts: dict[str, float] | None = None
) -> dict[str, Any]:
    def shares(reached: float, of: int) -> dict[str, Any]:
        both = [reached, reached - 0.1, 1.0]
        return {"boxes": of, "recall_at_0.2": both, "recall_at_0.05": both}

    of = {name: shares(reached, 15) for name, reached in (parts or {}).items()}
    return {"ap50": ap50, **shares(recall, boxes), "of": of, "false_per_image": 0.0}


def _nothing(false_per_image: float = 0.0) -> dict[str, Any]:
    return {"boxes": 0, "false_per_image": false_per_image}


def _set(gas: dict[str, Any], battery: dict[str, Any], images: int = 20) -> dict[str, Any]:
    return {"images": images, "gas_canister": gas, "battery": battery}


def _report(**sets: dict[str, Any]) -> dict[str, Any]:
    return {"model": "mine", "sets": sets}


def _row(targets: list[Target], *words: str) -> Target:
    (row,) = (each for each in targets if all(word in each.what for word in words))
    return row


def test_photographs_are_reported_at_the_size_with_the_best_worst_figure() -> None:
    clear = {UNOBSTRUCTED: 0.95}
    targets = image_targets(
        _report(
            photographs_320=_set(
                _figures(0.9, 0.5, parts={UNOBSTRUCTED: 0.8}), _figures(0.99, 0.9)
            ),
            photographs_512=_set(_figures(0.75, 0.4, parts=clear), _figures(0.93, 0.93)),
        )
    )
    assert _row(targets, "battery", "recall") == Target(
        "battery: recall at <= 0.2 false per image, photographs_512",
        ">= 0.92", "0.930 (0.830 to 1.000, 50 boxes)", True,
    )  # fmt: skip
    assert _row(targets, "gas: AP50", "photographs_512").reached == "0.750"
    assert _row(targets, "unobstructed").met is True


def test_at_belt_scale_figures_may_be_five_points_lower_and_no_more() -> None:
    targets = image_targets(
        _report(
            photographs_512=_set(_nothing(), _figures(0.99, 0.96)),
            photographs_at_belt_scale=_set(_nothing(), _figures(0.941, 0.90)),
        )
    )
    assert _row(targets, "AP50", "belt scale").met is True
    recall = _row(targets, "recall", "belt scale")
    assert (recall.wanted, recall.met) == (">= 0.91", False)
    assert len(targets) == 4


def test_one_false_box_on_a_belt_without_a_hazard_misses_the_target() -> None:
    frames = _set(_nothing(), _nothing(0.067), images=15)
    (row,) = image_targets(_report(**{"frames_at_1.0_mm_per_px": frames}))
    assert (row.reached, row.met) == ("0 gas, 1 battery in 15", False)
    assert "1.0 mm/px" in row.what


@pytest.mark.parametrize(("recall", "met"), [(0.969, False), (0.97, True)])
def test_scenes_are_evaluated_on_well_visible_hazards(recall: float, met: bool) -> None:
    seen = _figures(0.5, 0.5, parts={WELL_SEEN: recall})
    targets = image_targets(_report(scenes=_set(seen, seen)))
    assert [each.met for each in targets] == [met, met]


def test_missing_sets_have_no_row_and_time_is_per_quarter_megapixel() -> None:
    report = _report() | {"speed": {"ms_per_quarter_megapixel": 15.1, "how": "two threads"}}
    page = targets_page(image_targets(report))
    assert "| ms per 0.25 megapixel | <= 15 | 15.1 (two threads) | **not met** |" in page
    assert "AP50" not in page.split("\n\n")[1]
