"""Prints on objects: colours, invented brand names, text, barcodes, symbols.

A `Print` is flat artwork in mm; solids wrap it around themselves. Every name is composed of
syllables: no real brand is drawn.
"""

import colorsys

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.shading import Colour

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
)
SYLLABLES = (
    "vol", "ta", "ru", "nex", "ki", "lo", "mar", "zen", "ol", "pra", "su", "den", "fir", "bel",
    "co", "tra", "ve", "lum", "ix", "or", "gan", "ti", "pel", "ro", "sa", "mi", "dur", "ek",
)  # fmt: skip
WHITE: Colour = (0.93, 0.95, 0.95)
BLACK: Colour = (0.07, 0.07, 0.07)
STEEL: Colour = (0.78, 0.79, 0.80)
BRASS: Colour = (0.38, 0.66, 0.82)
COPPER: Colour = (0.34, 0.55, 0.80)
GOLD: Colour = (0.36, 0.70, 0.88)


def tint(hue: float, saturation: float, value: float) -> Colour:
    """BGR 0..1 of a hue in turns (0 red, 1/3 green, 2/3 blue)."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return blue, green, red


def any_colour(rng: np.random.Generator) -> Colour:
    """A packaging colour: mostly strong, sometimes white, black, grey or kraft."""
    pick = rng.random()
    if pick < 0.12:
        return WHITE
    if pick < 0.22:
        return BLACK
    if pick < 0.28:
        return (0.35, 0.5, 0.62)
    # Packaging is red, orange, yellow, green and blue far more often than violet.
    often = float(rng.choice((0.0, 0.03, 0.08, 0.13, 0.33, 0.45, 0.56, 0.62)))
    hue = often + rng.normal(0, 0.025) if rng.random() < 0.8 else rng.random()
    return tint(hue, rng.uniform(0.4, 0.92), rng.uniform(0.35, 0.9))


def ink_on(paper: Colour, rng: np.random.Generator) -> Colour:
    """An ink that is legible on `paper`."""
    dark = 0.11 * paper[0] + 0.59 * paper[1] + 0.3 * paper[2] < 0.5
    if rng.random() < 0.7:
        return WHITE if dark else BLACK
    return tint(rng.random(), rng.uniform(0.1, 0.6), 0.95) if dark else tint(rng.random(), 0.9, 0.3)


def brand(rng: np.random.Generator) -> str:
    """An invented name of two or three syllables."""
    name = "".join(SYLLABLES[i] for i in rng.integers(0, len(SYLLABLES), rng.integers(2, 4)))
    return name.upper() if rng.random() < 0.5 else name.capitalize()


class Print:
    """Flat artwork `length_mm` x `width_mm`: uint8 `(h, w, 4)`, blue, green, red, metal.

    Places are mm from the upper left corner. Metal is set for foil and bare tin, not for ink.
    """

    def __init__(
        self, length_mm: float, width_mm: float, scale: float, paper: Colour, metal: float = 0.0
    ) -> None:
        self.length_mm, self.width_mm, self.scale = length_mm, width_mm, scale
        shape = (max(2, round(width_mm * scale)), max(2, round(length_mm * scale)), 4)
        self.art: NDArray[np.uint8] = np.empty(shape, np.uint8)
        self.art[:] = np.array((*paper, metal)) * 255

    def _px(self, *values_mm: float) -> list[int]:
        return [round(value * self.scale) for value in values_mm]

    @staticmethod
    def _ink(colour: Colour, metal: float) -> tuple[float, float, float, float]:
        return colour[0] * 255, colour[1] * 255, colour[2] * 255, metal * 255

    def rect(  # noqa: PLR0917 - four corners and a colour, a hundred calls
        self,
        x: float,
        y: float,
        x_end: float,
        y_end: float,
        colour: Colour,
        metal: float = 0.0,
    ) -> None:
        left, top, right, bottom = self._px(x, y, x_end, y_end)
        self.art[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = self._ink(
            colour, metal
        )

    def disc(self, x: float, y: float, radius: float, colour: Colour, line_mm: float = 0) -> None:
        column, row, size = self._px(x, y, radius)
        width = -1 if line_mm == 0 else max(1, round(line_mm * self.scale))
        cv2.circle(self.art, (column, row), max(size, 1), self._ink(colour, 0), width, cv2.LINE_AA)

    def area(self, corners_mm: NDArray[np.float64], colour: Colour) -> None:
        points = np.round(np.asarray(corners_mm) * self.scale).astype(np.int32)
        cv2.fillPoly(self.art, [points], self._ink(colour, 0), cv2.LINE_AA)

    def text(
        self,
        words: str,
        box_mm: tuple[float, float, float, float],
        colour: Colour,
        rng: np.random.Generator,
        *,
        bold: bool = True,
        turned: bool = False,
    ) -> None:
        """Writes `words` as large as the box (x, y, x_end, y_end) allows; `turned`: upright."""
        height, width = self.art.shape[:2]
        left, top, right, bottom = self._px(*box_mm)
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if right - left < 4 or bottom - top < 4:
            return
        long, high = (bottom - top, right - left) if turned else (right - left, bottom - top)
        font = int(rng.choice(FONTS))
        (unit_width, unit_height), base = cv2.getTextSize(words, font, 1.0, 3 if bold else 1)
        size = min(long / (unit_width * 1.12), high / (unit_height + base))
        stroke = max(1, round(size * (2.6 if bold else 1.2)))
        mask = np.zeros((high, long), np.uint8)
        at = (int(long / 2 - unit_width * size / 2), int(high / 2 + unit_height * size / 2))
        cv2.putText(mask, words, at, font, size, 255, stroke, cv2.LINE_AA)
        lean = rng.choice((0.0, 0.0, 0.25))
        if lean:
            skew = np.array([[1, -lean, lean * high / 2], [0, 1, 0]], np.float32)
            mask = np.asarray(cv2.warpAffine(mask, skew, (long, high)), np.uint8)
        if turned:
            mask = np.ascontiguousarray(np.rot90(mask))
        spot = self.art[top:bottom, left:right]
        cover = mask[..., None].astype(np.float32) / 255
        spot[:] = (spot + cover * (np.array(self._ink(colour, 0), np.float32) - spot)).astype(
            np.uint8
        )

    def small_print(
        self, box_mm: tuple[float, float, float, float], colour: Colour, rng: np.random.Generator
    ) -> None:
        """Lines too small to read: dashes of word length."""
        left, top, right, bottom = box_mm
        y = top
        while y < bottom:
            x, end = left, right - rng.uniform(0, 0.3) * (right - left)
            while x < end:
                word = rng.uniform(1.0, 4.5)
                a, b, row = self._px(x, min(x + word, end), y)
                cv2.line(self.art, (a, row), (b, row), self._ink(colour, 0), 1, cv2.LINE_AA)
                x += word + 0.9
            y += 1.9

    def barcode(
        self, x: float, y: float, x_end: float, y_end: float, rng: np.random.Generator
    ) -> None:
        self.rect(x, y, x_end, y_end, WHITE)
        at = x + 0.8
        while at < x_end - 0.8:
            bar = float(rng.choice((0.35, 0.7, 1.0)))
            self.rect(at, y + 0.7, min(at + bar, x_end - 0.6), y_end - 0.9, BLACK)
            at += bar + float(rng.choice((0.4, 0.7, 1.0)))

    def flame_sign(self, x: float, y: float, size: float) -> None:
        """The diamond for flammable gas: white, red edge, black flame."""
        corners = np.array([[0, -1], [1, 0], [0, 1], [-1, 0]], float)
        at = np.array([x, y])
        self.area(at + corners * size / 2, (0.15, 0.12, 0.8))
        self.area(at + corners * size * 0.37, WHITE)
        self.area(
            at
            + np.array([[0, -0.2], [0.13, 0.05], [0.1, 0.16], [-0.1, 0.16], [-0.13, 0.02]]) * size,
            BLACK,
        )

    def bin_sign(self, x: float, y: float, size: float, colour: Colour) -> None:
        """The crossed-out wheeled bin, as on every cell."""
        at = np.array([x, y])
        self.area(
            at + np.array([[-0.3, -0.3], [0.3, -0.3], [0.2, 0.35], [-0.2, 0.35]]) * size, colour
        )
        for slope in (-1, 1):
            a = self._px(x - size / 2, y - slope * size / 2)
            b = self._px(x + size / 2, y + slope * size / 2)
            cv2.line(self.art, (a[0], a[1]), (b[0], b[1]), self._ink(colour, 0), 1, cv2.LINE_AA)
