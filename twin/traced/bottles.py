"""Thick-walled gas containers: bottles of 5 to 13 kg, nitrous oxide, fire extinguishers."""

import numpy as np

from twin.drawn.cylinders import bottle_art
from twin.drawn.labels import BLACK, BRASS, STEEL, WHITE, Print, any_colour, brand, ink_on, tint
from twin.drawn.shading import Colour
from twin.traced.bodies import (
    Body,
    Part,
    Points,
    Skin,
    block,
    circle,
    loft,
    tube,
    turn_about,
    turned_body,
)
from twin.traced.damage import dent
from twin.traced.gas import hollow_base, random_wear, ring

BOTTLES_MM = ((300.0, 190.0), (400.0, 230.0), (455.0, 250.0), (490.0, 300.0), (600.0, 310.0))
"""Height and diameter of bottles of 2, 5, 6, 11 and 13 kg."""


def _arc(radius: float, x: float, height: float, gap_deg: float, skin: Skin) -> Part:
    """A sheet-metal collar around the valve, open over `gap_deg`, wall 4 mm thick."""
    turns = np.radians(np.linspace(gap_deg / 2 - 180, 180 - gap_deg / 2, 40))
    rows = (
        (x, radius),
        (x + height - 3, radius * 0.99),
        (x + height, radius * 0.975),
        (x + height - 1, radius * 0.95),
        (x, radius * 0.96),
    )
    points = np.array([[(a, r * np.sin(t), r * np.cos(t)) for t in turns] for a, r in rows])
    uv = np.zeros((*points.shape[:2], 2), np.float32)
    return Part(points.astype(np.float32), uv, skin)


def _valve(x: float, height: float, rng: np.random.Generator) -> list[Part]:
    """A brass valve: stem, outlet to one side, hand wheel or a plastic guard."""
    brass = Skin(BRASS, metal=1.0, rough=float(rng.uniform(0.3, 0.5)))
    stem = turned_body(
        (
            (x - 4, 17),
            (x + 8, 17),
            (x + 9, 13),
            (x + height * 0.6, 12),
            (x + height * 0.6, 8),
            (x + height * 0.85, 7),
        ),
        brass,
    )
    outlet = (
        turned_body(((0, 9), (24, 9), (24.5, 11), (34, 11), (34, 6), (28, 5), (28, 0)), brass)
        .rotate(turn_about("z", 90))
        .translated(x + height * 0.38)
    )
    parts = [stem, outlet]
    pick = rng.random()
    if pick < 0.6:
        wheel = Skin(any_colour(rng) if rng.random() < 0.6 else BLACK, rough=0.5)
        shape = (
            (x + height * 0.75, 6),
            (x + height * 0.75, 19),
            (x + height * 0.82, 22),
            (x + height * 0.95, 21),
            (x + height, 17),
            (x + height, 0),
        )
        knob = turned_body(shape, wheel)
        turn = np.arctan2(knob.points[..., 1], knob.points[..., 2])
        knob.points[..., 1:] *= (1 + 0.05 * np.cos(8 * turn))[..., None].astype(np.float32)
        parts.append(knob)
    elif pick < 0.8:
        parts.append(
            turned_body(
                ((x + height * 0.3, 24), (x + height * 0.9, 22), (x + height, 18), (x + height, 0)),
                Skin(any_colour(rng), rough=0.45),
            )
        )
    return parts


def bottle(rng: np.random.Generator) -> Body:
    """A steel bottle of 2 to 13 kg: circumferential weld, foot ring, collar, brass valve."""
    high, across = BOTTLES_MM[rng.choice(5, p=(0.12, 0.26, 0.26, 0.12, 0.24))]
    length, radius = high * rng.uniform(0.96, 1.04), across / 2 * rng.uniform(0.97, 1.03)
    half = length / 2
    collar_high, foot_high = 0.17 * length, 0.07 * length
    start, end = -half + foot_high * 0.5, half - collar_high * 0.92
    cap = radius * 0.5
    art = bottle_art(end - start, radius, 2.0, rng)
    paint = tuple(float(v) / 255 for v in art.art[2, 2, :3])
    colour: Colour = (paint[0], paint[1], paint[2])
    rough = float(rng.uniform(0.3, 0.6))
    coat = Skin(art, rough=rough, steel=True, grain_mm=0.5, grain_size_mm=14)
    plain = Skin(colour, rough=rough, steel=True, grain_mm=0.3, grain_size_mm=9)
    turns = np.linspace(0.04, np.pi / 2, 12)
    lower = [(start + cap - cap * np.cos(t), radius * np.sin(t)) for t in turns]
    upper = [(end - cap + cap * np.cos(t), radius * np.sin(t)) for t in turns[::-1]]
    middle = (start + end) / 2
    weld = [(middle + k * 2.0, radius + 1.6 * np.exp(-(k * k) / 2)) for k in range(-3, 4)]
    shell = turned_body((*lower, *weld, *upper), coat, corners=72, step_mm=18)
    foot = turned_body(
        (
            (start + cap * 0.6, radius * 0.87),
            (-half + 3, radius * 0.87),
            (-half, radius * 0.89),
            (-half, radius * 0.85),
            (start + cap * 0.5, radius * 0.84),
        ),
        plain,
        corners=64,
    )
    parts = [shell, foot]
    style = rng.random()
    if style < 0.55:
        parts.append(
            _arc(
                radius * rng.uniform(0.55, 0.7),
                end - cap * 0.35,
                half - end + cap * 0.35,
                float(rng.uniform(40, 130)),
                plain,
            )
        )
    elif style < 0.8:  # two carrying arches
        wire = radius * 0.6
        for side in (-1, 1):
            turn = np.linspace(0, np.pi, 16)
            path = np.stack(
                (
                    end - cap * 0.3 + (half - end + cap * 0.2) * np.sin(turn),
                    wire * np.cos(turn),
                    np.full(16, side * wire * 0.6),
                ),
                1,
            )
            parts.append(tube(path.astype(np.float32), 6, plain))
    elif style < 0.9:  # a moulded plastic collar
        parts.append(
            _arc(
                radius * 0.75,
                end - cap * 0.5,
                half - end + cap * 0.5,
                60,
                Skin(any_colour(rng), rough=0.5),
            )
        )
    parts += _valve(end - 3, (half - end) * 0.95, rng)
    wear = random_wear(rng, rusty=0.65)
    wear.dirt = max(wear.dirt, 0.2)
    body = Body("gas_bottle", parts, wear, upright_share=0.5)
    return dent(body, int(rng.choice((0, 1, 2, 4))), 8, rng)


def _cylinder_art(length: float, radius: float, rng: np.random.Generator) -> tuple[Print, Colour]:
    """The print of a nitrous-oxide cylinder: bright colours, a large name along or across."""
    paint: Colour = any_colour(rng) if rng.random() < 0.75 else STEEL
    metal = float(rng.choice((0.0, 0.0, 0.7)))
    around = 2 * np.pi * radius
    art = Print(length, around, 3.0, paint, metal)
    if rng.random() < 0.5:
        at = rng.uniform(0.05, 0.6) * length
        art.rect(at, 0, at + rng.uniform(0.1, 0.4) * length, around, any_colour(rng), metal)
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(4, 20))):
            art.disc(
                rng.uniform(0, length), rng.uniform(0, around), rng.uniform(4, 26), any_colour(rng)
            )
    words = ("CREAM CHARGER", "N2O 640g", "XXL 2KG", "MAX", "TURBO", "N2O", "615g E942")
    for k in range(2):
        y, ink = k * around / 2, ink_on(paint, rng)
        if rng.random() < 0.6:
            art.text(
                brand(rng),
                (length * 0.12, y + around * 0.04, length * 0.75, y + around * 0.25),
                ink,
                rng,
            )
        else:
            art.text(
                brand(rng),
                (length * 0.4, y + 3, length * 0.62, y + around * 0.4),
                ink,
                rng,
                turned=True,
            )
        art.text(
            str(rng.choice(words)),
            (length * 0.3, y + around * 0.27, length * 0.65, y + around * 0.36),
            ink,
            rng,
        )
        art.small_print(
            (length * 0.1, y + around * 0.38, length * 0.45, y + around * 0.48), ink, rng
        )
    return art, paint


def nitrous(rng: np.random.Generator) -> Body:
    """A large cream charger: a seamless cylinder, long shoulder, brass or plastic head."""
    length, radius = 480 * rng.uniform(0.68, 1.1), 41 * rng.uniform(0.88, 1.08)
    half, neck, shoulder = length / 2, 26.0, radius * rng.uniform(1.0, 1.5)
    body_to = half - neck - shoulder
    art, paint = _cylinder_art(length - neck, radius, rng)
    skin = Skin(art, rough=float(rng.uniform(0.12, 0.4)), steel=True)
    bulge = [
        (body_to + shoulder * t, 11 + (radius - 11) * np.cos(t * np.pi / 2) ** 1.1)
        for t in np.linspace(0, 1, 12)
    ]
    plain = Skin(paint, rough=0.3, metal=0.2, steel=True)
    parts = [
        hollow_base(-half, radius * 0.97, plain, 9),
        turned_body(
            ((-half + 2.5, radius * 0.97), (-half + 8, radius), (body_to, radius), *bulge),
            skin,
            step_mm=14,
        ),
    ]
    brass = Skin(BRASS if rng.random() < 0.75 else STEEL, metal=1.0, rough=0.3)
    end = half - neck
    if rng.random() < 0.25:
        cap = Skin(BLACK if rng.random() < 0.5 else any_colour(rng), rough=0.4)
        parts.append(turned_body(((end - 4, 17), (half - 2, 16), (half, 13), (half, 0)), cap))
    else:
        thread = [(end + 7 + 0.8 * k, 8.6 + 0.7 * (k % 2)) for k in range(18)]
        parts.append(
            turned_body(
                (
                    (end - 1, 14),
                    (end + 5, 13.5),
                    (end + 6, 10),
                    *thread,
                    (half, 8),
                    (half, 4),
                    (half - 5, 3),
                    (half - 5, 0),
                ),
                brass,
            )
        )
    body = Body("nitrous_cylinder", parts, random_wear(rng, rusty=0.15))
    return dent(body, int(rng.choice((0, 0, 1, 3))), 5, rng)


def _hose(path: list[tuple[float, float, float]], radius: float, skin: Skin) -> Part:
    corners = np.array(path, np.float64)
    at = np.linspace(0, len(path) - 1, 50)
    line = np.stack([np.interp(at, np.arange(len(path)), corners[:, k]) for k in range(3)], 1)
    kernel = np.hanning(13) / np.hanning(13).sum()
    padded = np.pad(line, ((6, 6), (0, 0)), mode="edge")
    smooth: Points = np.stack(
        [np.convolve(padded[:, k], kernel, mode="valid") for k in range(3)], 1
    ).astype(np.float32)
    return tube(smooth, radius, skin)


def extinguisher(rng: np.random.Generator) -> Body:
    """A red extinguisher of 1 to 9 kg: head with two levers, gauge, hose along its side."""
    grow = rng.uniform(0.7, 1.2)
    length, radius = 470 * grow, 65 * grow * rng.uniform(0.9, 1.15)
    half, head = length / 2, 85.0
    end = half - head
    red = tint(rng.uniform(-0.015, 0.02), rng.uniform(0.8, 0.95), rng.uniform(0.5, 0.85))
    around = 2 * np.pi * radius
    art = Print(end + half, around, 2.5, red)
    for k in range(2 if rng.random() < 0.3 else 1):
        y = k * around / 2 + around * 0.1
        tall = length * rng.uniform(0.35, 0.5)
        art.rect(length * 0.12, y, length * 0.12 + tall, y + around * 0.34, WHITE)
        word = str(rng.choice(("EXTINCTEUR", "FIRE", "POUDRE ABC", "CO2", "EAU + ADDITIF", "6 kg")))
        art.rect(
            length * 0.12 + tall * 0.8, y, length * 0.12 + tall, y + around * 0.34, any_colour(rng)
        )
        art.text(
            word,
            (length * 0.12 + tall * 0.62, y + 4, length * 0.12 + tall * 0.78, y + around * 0.32),
            red,
            rng,
            turned=True,
        )
        art.small_print(
            (length * 0.14, y + 5, length * 0.12 + tall * 0.55, y + around * 0.32), BLACK, rng
        )
    coat = Skin(art, rough=float(rng.uniform(0.12, 0.35)), steel=True)
    plain = Skin(red, rough=0.25, steel=True)
    turns = np.linspace(0, np.pi / 2, 10)
    top = [
        (end - radius * 0.7 + radius * 0.75 * np.sin(t), 16 + (radius - 16) * np.cos(t))
        for t in turns
    ]
    parts = [
        hollow_base(-half, radius * 0.95, plain, 14),
        turned_body(
            ((-half + 3, radius * 0.94), (-half + 6, radius * 0.99), (-half + 12, radius), *top),
            coat,
            step_mm=14,
        ),
    ]
    if rng.random() < 0.4:
        parts.append(
            turned_body(
                (
                    (-half - 3, radius * 0.9),
                    (-half - 4, radius * 1.03),
                    (-half + 22, radius * 1.03),
                    (-half + 24, radius),
                ),
                Skin(BLACK, rough=0.6),
            )
        )
    metal = Skin(STEEL if rng.random() < 0.6 else BRASS, metal=0.95, rough=0.35)
    grip = Skin(BLACK if rng.random() < 0.6 else red, rough=0.4)
    parts += [
        ring(end + 6, 17, 3, metal),
        turned_body(
            ((end, 17), (end + 14, 17), (end + 16, 13), (end + 34, 13), (end + 36, 0)), metal
        ),
        block((66, 20, 7), grip, corner=2, bevel=2)
        .rotate(turn_about("z", 100))
        .translated(end + 32, 18, 4),
        block((74, 20, 6), grip, corner=2, bevel=2)
        .rotate(turn_about("z", 75))
        .translated(end + 52, 26, 4),
        turned_body(((-4, 13), (4, 13), (5, 12), (5, 0)), Skin(WHITE, rough=0.2))
        .rotate(turn_about("y", -90))
        .translated(end + 22, 0, 20),
    ]
    if rng.random() < 0.8:
        out = rng.choice((-1.0, 1.0))
        y = -(radius + 10)
        parts.append(
            _hose(
                [
                    (end + 24, -8, 0),
                    (end + 34, y * 0.6, 4),
                    (end + 6, y * 1.05, out * 10),
                    (end - length * 0.2, y, out * 14),
                    (end - length * 0.42, y, out * 10),
                ],
                8.5,
                Skin(BLACK, rough=0.5),
            )
        )
        parts.append(
            loft(((0, 9), (10, 11), (50, 15), (52, 13)), circle(16), Skin(BLACK, rough=0.5))
            .rotate(turn_about("z", 180))
            .translated(end - length * 0.42, y, out * 10)
        )
    body = Body("fire_extinguisher", parts, random_wear(rng, rusty=0.2), upright_share=0.3)
    return dent(body, int(rng.choice((0, 0, 1, 2))), 5, rng)
