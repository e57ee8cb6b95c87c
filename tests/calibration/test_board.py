"""The printed boards: true to scale, and found in images."""

from __future__ import annotations

import re
from typing import Any, get_args

import cv2
import numpy as np
import pytest

from calibration.board import COLUMNS, CORNERS, PAPER_MM, ROWS, SQUARE_MM, Paper, find_board
from calibration.board_print import board_corner_mm, board_pdf, board_svg, ruler_mm

PAPERS = get_args(Paper)
NUMBER = r"(-?[\d.]+)"
POINT_MM = 25.4 / 72


def svg_rectangles(paper: Paper) -> list[tuple[float, float, float, float, bool]]:
    """x, y, width, height (mm from the upper left), white."""
    found = re.findall(
        rf'<rect x="{NUMBER}" y="{NUMBER}" width="{NUMBER}" height="{NUMBER}" fill="(\w+)"/>',
        board_svg(paper),
    )
    return [(*map(float, numbers), fill == "white") for *numbers, fill in found]  # type: ignore[misc]


def pdf_rectangles(paper: Paper) -> list[tuple[float, float, float, float, bool]]:
    text = board_pdf(paper).decode("latin-1")
    box = re.search(rf"/MediaBox \[0 0 {NUMBER} {NUMBER}\]", text)
    unit = re.search(rf"{NUMBER} 0 0 {NUMBER} 0 0 cm", text)
    assert box is not None
    assert unit is not None
    mm = float(unit[1]) * POINT_MM
    height_mm = float(box[2]) * POINT_MM
    found = re.findall(rf"([01]) g {NUMBER} {NUMBER} {NUMBER} {NUMBER} re f", text)
    return [
        (x * mm, height_mm - (y + h) * mm, w * mm, h * mm, grey == "1")
        for grey, *numbers in found
        for x, y, w, h in [map(float, numbers)]
    ]


def printed(rectangles: Any, paper: Paper, px_per_mm: float) -> Any:
    """The sheet as scanned at this resolution."""
    width, height = (round(side * px_per_mm) for side in PAPER_MM[paper])
    sheet = np.full((height, width, 3), 255, np.uint8)
    for x, y, w, h, white in rectangles:
        x0, y0, x1, y1 = (round(v * px_per_mm) for v in (x, y, x + w, y + h))
        sheet[y0:y1, x0:x1] = 255 if white else 0
    return sheet


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("rectangles", [svg_rectangles, pdf_rectangles])
def test_a_printed_board_is_true_to_scale_and_identifies_itself(
    rectangles: Any, paper: Paper
) -> None:
    px_per_mm = 100 / SQUARE_MM[paper]
    sheet = printed(rectangles(paper), paper, px_per_mm)
    view = find_board(sheet, "sheet")
    assert view is not None
    assert (view.paper, len(view.ids)) == (paper, CORNERS)
    on_sheet_mm = (view.px + 0.5) / px_per_mm - board_corner_mm(paper)
    # Edges are drawn to whole pixels, to which corners are found within one; the scale is finer.
    np.testing.assert_allclose(on_sheet_mm, view.mm(1.0), atol=1.1 / px_per_mm)
    scale = np.linalg.lstsq(
        np.column_stack([view.mm(1.0).ravel(), np.ones(2 * CORNERS)]), on_sheet_mm.ravel()
    )[0][0]
    assert scale == pytest.approx(1, abs=5e-4)


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("rectangles", [svg_rectangles, pdf_rectangles])
def test_the_rulers_have_their_stated_length(rectangles: Any, paper: Paper) -> None:
    lines = [(w, h) for _, _, w, h, _ in rectangles(paper) if max(w, h) == max(w, h, 100.0)]
    assert sorted(max(line) for line in lines) == pytest.approx([ruler_mm(paper)] * 2, abs=0.01)


@pytest.mark.parametrize("paper", PAPERS)
def test_the_sheet_has_the_size_of_the_paper_and_keeps_the_printer_margin_free(
    paper: Paper,
) -> None:
    width, height = PAPER_MM[paper]
    assert f'width="{width:g}mm" height="{height:g}mm" viewBox="0 0 {width:g} {height:g}"' in (
        board_svg(paper)
    )
    rectangles = np.array([each[:4] for each in pdf_rectangles(paper)])
    assert rectangles[:, :2].min() >= 4
    assert (rectangles[:, 0] + rectangles[:, 2]).max() <= width - 4
    assert (rectangles[:, 1] + rectangles[:, 3]).max() <= height - 4


def test_the_pdf_cross_reference_table_is_correct() -> None:
    pdf = board_pdf("a3")
    places = [int(found) for found in re.findall(rb"(\d{10}) 00000 n", pdf)]
    for number, place in enumerate(places, start=1):
        assert pdf[place:].startswith(b"%d 0 obj" % number)
    start = re.search(rb"startxref\n(\d+)", pdf)
    assert start is not None
    assert pdf[int(start[1]) :].startswith(b"xref")


def test_an_image_with_too_little_of_a_board_gives_no_board_view() -> None:
    assert find_board(np.full((200, 300, 3), 200, np.uint8), "blank") is None
    sheet = printed(svg_rectangles("a3"), "a3", 1.5)
    assert find_board(np.ascontiguousarray(sheet[:110, :150]), "a corner of it") is None
    turned = cv2.rotate(sheet, cv2.ROTATE_90_CLOCKWISE)
    view = find_board(np.asarray(turned, np.uint8), "turned")
    assert view is not None
    assert len(view.ids) == CORNERS == (COLUMNS - 1) * (ROWS - 1)
