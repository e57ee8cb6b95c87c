"""Flexible waste: paper, card, film, bags, textiles, cables."""

from collections.abc import Callable

import numpy as np

from twin.drawn import soft as drawn
from twin.drawn.labels import BLACK, WHITE, Print, any_colour, brand, ink_on, tint
from twin.drawn.noise import clouds, noise
from twin.drawn.shading import Colour
from twin.traced.bodies import Body, Part, Points, Skin, block, circle, loft, tube
from twin.traced.damage import crumple, facets, fold
from twin.traced.gas import random_wear


def _size(kind: str, rng: np.random.Generator) -> tuple[float, float]:
    length, width, _ = drawn.SIZE_MM[kind]
    grow = rng.uniform(0.6, 1.25)
    length, width = length * grow * rng.uniform(0.85, 1.15), width * grow * rng.uniform(0.85, 1.15)
    return max(length, width), min(length, width)


def sheet(
    size_mm: tuple[float, float],
    skin: Skin,
    rng: np.random.Generator,
    *,
    folds: int,
    depth_mm: float,
    torn: float = 0.05,
    waves_mm: float = 0.0,
) -> Part:
    """A sheet at z = 0: creases `depth_mm` high, edges torn by a share of its size."""
    length, width = size_mm
    cell = max(2.0, min(length, width) / 90)
    shape = (max(6, int(length / cell)), max(6, int(width / cell)))
    u, v = (np.linspace(0, 1, n, dtype=np.float32) for n in shape)
    uv = np.stack(np.meshgrid(u, v, indexing="ij"), 2)
    place = (uv - 0.5) * np.array((length, width), np.float32)
    rim = np.abs(uv - 0.5) * 2
    for axis in (0, 1):  # edges vary, the middle stays
        pull = torn * (clouds((shape[0], shape[1]), max(shape) / 4, rng, 4) * 1.4 - 0.2)
        place[..., axis] *= 1 - np.clip(pull, 0, 1) * rim[..., axis] ** 2
    points = np.dstack((place, np.zeros(shape, np.float32)))
    flat = points.reshape(-1, 3)
    rise = facets(flat, folds, rng).reshape(shape)
    rise = rise - rise.min()
    points[..., 2] = rise * np.float32(depth_mm * 0.7)
    if waves_mm:
        points[..., 2] += np.float32(waves_mm) * clouds((shape[0], shape[1]), 70 / cell, rng, 3)
        points[..., 2] += np.float32(waves_mm * 0.3) * noise((shape[0], shape[1]), 18 / cell, rng)
    for axis in (0, 1):  # raised areas shrink inwards
        points[..., axis] += (facets(flat, folds, rng).reshape(shape) * depth_mm * 0.25).astype(
            np.float32
        )
    return Part(points.astype(np.float32), uv, skin)


def lump(
    size_mm: tuple[float, float, float], skin: Skin, rng: np.random.Generator, rough: float
) -> Part:
    """A closed lump such as a balled sheet or a filled bag; `rough`: how ragged it is."""
    length, width, height = size_mm
    turns = np.linspace(0, np.pi, 70)
    part = loft(
        [(-np.cos(t) * length / 2, max(float(np.sin(t)), 0.004)) for t in turns],
        circle(96) * np.array((width / 2, height / 2), np.float32),
        skin,
    )
    swell = 1 + rough * (_closed_noise(part.points, rng) - 0.5)
    part.points = (part.points * swell[..., None]).astype(np.float32)
    return part


def _closed_noise(points: Points, rng: np.random.Generator) -> Points:
    """Smooth noise about 0..1 over a closed body: spatial waves leave no visible joint."""
    size = float(np.ptp(points.reshape(-1, 3), axis=0).max())
    total = np.zeros(points.shape[:2], np.float32)
    for _ in range(9):
        direction = rng.normal(0, 1, 3) * rng.uniform(2, 9) / size
        total += np.sin(points @ direction + rng.uniform(0, 6)).astype(np.float32)
    return (total / 9 + 0.5).astype(np.float32)


def cardboard(rng: np.random.Generator) -> Body:
    length, width = _size("cardboard_sheet", rng)
    paper = tint(rng.uniform(0.08, 0.1), rng.uniform(0.28, 0.42), rng.uniform(0.48, 0.72))
    art = Print(length, width, 2.0, paper)
    if rng.random() < 0.5:
        ink = tint(0.08, 0.5, 0.25)
        art.text(brand(rng), (length * 0.2, width * 0.3, length * 0.8, width * 0.6), ink, rng)
    for at in rng.uniform(0.15, 0.85, int(rng.integers(0, 3))):
        art.rect(length * at, 0, length * at + 1.2, width, tint(0.08, 0.45, 0.35))
    card = Skin(art, rough=0.85, grain_mm=0.25, grain_size_mm=5)
    part = sheet(
        (length, width),
        card,
        rng,
        folds=int(rng.integers(2, 6)),
        depth_mm=float(rng.uniform(3, 18)),
        torn=0.12,
    )
    return fold(
        Body("cardboard_sheet", [part], random_wear(rng, rusty=0)),
        120,
        40,
        float(rng.uniform(0.02, 0.2)),
        rng,
    )


def newspaper(rng: np.random.Generator) -> Body:
    length, width = _size("newspaper", rng)
    paper = tint(0.12, rng.uniform(0.03, 0.14), rng.uniform(0.68, 0.84))
    art = Print(length, width, 3.0, paper)
    drawn.columns(art, length, width, rng)
    part = sheet(
        (length, width),
        Skin(art, rough=0.9),
        rng,
        folds=int(rng.integers(4, 14)),
        depth_mm=float(rng.uniform(4, 24)),
        torn=0.1,
    )
    return fold(
        Body("newspaper", [part], random_wear(rng, rusty=0), drapes=True),
        90,
        12,
        float(rng.uniform(0.2, 0.8)),
        rng,
    )


def leaflet(rng: np.random.Generator) -> Body:
    length, width = _size("leaflet", rng)
    base = any_colour(rng)
    art = Print(length, width, 4.0, base)
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
    part = sheet(
        (length, width),
        Skin(art, rough=0.35),
        rng,
        folds=int(rng.integers(3, 10)),
        depth_mm=float(rng.uniform(3, 20)),
        torn=0.03,
    )
    return fold(
        Body("leaflet", [part], random_wear(rng, rusty=0), drapes=True),
        90,
        16,
        float(rng.uniform(0.05, 0.6)),
        rng,
    )


def crumpled(rng: np.random.Generator) -> Body:
    """A balled sheet of paper."""
    length, width = _size("paper_crumpled", rng)
    cover: Print | Colour = WHITE if rng.random() < 0.5 else any_colour(rng)
    if rng.random() < 0.4:
        cover = Print(length * 1.6, width * 2.4, 3.0, tint(0.12, 0.08, 0.78))
        drawn.columns(cover, length * 1.6, width * 2.4, rng)
    part = lump((length, width, width * rng.uniform(0.35, 0.7)), Skin(cover, rough=0.85), rng, 0.5)
    body = Body("paper_crumpled", [part], random_wear(rng, rusty=0))
    return fold(body, 60, 8, float(rng.uniform(0.8, 1.3)), rng)


def film_skin(rng: np.random.Generator) -> Skin:
    """Polythene as used for bags and film: clear, milky, white, black, coloured."""
    pick = rng.random()
    rough = float(rng.uniform(0.15, 0.4))
    if pick < 0.35:
        return Skin((0.82, 0.82, 0.8), rough=rough, clear=float(rng.uniform(0.55, 0.85)))
    if pick < 0.55:
        return Skin(WHITE, rough=rough, clear=float(rng.uniform(0.02, 0.3)))
    if pick < 0.7:
        return Skin((0.03, 0.03, 0.03), rough=rough)
    return Skin(any_colour(rng), rough=rough, clear=float(rng.uniform(0.0, 0.4)))


def _named(skin: Skin, length: float, width: float, rng: np.random.Generator) -> Skin:
    """The same film with a printed name."""
    assert not isinstance(skin.cover, Print)
    art = Print(length, width, 2.0, skin.cover)
    ink = ink_on(skin.cover, rng)
    for k in range(2):
        y = k * width / 2
        art.text(
            brand(rng), (length * 0.25, y + width * 0.12, length * 0.75, y + width * 0.36), ink, rng
        )
    skin.cover = art
    return skin


def bag(rng: np.random.Generator) -> Body:
    """A carrier or bin bag, flat or filled."""
    length, width = _size("plastic_bag", rng)
    skin = film_skin(rng)
    if skin.clear < 0.4 and rng.random() < 0.5:
        skin = _named(skin, length, width * 2, rng)
    if rng.random() < 0.5:
        part = sheet(
            (length, width),
            skin,
            rng,
            folds=int(rng.integers(12, 26)),
            depth_mm=float(rng.uniform(20, 60)),
            torn=0.35,
            waves_mm=16,
        )
        body = Body("plastic_bag", [part], random_wear(rng, rusty=0), drapes=True)
        return fold(body, 110, 9, float(rng.uniform(0.3, 0.6)), rng)
    part = lump((length, width, width * rng.uniform(0.2, 0.5)), skin, rng, 0.7)
    body = Body("plastic_bag", [part], random_wear(rng, rusty=0))
    return fold(
        crumple(body, 20, float(rng.uniform(10, 30)), rng), 90, 9, float(rng.uniform(0.4, 0.8)), rng
    )


def film(rng: np.random.Generator) -> Body:
    size = _size("plastic_film", rng)
    skin = film_skin(rng)
    skin.clear = max(skin.clear, 0.4)
    part = sheet(
        size,
        skin,
        rng,
        folds=int(rng.integers(8, 18)),
        depth_mm=float(rng.uniform(10, 34)),
        torn=0.45,
        waves_mm=10,
    )
    return fold(
        Body("plastic_film", [part], random_wear(rng, rusty=0), drapes=True),
        110,
        9,
        float(rng.uniform(0.3, 0.6)),
        rng,
    )


def wrapper(rng: np.random.Generator) -> Body:
    """A snack wrapper: metallised film, bright print."""
    length, width = _size("snack_wrapper", rng)
    base = any_colour(rng)
    art = Print(length, width, 4.0, base, 0.5 if rng.random() < 0.6 else 0.0)
    art.disc(length * 0.5, width * 0.5, width * rng.uniform(0.25, 0.45), any_colour(rng))
    art.text(
        brand(rng), (length * 0.15, width * 0.3, length * 0.85, width * 0.6), ink_on(base, rng), rng
    )
    art.small_print((length * 0.2, width * 0.7, length * 0.8, width * 0.9), ink_on(base, rng), rng)
    part = sheet(
        (length, width),
        Skin(art, rough=0.22),
        rng,
        folds=int(rng.integers(8, 18)),
        depth_mm=float(rng.uniform(8, 24)),
        torn=0.18,
        waves_mm=5,
    )
    return fold(
        Body("snack_wrapper", [part], random_wear(rng, rusty=0), drapes=True),
        50,
        6,
        float(rng.uniform(0.3, 0.7)),
        rng,
    )


def textile(rng: np.random.Generator) -> Body:
    """A cloth or garment, dropped."""
    length, width = _size("textile", rng)
    base = tint(rng.random(), rng.uniform(0.05, 0.7), rng.uniform(0.12, 0.75))
    art = Print(length, width, 2.5, base)
    pick = rng.random()
    if pick < 0.35:
        pitch, second = rng.uniform(6, 30), any_colour(rng)
        for at in np.arange(0, width, pitch):
            art.rect(0, at, length, at + pitch * 0.45, second)
    elif pick < 0.5:
        second = any_colour(rng)
        for x, y in rng.uniform(0, 1, (60, 2)):
            art.disc(x * length, y * width, rng.uniform(2, 6), second)
    cloth = Skin(art, rough=0.95, cloth=True, grain_mm=0.35, grain_size_mm=1.2)
    part = sheet(
        (length, width),
        cloth,
        rng,
        folds=5,
        depth_mm=float(rng.uniform(10, 26)),
        torn=0.5,
        waves_mm=float(rng.uniform(26, 50)),
    )
    return fold(
        Body("textile", [part], random_wear(rng, rusty=0), drapes=True),
        110,
        50,
        float(rng.uniform(0.3, 0.6)),
        rng,
    )


def cable(rng: np.random.Generator) -> Body:
    """A length of cable, often with its plug."""
    length, width = _size("cable", rng)
    thick = rng.uniform(3.5, 8.0)
    count = int(rng.integers(5, 10))
    knots = rng.uniform(-0.5, 0.5, (count, 2)) * (length - 3 * thick, width - 3 * thick)
    at = np.linspace(0, count - 1, 160)
    line = np.stack([np.interp(at, np.arange(count), knots[:, k]) for k in (0, 1)], 1)
    kernel = np.hanning(37) / np.hanning(37).sum()
    padded = np.pad(line, ((18, 18), (0, 0)), mode="edge")
    line = np.stack([np.convolve(padded[:, k], kernel, mode="valid") for k in (0, 1)], 1)
    rise = thick * (0.5 + 0.6 * noise((1, 160), 30, rng)[0])
    path = np.column_stack((line, rise)).astype(np.float32)
    tone: Colour = BLACK if rng.random() < 0.5 else WHITE if rng.random() < 0.6 else any_colour(rng)
    skin = Skin(tone, rough=0.45)
    parts = [tube(path, thick / 2, skin)]
    if rng.random() < 0.6:
        plug = block((34, 20, 16), skin, corner=4, bevel=4)
        parts.append(plug.translated(float(path[-1, 0]), float(path[-1, 1]), 8))
    return Body("cable", parts, random_wear(rng, rusty=0))


MAKERS: dict[str, Callable[[np.random.Generator], Body]] = {
    "cardboard_sheet": cardboard,
    "newspaper": newspaper,
    "leaflet": leaflet,
    "paper_crumpled": crumpled,
    "plastic_bag": bag,
    "plastic_film": film,
    "snack_wrapper": wrapper,
    "textile": textile,
    "cable": cable,
}
