from typing import Any

import pytest

from models.evaluation.comparison import regressions


def _sets(recall: float, ap50: float, false: float = 0.0, operating: float = 0.6) -> dict[str, Any]:
    none = {"boxes": 0, "false_per_image": 0.0}
    row = {"boxes": 50, "recall_at_0.2": [recall, recall - 0.1, 1.0], "ap50": ap50,
           "recall": [operating, operating - 0.15, 1.0], "false_per_image": 9.0}  # fmt: skip
    empty = {"boxes": 0, "false_per_image": false}
    return {
        "scenes": {"images": 20, "gas_canister": row, "battery": none},
        "frames": {"images": 10, "gas_canister": empty, "battery": none},
    }


@pytest.mark.parametrize(
    ("recall", "ap50", "false", "slack", "lines"),
    [
        (0.80, 0.80, 0.0, "one box", 0),
        (0.77, 0.77, 0.0, "one box", 0),  # a point and one of 50 boxes
        (0.76, 0.80, 0.0, "one box", 1),
        (0.80, 0.76, 0.0, "one box", 1),
        (0.70, 0.70, 0.0, "interval", 0),  # the interval's lower half is ten points
        (0.68, 0.80, 0.0, "interval", 1),
        (0.80, 0.80, 0.1, "interval", 0),  # one more false box on ten frames
        (0.80, 0.80, 0.2, "interval", 1),
    ],
)
def test_a_figure_may_fall_by_a_point_more_than_the_uncertainty(
    recall: float, ap50: float, false: float, slack: Any, lines: int
) -> None:
    worse = regressions(_sets(0.8, 0.8), _sets(recall, ap50, false), slack, ["frames", "scenes"])
    assert len(worse) == lines


@pytest.mark.parametrize(
    ("operating", "slack", "lines"),
    [(0.57, "one box", 0), (0.56, "one box", 1), (0.45, "interval", 0), (0.43, "interval", 1)],
)
def test_a_lower_recall_at_the_operating_threshold_counts_as_worse(
    operating: float, slack: Any, lines: int
) -> None:
    # The ranking is unchanged, but a high false score on an empty belt has raised the threshold.
    worse = regressions(_sets(0.8, 0.8), _sets(0.8, 0.8, operating=operating), slack, ["scenes"])
    assert len(worse) == lines
    assert all("recall at its thresholds 0.600" in line for line in worse)
