"""Batteries: round cells, 9 V block, button cell; packs come from `twin.traced.packs`."""

import numpy as np

from twin.drawn import cells as drawn
from twin.drawn.labels import (
    BLACK,
    BRASS,
    STEEL,
    WHITE,
    Print,
    any_colour,
    brand,
    ink_on,
)
from twin.drawn.shading import Colour
from twin.traced.bodies import Body, Part, Skin, block, turn_about, turned_body, upright
from twin.traced.damage import dent
from twin.traced.gas import random_wear

ART_PX_PER_MM = 8.0


def _cap_steel(rng: np.random.Generator) -> Skin:
    tone: Colour = STEEL if rng.random() < 0.85 else BRASS
    return Skin(tone, metal=1.0, rough=float(rng.uniform(0.15, 0.4)), steel=True)


def round_cell(kind: str, rng: np.random.Generator) -> Body:
    """A round cell: label sleeve over a can, raised positive end, grooved flat negative end."""
    length, width, _ = drawn.SIZE_MM[kind]
    length, radius = length * rng.uniform(0.985, 1.01), width / 2 * rng.uniform(0.97, 1.01)
    half = length / 2
    nub_long = 0.018 * length + 0.7
    flat_top = kind == "li_ion_18650" and rng.random() < 0.6
    nub = radius * 0.5 if flat_top else 0.19 * 2 * radius
    steel = _cap_steel(rng)
    shoulder = half - (0.4 if flat_top else nub_long)
    art = drawn.cell_label(shoulder + half - 1.0, radius, ART_PX_PER_MM, rng)
    label = Skin(art, rough=float(rng.uniform(0.1, 0.45)))
    wrap_from, wrap_to = -half + rng.uniform(0.3, 1.2), shoulder - rng.uniform(0.2, 0.9)
    minus = turned_body(
        (
            (-half, 0),
            (-half, radius * 0.62),
            (-half + 0.25, radius * 0.66),
            (-half + 0.25, radius * 0.74),
            (-half + 0.1, radius * 0.8),
            (-half + 0.7, radius * 0.96),
            (wrap_from + 0.5, radius * 0.97),
        ),
        steel,
    )
    groove: tuple[tuple[float, float], ...] = ()
    if rng.random() < 0.3:
        at = wrap_to - rng.uniform(2.5, 4)
        groove = ((at - 0.9, radius), (at, radius * 0.94), (at + 0.9, radius))
    sleeve = turned_body(
        (
            (wrap_from, radius * 0.9),
            (wrap_from + 0.05, radius * 0.995),
            (wrap_from + 0.4, radius),
            *groove,
            (wrap_to - 0.4, radius),
            (wrap_to, radius * 0.97),
            (wrap_to + 0.1, radius * 0.8),
        ),
        label,
        step_mm=3,
    )
    ring_tone = BLACK if rng.random() < 0.4 else WHITE if rng.random() < 0.5 else (0.5, 0.6, 0.2)
    insulator = turned_body(
        (
            (wrap_to, radius * 0.93),
            (shoulder + 0.1, radius * 0.86),
            (shoulder, radius * 0.55),
            (shoulder, nub),
        ),
        Skin(ring_tone, rough=0.5) if rng.random() < 0.6 else steel,
    )
    plus = turned_body(
        (
            (shoulder - 0.1, nub * 1.5),
            (shoulder, nub),
            (half - 0.35, nub),
            (half, nub * 0.85),
            (half, 0),
        ),
        steel,
    )
    parts = [minus, sleeve, insulator, plus]
    wear = random_wear(rng, rusty=0.3)
    body = Body(kind, parts, wear, upright_share=0.04)
    if rng.random() < 0.12:  # leaked: white crust over its negative end
        crust = Skin((0.86, 0.9, 0.9), rough=0.95, grain_mm=0.6, grain_size_mm=1.2)
        body.parts.append(
            turned_body(
                (
                    (-half - 0.4, 0),
                    (-half - 0.3, radius * 0.7),
                    (-half + 0.6, radius * 1.02),
                    (-half + rng.uniform(1, 5), radius * 1.015),
                    (-half + 5.2, radius * 0.9),
                ),
                crust,
            )
        )
    return dent(body, int(rng.choice((0, 0, 0, 1, 3))), width * 0.12, rng)


def wrap_print(  # noqa: PLR0917 - three sides, a scale and a colour, as in `Print`
    length: float, width: float, height: float, scale: float, base: Colour, metal: float = 0.0
) -> tuple[Print, float]:
    """Artwork that wraps a block, and the row (mm) where its top face starts."""
    return Print(length, 2 * (width + height), scale, base, metal), width / 2 + height


def nine_volt(rng: np.random.Generator) -> Body:
    """A 9 V block: printed jacket, steel ends, two snap contacts on a plastic plate."""
    length, width, height = 46.0, 26.2 * rng.uniform(0.98, 1.01), 17.2
    base = any_colour(rng)
    metal = 0.7 if rng.random() < 0.4 else 0.0
    art, top = wrap_print(length, width, height, ART_PX_PER_MM, base, metal)
    part = rng.uniform(0.2, 0.45) * length
    art.rect(0, 0, part, art.width_mm, any_colour(rng), metal)
    ink = ink_on(base, rng)
    for row in (top, top - width - height):  # both broad faces
        for shift in (0.0, art.width_mm):
            y = row + shift
            art.text(
                brand(rng), (part + 1, y + width * 0.1, length - 3, y + width * 0.55), ink, rng
            )
            art.text(
                str(rng.choice(("9V", "6F22", "6LR61"))),
                (part + 1, y + width * 0.6, length - 3, y + width * 0.9),
                ink,
                rng,
            )
    art.rect(0, 0, 1.2, art.width_mm, STEEL, 0.9)
    art.rect(length - 1.4, 0, length, art.width_mm, STEEL, 0.9)
    jacket = block(
        (length, width, height),
        Skin(art, rough=float(rng.uniform(0.15, 0.4)), steel=True),
        corner=2,
        bevel=0.8,
        step_mm=6,
    )
    steel = _cap_steel(rng)
    plate = block(
        (1.0, width * 0.94, height * 0.92),
        Skin(BLACK if rng.random() < 0.6 else steel.cover, rough=0.5),
        corner=2,
        bevel=0.3,
    ).translated(length / 2 + 0.2)
    parts = [jacket, plate]
    snap = length / 2 + 0.6
    parts.append(
        turned_body(
            ((snap, 3.0), (snap + 2.4, 2.9), (snap + 2.6, 2.5), (snap + 2.6, 0)), steel
        ).translated(0, -6.4)
    )
    parts.append(
        turned_body(
            (
                (snap, 3.3),
                (snap + 1.6, 3.6),
                (snap + 2.6, 4.3),
                (snap + 2.6, 3.5),
                (snap + 1, 2.6),
                (snap + 1, 0),
            ),
            steel,
        ).translated(0, 6.4)
    )
    body = Body("nine_volt", parts, random_wear(rng, rusty=0.25), upright_share=0.05)
    return dent(body, int(rng.choice((0, 0, 1, 2))), 2.0, rng)


def button(rng: np.random.Generator) -> Body:
    """A button or coin cell, its positive side or its smaller negative side up."""
    across, thick = ((20.0, 3.2), (24.5, 3.0), (16.0, 3.2), (11.6, 5.4), (20.0, 2.5))[
        rng.integers(0, 5)
    ]
    radius, half = across / 2, thick / 2
    steel = Skin(
        STEEL,
        metal=1.0,
        rough=float(rng.uniform(0.16, 0.36)),
        steel=True,
        grain_mm=0.02,
        grain_size_mm=0.7,
    )
    art = Print(across, across, 12, STEEL, 1.0)
    dark: Colour = (0.38, 0.39, 0.41)
    name = str(rng.choice(("CR2032", "CR2025", "LR44", "CR2450", "SR621")))
    art.text("+", (across * 0.36, across * 0.1, across * 0.64, across * 0.36), dark, rng)
    art.text(name, (across * 0.14, across * 0.42, across * 0.86, across * 0.62), dark, rng)
    art.text(brand(rng), (across * 0.28, across * 0.66, across * 0.72, across * 0.8), dark, rng)
    lip = rng.uniform(0.8, 0.9)
    can = upright(
        turned_body(
            (
                (-half, 0),
                (-half, radius * lip),
                (-half + 0.35, radius * (lip + 0.03)),
                (-half + 0.4, radius * 0.95),
                (-half + 0.6, radius),
                (half - 0.4, radius),
                (half, radius * 0.97),
                (half, radius * 0.94),
            ),
            steel,
            corners=64,
        )
    )
    top = disc(radius * 0.945, half, Skin(art, rough=steel.rough, steel=True))
    body = Body("button_cell", [can, top], random_wear(rng, rusty=0.3))
    if rng.random() < 0.4:
        body.rotate(turn_about("x", 180))
    return body


def disc(radius: float, z: float, skin: Skin, rings: int = 4) -> Part:
    """A flat disc at height z, its artwork seen from above."""
    turns = np.linspace(0, 2 * np.pi, 49)
    reach = np.linspace(0.01, radius, rings)[::-1]
    points = np.array(
        [[(r * np.cos(t), r * np.sin(t), z) for t in turns] for r in reach], np.float32
    )
    uv = points[..., :2] / (2 * radius) + 0.5
    return Part(points, uv.astype(np.float32), skin)
