"""Harmless look-alikes of hazards, in three dimensions."""

from collections.abc import Callable

import numpy as np

from twin.drawn import lookalikes as drawn
from twin.drawn.labels import (
    BLACK,
    BRASS,
    COPPER,
    STEEL,
    WHITE,
    Print,
    any_colour,
    brand,
    ink_on,
    tint,
)
from twin.drawn.shading import Colour
from twin.traced.bodies import (
    Body,
    Part,
    Skin,
    block,
    circle,
    loft,
    turn_about,
    turned_body,
    upright,
)
from twin.traced.gas import random_wear

SCALE = 5.0


def _size(kind: str, rng: np.random.Generator) -> tuple[float, float, float]:
    length, width, height = drawn.SIZE_MM[kind]
    grow = rng.uniform(0.88, 1.12)
    return length * rng.uniform(0.85, 1.15), width * grow, height * grow


def _named(art: Print, span: tuple[float, float], base: Colour, rng: np.random.Generator) -> None:
    around = art.width_mm
    for k in range(2):
        y = k * around / 2
        ink = ink_on(base, rng)
        if rng.random() < 0.4:
            art.rect(span[0], y + around * 0.06, span[1], y + around * 0.34, any_colour(rng))
        art.text(brand(rng), (span[0], y + around * 0.1, span[1], y + around * 0.3), ink, rng)
        art.small_print((span[0], y + around * 0.36, span[1], y + around * 0.46), ink, rng)


def _stick(kind: str, cap_share: float, oval: float, rng: np.random.Generator) -> Body:
    length, width, _ = _size(kind, rng)
    half, radius = length / 2, width / 2
    base, cap = any_colour(rng), any_colour(rng)
    joint = half - cap_share * length
    art = Print(joint + half, 2 * np.pi * radius, SCALE, base)
    _named(art, (length * 0.06, (joint + half) * 0.94), base, rng)
    outline = circle() * np.array((1, oval), np.float32)
    rough = float(rng.uniform(0.2, 0.5))
    case = loft(
        (
            (-half + 1.5, 0.01),
            (-half, radius * 0.8),
            (-half, radius * 0.92),
            (-half + 1.5, radius),
            (joint - 0.8, radius),
            (joint - 0.5, radius * 0.93),
        ),
        outline,
        Skin(art, rough=rough),
        step_mm=5,
    )
    lid = loft(
        (
            (joint - 0.5, radius * 0.93),
            (joint, radius * 0.99),
            (half - 4, radius * 0.97),
            (half - 1, radius * 0.9),
            (half, radius * 0.75),
            (half, 0.01),
        ),
        outline,
        Skin(cap, rough=rough),
    )
    return Body(kind, [case, lid], random_wear(rng), upright_share=0.06)


def deodorant(rng: np.random.Generator) -> Body:
    return _stick("deodorant_stick", rng.uniform(0.25, 0.4), rng.uniform(0.65, 1.0), rng)


def glue(rng: np.random.Generator) -> Body:
    return _stick("glue_stick", rng.uniform(0.2, 0.4), 1.0, rng)


def marker(rng: np.random.Generator) -> Body:
    """A felt-tip or highlighter, its cap in the ink's colour."""
    length, width, _ = _size("marker", rng)
    half, radius = length / 2, width / 2
    ink = any_colour(rng)
    base: Colour = ink if rng.random() < 0.4 else WHITE if rng.random() < 0.6 else STEEL
    joint = half - rng.uniform(0.3, 0.42) * length
    art = Print(joint + half, 2 * np.pi * radius, 6.0, base, 0.8 if base == STEEL else 0.0)
    _named(art, (length * 0.06, (joint + half) * 0.9), base, rng)
    barrel = turned_body(((-half + 4, radius * 0.88), (joint, radius * 0.88)), Skin(art, rough=0.3))
    coloured = Skin(ink, rough=0.35)
    end = turned_body(
        (
            (-half, 0),
            (-half, radius * 0.7),
            (-half + 1, radius * 0.86),
            (-half + 4, radius * 0.885),
        ),
        coloured,
    )
    cap = turned_body(
        (
            (joint - 0.5, radius * 0.88),
            (joint, radius),
            (half - 12, radius * 0.95),
            (half - 3, radius * 0.75),
            (half, radius * 0.6),
            (half, 0),
        ),
        coloured,
    )
    parts = [barrel, end, cap]
    if rng.random() < 0.5:
        parts.append(
            block((30, 3, 1.5), coloured, corner=0.5, bevel=0.5).translated(
                half - 22, 0, radius + 1.2
            )
        )
    return Body("marker", parts, random_wear(rng))


def torch(rng: np.random.Generator) -> Body:
    """A torch: knurled shaft, wider head with a lens, a rubber button."""
    length, width, _ = _size("torch", rng)
    half, radius = length / 2, width / 2
    tone = BLACK if rng.random() < 0.55 else any_colour(rng)
    shaft = radius * rng.uniform(0.6, 0.85)
    skin = Skin(tone, metal=0.5 if rng.random() < 0.5 else 0.0, rough=float(rng.uniform(0.25, 0.5)))
    knurl = [
        (-length * 0.3 + 1.2 * k, shaft * (1.0 - 0.04 * (k % 2)))
        for k in range(int(length * 0.35 / 1.2))
    ]
    tail = turned_body(
        (
            (-half, 0),
            (-half, shaft * 0.8),
            (-half + 2, shaft),
            *knurl,
            (half - length * 0.32, shaft),
        ),
        skin,
    )
    head = turned_body(
        (
            (half - length * 0.32, shaft),
            (half - length * 0.22, radius * 0.97),
            (half - 6, radius),
            (half - 6, radius * 1.02),
            (half - 2, radius * 1.02),
            (half, radius * 0.95),
        ),
        skin,
    )
    lens = turned_body(
        ((half, radius * 0.95), (half - 1, radius * 0.9), (half - 1.2, 0)),
        Skin((0.85, 0.85, 0.85), rough=0.05, clear=0.5),
    )
    mirror = turned_body(
        ((half - 1.5, radius * 0.9), (half - 16, radius * 0.2), (half - 16, 0)),
        Skin(STEEL, metal=1.0, rough=0.1),
    )
    button = upright(
        turned_body(((0, 6), (2.5, 5), (3.2, 3), (3.2, 0)), Skin(any_colour(rng), rough=0.6))
    ).translated(length * 0.13, 0, shaft - 0.8)
    return Body("torch", [tail, head, lens, mirror, button], random_wear(rng))


def lighter(rng: np.random.Generator) -> Body:
    """A disposable lighter: clear or opaque oval body, steel shield, wheel and lever."""
    length, width, height = _size("lighter", rng)
    tone = any_colour(rng)
    body = length * 0.78
    clear = 0.45 if rng.random() < 0.5 else 0.0
    art: Print | Colour = tone
    if not clear and rng.random() < 0.6:
        art = Print(body, 2 * (width + height) * 0.85, SCALE, tone)
        _named(art, (body * 0.1, body * 0.9), tone, rng)
    x = -(length - body) / 2
    case = loft(
        (
            (-body / 2 + x, 0.01),
            (-body / 2 + x, 0.93),
            (-body / 2 + x + 1.5, 1),
            (body / 2 + x - 0.3, 1),
            (body / 2 + x, 0.97),
            (body / 2 + x, 0.01),
        ),
        circle(32) * np.array((width / 2, height / 2), np.float32),
        Skin(art, rough=0.12, clear=clear),
    )
    steel = Skin(STEEL, metal=1.0, rough=0.25, steel=True)
    head = block((length * 0.17, width * 0.9, height * 0.9), steel, corner=3, bevel=0.6).translated(
        length / 2 - length * 0.14
    )
    wheel = (
        turned_body(
            ((-1.5, 0), (-1.5, 3.5), (1.5, 3.5), (1.5, 0)),
            Skin((0.3, 0.3, 0.3), metal=0.9, rough=0.5),
        )
        .rotate(turn_about("z", 90))
        .translated(length / 2 - 4.5, -width * 0.12)
    )
    lever = block(
        (7, width * 0.4, height * 0.7), Skin(any_colour(rng), rough=0.35), corner=1.5, bevel=1.2
    ).translated(length / 2 - 5, width * 0.24)
    return Body("lighter", [case, head, wheel, lever], random_wear(rng))


def remote(rng: np.random.Generator) -> Body:
    """A remote control: slim, rounded, three to four columns of keys."""
    length, width, height = _size("remote_control", rng)
    grey = float(rng.choice((0.05, 0.08, 0.15, 0.6, 0.8)))
    base: Colour = (grey, grey, grey * rng.uniform(0.95, 1.1))
    shell = block(
        (length, width, height),
        Skin(base, rough=float(rng.uniform(0.3, 0.55))),
        corner=min(height * 0.4, 7),
        bevel=5,
    )
    parts = [shell]
    rows, columns = int(rng.integers(7, 13)), int(rng.integers(3, 5))
    key: Colour = (0.3, 0.3, 0.3) if grey < 0.5 else (0.2, 0.2, 0.22)
    pitch_x, pitch_y = length * 0.8 / rows, width * 0.76 / columns
    rubber = Skin(key, rough=0.6)
    for row in range(rows):
        if rng.random() < 0.1:
            continue
        for column in range(columns):
            skin = Skin(tint(rng.random(), 0.85, 0.7), rough=0.5) if rng.random() < 0.08 else rubber
            x, y = -length * 0.42 + pitch_x * (row + 0.5), (column - (columns - 1) / 2) * pitch_y
            parts.append(
                block(
                    (pitch_x * 0.6, pitch_y * 0.62, 2.4),
                    skin,
                    corner=0.9,
                    bevel=min(1.5, pitch_x * 0.25),
                ).translated(x, y, height / 2 + 0.2)
            )
    if rng.random() < 0.5:
        art = Print(length * 0.1, width * 0.5, 6, base)
        art.text(
            brand(rng),
            (0.5, 1, length * 0.1 - 0.5, width * 0.5 - 1),
            WHITE if grey < 0.5 else BLACK,
            rng,
            turned=True,
        )
        parts.append(
            _plate(length * 0.1, width * 0.5, Skin(art, rough=0.4)).translated(
                length * 0.43, 0, height / 2 + 0.06
            )
        )
    body = Body("remote_control", parts, random_wear(rng))
    if rng.random() < 0.2:
        body.rotate(turn_about("x", 180))
    return body


def _plate(length: float, width: float, skin: Skin) -> Part:
    """A flat sticker that faces up."""
    x, y = np.meshgrid((-length / 2, length / 2), (-width / 2, width / 2), indexing="ij")
    points = np.stack((x, y, np.zeros_like(x)), 2).astype(np.float32)
    uv = np.stack(np.meshgrid((0.0, 1.0), (0.0, 1.0), indexing="ij"), 2).astype(np.float32)
    return Part(points, uv, skin)


def pipe(rng: np.random.Generator) -> Body:
    """A piece of pipe: copper, steel, brass or plastic, open ends, often with a socket."""
    length, width, _ = _size("pipe", rng)
    length, half = length * rng.uniform(0.4, 1.1), 0.0
    half, radius = length / 2, width / 2 * rng.uniform(0.5, 1.1)
    tone, metal = (
        (COPPER, 0.95),
        (STEEL, 0.95),
        (BRASS, 0.95),
        (any_colour(rng), 0.0),
        ((0.55, 0.57, 0.58), 0.0),
        ((0.08, 0.08, 0.08), 0.0),
        ((0.25, 0.4, 0.75), 0.0),
    )[rng.integers(0, 7)]
    wall = max(1.5, radius * 0.12)
    socket = rng.random() < 0.5
    end = radius if not socket else radius * 1.14
    shape = [
        (half - 30, radius - wall),
        (-half, radius - wall),
        (-half, radius),
        (half - 42, radius),
    ]
    shape += [
        (half - 40, end),
        (half, end),
        (half, end - wall),
        (half - 38, radius - wall),
        (-half + 1, radius - wall),
    ]
    skin = Skin(tone, metal=metal, rough=float(rng.uniform(0.25, 0.5)), steel=metal > 0)
    return Body("pipe", [turned_body(shape[1:], skin)], random_wear(rng, rusty=0.4))


def spray(rng: np.random.Generator) -> Body:
    """A trigger spray: flat bottle, neck, pistol head."""
    length, width, height = _size("spray_bottle", rng)
    tone, head_tone = any_colour(rng), any_colour(rng)
    body = length * 0.66
    x = -length / 2 + body / 2
    clear = 0.55 if rng.random() < 0.4 else 0.0
    outline = circle(40) * np.array((width / 2, height / 2), np.float32)
    art: Print | Colour = tone
    if not clear:
        art = Print(body, np.pi * (width + height) / 2, 3.0, tone)
        _named(art, (body * 0.12, body * 0.62), tone, rng)
    case = loft(
        (
            (x - body / 2 + 4, 0.01),
            (x - body / 2, 0.85),
            (x - body / 2 + 1, 0.94),
            (x - body / 2 + 6, 1),
            (x + body * 0.18, 1),
            (x + body * 0.3, 0.86),
            (x + body * 0.42, 0.5),
            (x + body / 2, 0.34),
        ),
        outline,
        Skin(art, rough=0.3, clear=clear),
        step_mm=8,
    )
    parts = [case]
    if clear:
        label = Print(body * 0.4, np.pi * (width + height) / 2, 3.0, any_colour(rng))
        _named(label, (3, body * 0.38), tone, rng)
        parts.append(
            loft(
                ((x - body * 0.36, 1.008), (x + body * 0.06, 1.008)),
                outline,
                Skin(label, rough=0.35),
            )
        )
    plastic = Skin(head_tone, rough=0.4)
    neck = x + body / 2
    parts.append(
        turned_body(
            ((neck - 4, 13), (neck, 15), (neck + 16, 15), (neck + 18, 11), (length / 2 - 14, 11)),
            plastic,
        )
    )
    parts.append(
        block((26, 62, 20), plastic, corner=5, bevel=5).translated(length / 2 - 16, width * 0.1)
    )
    parts.append(
        block((10, 12, 14), Skin(any_colour(rng), rough=0.4), corner=3, bevel=2).translated(
            length / 2 - 16, width * 0.1 + 34
        )
    )
    parts.append(
        block((38, 7, 13), plastic, corner=3, bevel=3)
        .rotate(turn_about("z", 20))
        .translated(length / 2 - 44, width * 0.1 + 18)
    )
    return Body("spray_bottle", parts, random_wear(rng))


MAKERS: dict[str, Callable[[np.random.Generator], Body]] = {
    "deodorant_stick": deodorant,
    "glue_stick": glue,
    "marker": marker,
    "torch": torch,
    "lighter": lighter,
    "remote_control": remote,
    "pipe": pipe,
    "spray_bottle": spray,
}
