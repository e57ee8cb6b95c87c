"""Rigid packages: bottles, cans, tins, boxes, cartons, jugs, trays."""

from collections.abc import Callable

import numpy as np

from twin.drawn import packaging as drawn
from twin.drawn.labels import BLACK, BRASS, STEEL, WHITE, Print, any_colour, brand, ink_on, tint
from twin.drawn.shading import Colour
from twin.drawn.sleeves import sleeve
from twin.traced.bodies import (
    Body,
    Part,
    Skin,
    block,
    loft,
    rounded_rectangle,
    turn_about,
    turned_body,
    upright,
)
from twin.traced.cells import disc
from twin.traced.damage import crumple, dent, kink, squash
from twin.traced.gas import hollow_base, random_wear, ring

SCALE = 3.0


def _size(kind: str, rng: np.random.Generator) -> tuple[float, float, float]:
    length, width, height = drawn.SIZE_MM[kind]
    grow = rng.uniform(0.75, 1.2)
    return length * grow * rng.uniform(0.92, 1.08), width * grow, height * grow


def _wrap(length: float, radius: float, rng: np.random.Generator) -> Print:
    return sleeve(length, 2 * np.pi * radius, SCALE, rng)


def clear_plastic(rng: np.random.Generator) -> Skin:
    """PET as used for bottles: clear, bluish, green, brown, white."""
    pick = rng.random()
    rough = float(rng.uniform(0.05, 0.25))
    if pick < 0.6:
        tone = tint(rng.uniform(0.5, 0.6), rng.uniform(0.0, 0.2), 0.8)
        return Skin(tone, rough=rough, clear=float(rng.uniform(0.6, 0.85)))
    if pick < 0.8:
        tone = tint(rng.uniform(0.28, 0.6), rng.uniform(0.4, 0.8), 0.55)
        return Skin(tone, rough=rough, clear=float(rng.uniform(0.35, 0.6)))
    if pick < 0.9:
        return Skin(tint(0.08, 0.7, 0.3), rough=rough, clear=0.4)
    return Skin(WHITE, rough=0.3, clear=0.05)


def pet(rng: np.random.Generator) -> Body:
    """A PET bottle with ribs, a sleeve and a cap, more or less dented."""
    length, width, _ = _size("pet_bottle", rng)
    half, radius = length / 2, width / 2
    skin = clear_plastic(rng)
    pitch, depth = rng.uniform(9, 22), rng.uniform(0.2, 1.3)
    body_from, body_to = -half + 18, length * 0.14
    count = int((body_to - body_from) / 2.5)
    ribs = [
        (x, radius - depth * (0.5 + 0.5 * np.cos(2 * np.pi * x / pitch)))
        for x in np.linspace(body_from, body_to, count)
    ]
    neck = half - 22
    shoulder = [
        (body_to + (neck - body_to) * t, 13.5 + (radius - 13.5) * np.cos(t * np.pi / 2) ** 1.3)
        for t in np.linspace(0.06, 1, 10)
    ]
    base = ((-half + 8, 0), (-half + 2, radius * 0.5), (-half, radius * 0.72))
    shape = (
        *base,
        (-half + 5, radius * 0.95),
        *ribs,
        *shoulder,
        (half - 16, 12.5),
        (half - 2, 12.5),
    )
    parts = [turned_body(shape, skin)]
    parts.append(ring(half - 18, 15, 1.2, skin))
    if rng.random() < 0.75:
        start = rng.uniform(-0.3, -0.1) * length
        end = min(start + rng.uniform(0.2, 0.36) * length, body_to)
        label = Skin(_wrap(end - start, radius, rng), rough=0.35)
        parts.append(turned_body(((start, radius + 0.4), (end, radius + 0.4)), label, step_mm=6))
    if rng.random() < 0.8:
        cap = Skin(any_colour(rng), rough=0.4)
        parts.append(
            turned_body(((half - 15, 14.8), (half - 1, 14.6), (half, 13.5), (half, 0)), cap)
        )
    body = Body("pet_bottle", parts, random_wear(rng))
    crumple(body, 8, float(rng.uniform(0, 5)), rng)
    return dent(body, int(rng.choice((0, 1, 3, 6))), 12, rng)


def crushed_pet(rng: np.random.Generator) -> Body:
    """A flattened PET bottle."""
    body = squash(pet(rng), float(rng.uniform(0.22, 0.5)), rng)
    crumple(body, int(rng.integers(8, 20)), float(rng.uniform(9, 20)), rng)
    return kink(body, float(rng.normal(0, 14)))


def _can_lid(x: float, radius: float, opened: bool, rng: np.random.Generator) -> list[Part]:
    """A drink can's end with its rim, countersink, tab and mouth, facing +x."""
    alu = Skin(STEEL, metal=1.0, rough=float(rng.uniform(0.15, 0.3)))
    plate = turned_body(
        (
            (x - 2, radius * 1.0),
            (x, radius * 0.99),
            (x, radius * 0.93),
            (x - 6, radius * 0.9),
            (x - 6, radius * 0.86),
            (x - 3, radius * 0.83),
            (x - 3, 0),
        ),
        alu,
    )
    tab = block((24, 15, 1.4), alu, corner=0.6, bevel=0.6)
    tab.rotate(turn_about("y", -90)).translated(x - 1.6, 0, -radius * 0.15)
    parts = [plate, tab]
    if opened:
        mouth = disc(1.0, 0, Skin((0.02, 0.02, 0.02), rough=0.9))
        mouth.points *= np.array((11, 8.5, 1), np.float32)
        parts.append(mouth.rotate(turn_about("y", 90)).translated(x - 2.8, 0, radius * 0.48))
    return parts


def can(rng: np.random.Generator) -> Body:
    """A drink can of 330 or 500 ml."""
    length = float(rng.choice((116.0, 116.0, 146.0, 168.0)))
    half, radius = length / 2, float(rng.choice((33.0, 33.0, 26.5, 29.0)))
    art = _wrap(length - 14, radius, rng)
    art.art[..., 3] = int(rng.choice((230, 190, 120, 30)))
    inked = Skin(art, rough=float(rng.uniform(0.18, 0.35)))
    wall = turned_body(
        (
            (-half + 6, radius * 0.92),
            (-half + 10, radius),
            (half - 16, radius),
            (half - 9, radius * 0.93),
            (half - 2, radius * 0.84),
        ),
        inked,
        step_mm=6,
    )
    alu = Skin(STEEL, metal=1.0, rough=0.25)
    base = turned_body(
        (
            (-half + 10, 0),
            (-half + 7, radius * 0.45),
            (-half, radius * 0.68),
            (-half + 0.6, radius * 0.73),
            (-half + 6, radius * 0.92),
        ),
        alu,
    )
    parts = [wall, base, *_can_lid(half, radius * 0.84, rng.random() < 0.8, rng)]
    body = Body("drink_can", parts, random_wear(rng))
    crumple(body, 6, float(rng.uniform(0, 4)), rng)
    return dent(body, int(rng.choice((0, 0, 2, 5))), 10, rng)


def crushed_can(rng: np.random.Generator) -> Body:
    body = can(rng).rotate(turn_about("x", rng.uniform(0, 360)))
    squash(body, float(rng.uniform(0.25, 0.5)), rng)
    crumple(body, int(rng.integers(7, 16)), float(rng.uniform(7, 14)), rng)
    return kink(body, float(rng.normal(0, 18)))


def tin(rng: np.random.Generator) -> Body:
    """A food tin: ribbed, with or without its label, closed or open with a bent lid."""
    length, width, _ = _size("tin_can", rng)
    half, radius = length / 2, width / 2
    steel = Skin(
        STEEL if rng.random() < 0.8 else BRASS,
        metal=1.0,
        rough=float(rng.uniform(0.2, 0.4)),
        steel=True,
    )
    ribbed = rng.random() < 0.7
    wall: list[tuple[float, float]] = [(-half + 2, radius * 0.975)]
    for x in np.linspace(-length * 0.3, length * 0.3, int(length * 0.6 / 1.5)):
        wall.append((x, radius * 0.975 + (0.5 * np.cos(2 * np.pi * x / 6) if ribbed else 0)))
    parts = [turned_body((*wall, (half - 2, radius * 0.975)), steel)]
    parts += [ring(s * (half - 1.5), radius * 0.985, 1.5, steel) for s in (-1, 1)]
    parts.append(hollow_base(-half + 2, radius * 0.97, steel, 1.5))
    if rng.random() < 0.5:  # open
        parts.append(
            turned_body(
                ((half - 1, radius * 0.95), (-half + 4, radius * 0.95), (-half + 4, 0)), steel
            )
        )
        if rng.random() < 0.5:
            lid = disc(radius * 0.93, 0, steel)
            lid.rotate(turn_about("y", rng.uniform(20, 80))).translated(
                half + radius * 0.4, 0, radius * 0.5
            )
            parts.append(lid)
    else:
        rims = [(half - 1 - 0.8 * (k % 2), radius * (0.93 - 0.12 * k)) for k in range(5)]
        parts.append(turned_body((*rims, (half - 1.5, 0)), steel))
    if rng.random() < 0.55:
        label = Skin(_wrap(length - 8, radius, rng), rough=0.6)
        parts.append(
            turned_body(((-half + 4, radius * 0.99), (half - 4, radius * 0.99)), label, step_mm=6)
        )
    body = Body("tin_can", parts, random_wear(rng, rusty=0.45))
    return dent(body, int(rng.choice((0, 1, 2, 5))), 9, rng)


def box(rng: np.random.Generator) -> Body:
    """A carton box: kraft with tape and label, or printed; often half crushed."""
    length, width, height = _size("carton_box", rng)
    length, width = length * rng.uniform(0.5, 1.3), width * rng.uniform(0.5, 1.2)
    height *= rng.uniform(0.3, 1.0)
    length, width = max(length, width), min(length, width)
    kraft = tint(rng.uniform(0.08, 0.1), rng.uniform(0.28, 0.42), rng.uniform(0.5, 0.72))
    plain = rng.random() < 0.55
    paper = kraft if plain else any_colour(rng)
    art = Print(length, 2 * (width + height), 2.0, paper)
    top = width / 2 + height
    for y in (top, top - width - height, top + width + height):
        if plain:
            _plain_face(art, y, length, width, rng)
        else:
            _printed_face(art, y, width, paper, rng)
    card = Skin(art, rough=0.75 if plain else 0.4, grain_mm=0.15, grain_size_mm=6)
    body = Body(
        "carton_box",
        [block((length, width, height), card, corner=1.5, bevel=1.5, step_mm=12)],
        random_wear(rng, rusty=0),
    )
    crumple(body, int(rng.integers(3, 9)), float(rng.uniform(0, 16)), rng)
    return dent(body, int(rng.choice((0, 2, 4))), 14, rng)


def _plain_face(
    art: Print, y: float, length: float, width: float, rng: np.random.Generator
) -> None:
    if rng.random() < 0.7:
        tape = tint(0.09, rng.uniform(0.2, 0.55), rng.uniform(0.55, 0.8))
        art.rect(0, y + width / 2 - 24, length, y + width / 2 + 24, tape)
    art.rect(0, y + width / 2 - 0.5, length, y + width / 2 + 0.7, tint(0.08, 0.5, 0.22))
    if rng.random() < 0.6:
        art.rect(length * 0.1, y + width * 0.08, length * 0.45, y + width * 0.4, WHITE)
        art.barcode(length * 0.13, y + width * 0.12, length * 0.4, y + width * 0.24, rng)
        art.small_print(
            (length * 0.13, y + width * 0.27, length * 0.42, y + width * 0.38), BLACK, rng
        )
    ink = tint(0.08, 0.5, 0.25)
    art.text(
        brand(rng), (length * 0.55, y + width * 0.65, length * 0.92, y + width * 0.9), ink, rng
    )


def _printed_face(
    art: Print, y: float, width: float, paper: Colour, rng: np.random.Generator
) -> None:
    length = art.length_mm
    for _ in range(int(rng.integers(1, 4))):
        spot = rng.uniform(0, length), y + rng.uniform(0, width)
        art.disc(*spot, rng.uniform(0.1, 0.4) * width, any_colour(rng))
    ink = ink_on(paper, rng)
    art.text(
        brand(rng), (length * 0.08, y + width * 0.2, length * 0.92, y + width * 0.55), ink, rng
    )
    art.small_print((length * 0.1, y + width * 0.65, length * 0.5, y + width * 0.9), ink, rng)
    art.barcode(length * 0.7, y + width * 0.7, length * 0.94, y + width * 0.92, rng)


def drink_carton(rng: np.random.Generator) -> Body:
    """A drink carton: brick or gable top, screw cap, mostly squashed."""
    length, width, height = _size("drink_carton", rng)
    art = sleeve(length, 2 * (width + height), SCALE, rng)
    card = block((length, width, height), Skin(art, rough=0.3), corner=1.2, bevel=1.0, step_mm=9)
    parts = [card]
    if rng.random() < 0.6:  # gable
        x = card.points[..., 0]
        gable = np.clip((x - length * 0.3) / (length * 0.2), 0, 1)
        card.points[..., 2] *= (1 - 0.92 * gable).astype(np.float32)
    if rng.random() < 0.6:
        cap = upright(
            turned_body(((0, 14), (6, 13), (8, 11), (8, 0)), Skin(any_colour(rng), rough=0.4))
        )
        parts.append(cap.translated(length * 0.3, 0, height * 0.46))
    body = Body("drink_carton", parts, random_wear(rng, rusty=0))
    if rng.random() < 0.7:
        squash(body, float(rng.uniform(0.35, 0.95)), rng)
    return crumple(body, int(rng.integers(4, 10)), float(rng.uniform(2, 14)), rng)


def milk_jug(rng: np.random.Generator) -> Body:
    """An HDPE bottle for milk or detergent, square-shouldered, with a sticker."""
    length, width, height = _size("milk_jug", rng)
    half = length / 2
    hdpe: Colour = (0.80, 0.84, 0.84) if rng.random() < 0.6 else any_colour(rng)
    skin = Skin(hdpe, rough=float(rng.uniform(0.3, 0.5)), grain_mm=0.05)
    outline = rounded_rectangle(width, height, min(width, height) * 0.3)
    reach = max(width, height) / 2
    shape = (
        (-half + 4, reach),
        (-half, width * 0.06),
        (-half + 2, 2.0),
        (-half + 8, 0.0),
        (length * 0.12, 0.0),
        (length * 0.24, reach * 0.18),
        (length * 0.36, reach * 0.52),
        (half - 26, reach * 0.72),
    )
    parts = [loft(shape, outline, skin, step_mm=9, round_mm=0.0)]
    parts.append(turned_body(((half - 30, 19), (half - 2, 18)), skin))
    if rng.random() < 0.75:
        cap = Skin(any_colour(rng), rough=0.4)
        parts.append(turned_body(((half - 14, 21), (half - 1, 20.5), (half, 19), (half, 0)), cap))
    if rng.random() < 0.7:
        start, end = -length * 0.34, length * 0.06
        label = Skin(sleeve(end - start, 2 * (width + height), SCALE, rng), rough=0.4)
        parts.append(loft(((start, -0.6), (end, -0.6)), outline, label, step_mm=9, round_mm=0.0))
    body = Body("milk_jug", parts, random_wear(rng, rusty=0))
    if rng.random() < 0.5:
        squash(body, float(rng.uniform(0.4, 0.9)), rng)
    crumple(body, int(rng.integers(4, 14)), float(rng.uniform(3, 18)), rng)
    return dent(body, int(rng.choice((0, 2, 5))), 14, rng)


def tray(rng: np.random.Generator) -> Body:
    """A food tray of plastic, foam or aluminium, upright or upside down."""
    length, width, height = _size("tray", rng)
    skin = (
        Skin((0.04, 0.04, 0.04), rough=0.25),
        Skin(WHITE, rough=0.6),
        Skin(STEEL, metal=1.0, rough=0.3, grain_mm=0.4, grain_size_mm=8),
        Skin(tint(rng.uniform(0.4, 0.6), 0.15, 0.8), rough=0.1, clear=0.7),
        Skin(any_colour(rng), rough=0.4),
    )[rng.integers(0, 5)]
    outline = rounded_rectangle(length, width, width * 0.14, 7)
    deep = height * rng.uniform(0.5, 1)
    rim = (
        (deep - 1, -1.0),
        (deep, 0.0),
        (deep, 6.0),
        (deep - 1, 7.5),
        (2, 15.0),
        (0, 18.0),
        (0, width * 0.3),
        (0.6, width / 2),
    )
    part = loft(rim, outline, skin, round_mm=0.0)
    # A loft runs along x; the tray's depth is z.
    part.points = part.points[..., [1, 2, 0]]
    body = Body("tray", [part], random_wear(rng, rusty=0))
    if rng.random() < 0.5:
        body.rotate(turn_about("x", 180))
    return crumple(body, 7, float(rng.uniform(1, 10)), rng)


MAKERS: dict[str, Callable[[np.random.Generator], Body]] = {
    "pet_bottle": pet,
    "pet_bottle_crushed": crushed_pet,
    "drink_can": can,
    "drink_can_crushed": crushed_can,
    "drink_can_end": can,
    "tin_can": tin,
    "tin_can_end": tin,
    "carton_box": box,
    "drink_carton": drink_carton,
    "milk_jug": milk_jug,
    "tray": tray,
}
