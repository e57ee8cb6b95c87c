"""Flexible waste: paper, card, film, textile, cable.

Sizes: newspaper and office paper as folded or torn, bags of 5 to 30 l, cable as pulled from
appliances.
"""

from collections.abc import Callable

import cv2
import numpy as np

from twin.drawn import wear
from twin.drawn.labels import BLACK, WHITE, Print, any_colour, brand, ink_on, tint
from twin.drawn.noise import clouds, noise, streaks
from twin.drawn.shading import Colour, Grid, Surface, surface
from twin.drawn.solids import blob, ragged_mask, sheet

SIZE_MM: dict[str, tuple[float, float, float]] = {
    "cardboard_sheet": (330.0, 230.0, 6.0),
    "newspaper": (300.0, 210.0, 8.0),
    "paper_crumpled": (150.0, 120.0, 50.0),
    "plastic_bag": (340.0, 260.0, 45.0),
    "plastic_film": (380.0, 220.0, 20.0),
    "snack_wrapper": (160.0, 110.0, 15.0),
    "textile": (320.0, 230.0, 45.0),
    "cable": (260.0, 170.0, 9.0),
    "leaflet": (210.0, 140.0, 2.0),
}


def _cardboard(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    paper = tint(rng.uniform(0.08, 0.1), rng.uniform(0.28, 0.42), rng.uniform(0.48, 0.72))
    art = Print(length, width, grid.scale, paper)
    if rng.random() < 0.5:
        art.text(
            brand(rng),
            (length * 0.2, width * 0.3, length * 0.8, width * 0.6),
            tint(0.08, 0.5, 0.25),
            rng,
        )
    for at in rng.uniform(0.15, 0.85, int(rng.integers(0, 3))):  # scored flaps
        art.rect(length * at, 0, length * at + 1.2, width, tint(0.08, 0.45, 0.35))
    mask = ragged_mask(grid, length, width, rng.uniform(4, 30), rng)
    card = sheet(
        grid, mask, art, rng, folds=int(rng.integers(2, 7)), depth_mm=rng.uniform(5, 22), gloss=0.06
    )
    card.height_mm += np.float32(0.14) * np.sin(grid.x_mm * np.float32(2 * np.pi / 6.5))
    card.colour *= (0.94 + 0.1 * streaks(grid.shape, 60 * grid.scale, 2 * grid.scale, rng))[
        ..., None
    ]
    return wear.apply_wear(card, rng)


def columns(art: Print, length: float, width: float, rng: np.random.Generator) -> None:
    """A newspaper page: headline, columns of text, photographs."""
    ink = tint(0.1, 0.1, rng.uniform(0.15, 0.35))
    art.text(
        f"{brand(rng)} {brand(rng)}",
        (length * 0.06, width * 0.04, length * 0.94, width * 0.16),
        ink,
        rng,
    )
    count = int(rng.integers(3, 6))
    for k in range(count):
        x, wide = length * (0.05 + 0.9 * k / count), length * 0.82 / count
        y = width * 0.2
        if rng.random() < 0.5:
            high = width * rng.uniform(0.15, 0.4)
            art.rect(
                x,
                y,
                x + wide,
                y + high,
                tint(rng.random(), rng.uniform(0, 0.5), rng.uniform(0.25, 0.7)),
            )
            y += high + 3
        art.small_print((x, y, x + wide, width * 0.95), ink, rng)


def _newspaper(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    art = Print(
        length, width, grid.scale, tint(0.12, rng.uniform(0.03, 0.14), rng.uniform(0.68, 0.84))
    )
    columns(art, length, width, rng)
    mask = ragged_mask(grid, length, width, rng.uniform(2, 28), rng)
    page = sheet(
        grid,
        mask,
        art,
        rng,
        folds=int(rng.integers(5, 18)),
        depth_mm=rng.uniform(8, 34),
        gloss=0.05,
    )
    return wear.apply_wear(page, rng)


def _leaflet(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    base = any_colour(rng)
    art = Print(length, width, grid.scale, base)
    for _ in range(int(rng.integers(2, 7))):
        x, y = rng.uniform(0, 0.8) * length, rng.uniform(0, 0.8) * width
        art.rect(
            x,
            y,
            x + rng.uniform(0.1, 0.5) * length,
            y + rng.uniform(0.1, 0.4) * width,
            any_colour(rng),
        )
    art.text(
        brand(rng), (length * 0.05, width * 0.05, length * 0.7, width * 0.3), ink_on(base, rng), rng
    )
    art.small_print((length * 0.1, width * 0.6, length * 0.9, width * 0.92), ink_on(base, rng), rng)
    mask = ragged_mask(grid, length, width, rng.uniform(1, 8), rng)
    page = sheet(
        grid,
        mask,
        art,
        rng,
        folds=int(rng.integers(4, 14)),
        depth_mm=rng.uniform(10, 34),
        gloss=0.4,
    )
    return wear.apply_wear(page, rng)


def _crumpled(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    mask = blob(grid, rng, 22, 0.22)
    if rng.random() < 0.4:
        art = Print(length, width, grid.scale, tint(0.12, 0.1, 0.75))
        columns(art, length, width, rng)
        ball = sheet(grid, mask, art, rng, folds=26, depth_mm=rng.uniform(40, 70))
    else:
        tone: Colour = WHITE if rng.random() < 0.6 else any_colour(rng)
        ball = sheet(grid, mask, tone, rng, folds=26, depth_mm=rng.uniform(40, 75))
    far = cv2.distanceTransform((mask > 0).astype(np.uint8), cv2.DIST_L2, 3) / np.float32(
        grid.scale
    )
    ball.height_mm += np.sqrt(np.maximum(far, 0)).astype(np.float32) * np.float32(5)
    ball.height_mm += np.float32(8) * noise(grid.shape, 16 * grid.scale, rng)
    return wear.apply_wear(ball, rng)


def _film_colour(rng: np.random.Generator) -> tuple[Colour, float]:
    pick = rng.random()
    if pick < 0.35:
        return (0.82, 0.82, 0.8), rng.uniform(0.12, 0.4)
    if pick < 0.55:
        return WHITE, rng.uniform(0.7, 0.95)
    if pick < 0.7:
        return (0.06, 0.06, 0.06), 0.97
    return any_colour(rng), rng.uniform(0.5, 0.95)


def _bag(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    colour, opacity = _film_colour(rng)
    art = Print(length, width, grid.scale, colour)
    if opacity > 0.5 and rng.random() < 0.5:
        art.text(
            brand(rng),
            (length * 0.25, width * 0.3, length * 0.75, width * 0.6),
            ink_on(colour, rng),
            rng,
        )
    mask = blob(grid, rng, int(rng.integers(12, 26)), rng.uniform(0.15, 0.4))
    bag = sheet(
        grid,
        mask,
        art,
        rng,
        folds=int(rng.integers(16, 30)),
        depth_mm=rng.uniform(50, 110),
        gloss=0.75,
        opacity=opacity,
    )
    bag.height_mm += np.float32(14) * clouds(grid.shape, 60 * grid.scale, rng, 3)
    bag.height_mm += np.float32(1.4) * streaks(grid.shape, 70 * grid.scale, 9 * grid.scale, rng)
    bag.opacity = np.clip(
        bag.opacity + 0.25 * (clouds(grid.shape, 30 * grid.scale, rng) - 0.5), 0, 1
    )
    return wear.apply_wear(bag, rng)


def _film(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    colour, opacity = _film_colour(rng)
    mask = ragged_mask(grid, length, width, rng.uniform(20, 70), rng)
    film = sheet(
        grid,
        mask,
        colour,
        rng,
        folds=int(rng.integers(10, 22)),
        depth_mm=rng.uniform(40, 90),
        gloss=0.85,
        opacity=min(opacity, 0.6),
    )
    film.height_mm += np.float32(2) * streaks(grid.shape, 120 * grid.scale, 12 * grid.scale, rng)
    film.height_mm += np.float32(8) * clouds(grid.shape, 50 * grid.scale, rng, 2)
    return wear.apply_wear(film, rng)


def _wrapper(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    base = any_colour(rng)
    art = Print(length, width, grid.scale, base, 0.35 if rng.random() < 0.6 else 0.0)
    art.disc(length * 0.5, width * 0.5, width * rng.uniform(0.25, 0.45), any_colour(rng))
    art.text(
        brand(rng), (length * 0.15, width * 0.3, length * 0.85, width * 0.6), ink_on(base, rng), rng
    )
    art.small_print((length * 0.2, width * 0.7, length * 0.8, width * 0.9), ink_on(base, rng), rng)
    mask = ragged_mask(grid, length, width, rng.uniform(6, 30), rng)
    wrap = sheet(
        grid,
        mask,
        art,
        rng,
        folds=int(rng.integers(10, 20)),
        depth_mm=rng.uniform(10, 26),
        gloss=0.9,
    )
    wrap.height_mm += np.float32(1.5) * noise(grid.shape, 9 * grid.scale, rng)
    return wear.apply_wear(wrap, rng)


def _textile(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    base = tint(rng.random(), rng.uniform(0.05, 0.7), rng.uniform(0.12, 0.75))
    art = Print(length, width, grid.scale, base)
    pick = rng.random()
    if pick < 0.35:
        pitch, second = rng.uniform(6, 30), any_colour(rng)
        for at in np.arange(0, width, pitch):
            art.rect(0, at, length, at + pitch * 0.45, second)
    elif pick < 0.5:
        second = any_colour(rng)
        for x, y in rng.uniform(0, 1, (60, 2)):
            art.disc(x * length, y * width, rng.uniform(2, 6), second)
    mask = blob(grid, rng, int(rng.integers(12, 24)), rng.uniform(0.2, 0.4))
    cloth = sheet(
        grid, mask, art, rng, folds=9, depth_mm=rng.uniform(20, 45), gloss=0.0, wobble=0.5
    )
    cloth.height_mm += np.float32(26) * clouds(grid.shape, 45 * grid.scale, rng, 3)
    cloth.height_mm += np.float32(0.35) * noise(grid.shape, 1.2 * grid.scale, rng)
    return wear.apply_wear(cloth, rng)


def _cable(length: float, width: float, grid: Grid, rng: np.random.Generator) -> Surface:
    thick = rng.uniform(3.5, 8.0)
    count = int(rng.integers(5, 9))
    reach = np.array([length - 3 * thick, width - 3 * thick]) / 2
    knots = rng.uniform(-1, 1, (count, 2)) * reach
    turns = np.linspace(0, count - 1, 160)
    path = np.stack([np.interp(turns, np.arange(count), knots[:, k]) for k in (0, 1)], 1)
    kernel = np.hanning(37) / np.hanning(37).sum()
    padded = np.pad(path, ((18, 18), (0, 0)), mode="edge")
    path = np.stack([np.convolve(padded[:, k], kernel, mode="valid") for k in (0, 1)], 1)
    points = np.array([grid.at(float(x), float(y)) for x, y in path], np.int32)
    line = np.zeros(grid.shape, np.uint8)
    cv2.polylines(line, [points], False, 255, max(2, round(thick * grid.scale)))
    far = cv2.distanceTransform(line, cv2.DIST_L2, 5) / np.float32(grid.scale)
    radius = np.float32(thick / 2)
    height = np.sqrt(np.maximum(radius**2 - (radius - np.minimum(far, radius)) ** 2, 0)).astype(
        np.float32
    )
    tone: Colour = BLACK if rng.random() < 0.5 else WHITE if rng.random() < 0.6 else any_colour(rng)
    rope = surface(grid, height, (line > 0).astype(np.float32), tone, gloss=0.4)
    if rng.random() < 0.6:  # its plug
        x, y = points[-1]
        cv2.circle(line, (int(x), int(y)), round(1.3 * thick * grid.scale), 255, -1)
        rope.inside = (line > 0).astype(np.float32)
    return wear.apply_wear(rope, rng)


def soft(kind: str, rng: np.random.Generator, px_per_mm: float) -> Surface:
    """The surface of one flexible object; sizes vary widely, as by tearing and folding."""
    length, width, _ = SIZE_MM[kind]
    grow = rng.uniform(0.6, 1.25)
    length, width = length * grow * rng.uniform(0.85, 1.15), width * grow * rng.uniform(0.85, 1.15)
    length, width = max(length, width), min(length, width)
    grid = Grid(length, width, px_per_mm)
    return DRAWN[kind](length, width, grid, rng)


DRAWN: dict[str, Callable[[float, float, Grid, np.random.Generator], Surface]] = {
    "cardboard_sheet": _cardboard,
    "newspaper": _newspaper,
    "paper_crumpled": _crumpled,
    "plastic_bag": _bag,
    "plastic_film": _film,
    "snack_wrapper": _wrapper,
    "textile": _textile,
    "cable": _cable,
    "leaflet": _leaflet,
}
