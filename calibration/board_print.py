"""The boards as SVG and PDF, true to scale, with two rulers to check the print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from calibration.board import (
    COLUMNS,
    PAPER_MM,
    ROWS,
    SQUARE_MM,
    Paper,
    first_marker,
    marker_bits,
    marker_mm,
)

_TOP_MM = 12.0
_TEXT_MM = 4.0


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A black or white rectangle, mm from the sheet's upper left corner."""

    x: float
    y: float
    width: float
    height: float
    white: bool = False


def ruler_mm(paper: Paper) -> float:
    """Length of the rulers on a sheet that is printed to scale."""
    return 150.0 if paper == "a4" else 200.0


def board_svg(paper: Paper) -> str:
    """The sheet as SVG, in millimetres."""
    width, height = PAPER_MM[paper]
    body = [
        f'<rect x="{r.x:.3f}" y="{r.y:.3f}" width="{r.width:.3f}" height="{r.height:.3f}" '
        f'fill="{"white" if r.white else "black"}"/>'
        for r in _rectangles(paper)
    ]
    body += [
        f'<text x="{x:.3f}" y="{y:.3f}" font-family="sans-serif" font-size="{_TEXT_MM}">'
        f"{text}</text>"
        for x, y, text in _texts(paper)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
            f'viewBox="0 0 {width:g} {height:g}" shape-rendering="crispEdges">',
            f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
            *body,
            "</svg>",
            "",
        ]
    )


def board_pdf(paper: Paper) -> bytes:
    """The sheet as PDF: one page of rectangles and text, with print scaling disabled."""
    width, height = PAPER_MM[paper]
    point = 72 / 25.4
    drawn = [f"{point:.6f} 0 0 {point:.6f} 0 0 cm"]
    for r in _rectangles(paper):
        drawn.append(f"{int(r.white)} g {r.x:.3f} {height - r.y - r.height:.3f} "
                     f"{r.width:.3f} {r.height:.3f} re f")  # fmt: skip
    for x, y, text in _texts(paper):
        drawn.append(f"0 g BT /F1 {_TEXT_MM} Tf {x:.3f} {height - y:.3f} Td ({text}) Tj ET")
    content = "\n".join(drawn).encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width * point:.3f} {height * point:.3f}] "
        "/Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = bytearray(b"%PDF-1.6\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        table,
    )
    return bytes(out)


def board_corner_mm(paper: Paper) -> tuple[float, float]:
    """The pattern's upper left corner on the sheet, mm."""
    return (PAPER_MM[paper][0] - COLUMNS * SQUARE_MM[paper]) / 2, _TOP_MM


def _rectangles(paper: Paper) -> Iterator[Rectangle]:
    left, top = board_corner_mm(paper)
    square, side = SQUARE_MM[paper], marker_mm(paper)
    marker = first_marker(paper)
    for row in range(ROWS):
        for column in range(COLUMNS):
            x, y = left + column * square, top + row * square
            if (row + column) % 2 == 0:
                yield Rectangle(x, y, square, square)
                continue
            inset, part = (square - side) / 2, side / 6
            yield Rectangle(x + inset, y + inset, side, side)
            for v, u in np.argwhere(marker_bits(marker)):
                yield Rectangle(x + inset + u * part, y + inset + v * part, part, part, white=True)
            marker += 1
    yield from _rulers(paper)


def _rulers(paper: Paper) -> Iterator[Rectangle]:
    """One below and one beside the board, between the outer edges of their first and last mark."""
    left, top = board_corner_mm(paper)
    below, beside = top + ROWS * SQUARE_MM[paper] + 8, left - 12
    length, line = ruler_mm(paper), 0.3
    yield Rectangle(left, below, length, line)
    yield Rectangle(beside, top, line, length)
    for at in range(0, int(length) + 1, 10):
        long = 6.0 if at % 50 == 0 else 3.0
        start = min(max(at - line / 2, 0), length - line)
        yield Rectangle(left + start, below, line, long)
        yield Rectangle(beside, top + start, long, line)


def _texts(paper: Paper) -> Iterator[tuple[float, float, str]]:
    left, top = board_corner_mm(paper)
    below = top + ROWS * SQUARE_MM[paper] + 20
    yield (
        left,
        below,
        f"Vigitri board {paper}, squares of {SQUARE_MM[paper]:g} mm. Print at 100 %, not fitted to "
        "the page.",
    )
    yield (
        left,
        below + 6,
        f"Both rulers measure {ruler_mm(paper):g} mm from end to end. If not, pass the measured "
        "length as --ruler-mm.",
    )
