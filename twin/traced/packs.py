"""Battery packs: of laptops, power tools, phones, cars."""

import numpy as np

from twin.drawn.labels import BLACK, BRASS, GOLD, WHITE, any_colour, brand, ink_on, tint
from twin.drawn.shading import Colour
from twin.traced.bodies import Body, Skin, block, turn_about, turned_body, upright
from twin.traced.cells import wrap_print
from twin.traced.damage import crumple
from twin.traced.gas import random_wear


def laptop_pack(rng: np.random.Generator) -> Body:
    """A laptop battery: a black bar with a printed sticker and a row of contacts."""
    length, width, height = (
        208 * rng.uniform(0.75, 1.35),
        50 * rng.uniform(0.8, 1.5),
        20 * rng.uniform(0.5, 1.1),
    )
    grey = float(rng.uniform(0.06, 0.18))
    shell: Colour = (grey, grey, grey)
    art, top = wrap_print(length, width, height, 5.0, shell)
    if rng.random() < 0.9:
        paper: Colour = WHITE if rng.random() < 0.5 else (0.25, 0.25, 0.27)
        start = rng.uniform(0.06, 0.3) * length
        end = start + rng.uniform(0.4, 0.62) * length
        low, high = top + width * rng.uniform(0.1, 0.25), top + width * rng.uniform(0.75, 0.92)
        art.rect(start, low, end, high, paper)
        ink, third = ink_on(paper, rng), (high - low) / 3
        art.text(
            brand(rng), (start + 3, low + 1, start + (end - start) * 0.5, low + third), ink, rng
        )
        art.small_print((start + 3, low + third + 1, end - 24, high - 2), ink, rng)
        art.barcode(end - 22, low + 2, end - 2, low + third * 1.6, rng)
        art.bin_sign(end - 8, high - 5, 6, ink)
    round_back = rng.random() < 0.5
    corner = height * 0.45 if round_back else 2.5
    plastic = Skin(art, rough=float(rng.uniform(0.35, 0.65)), grain_mm=0.08, grain_size_mm=0.8)
    parts = [block((length, width, height), plastic, corner=corner, bevel=2, step_mm=10)]
    x, y = rng.uniform(-0.3, 0.3) * length, width / 2 - 6
    parts.append(
        block(
            (34, 9, height * 0.9), Skin((0.03, 0.03, 0.03), rough=0.5), corner=1, bevel=0.5
        ).translated(x, y - 0.5, height * 0.06)
    )
    gold = Skin(GOLD, metal=1.0, rough=0.3)
    parts += [
        block((1.6, 6, 1), gold, corner=0.3, bevel=0.2).translated(
            x - 13 + 4.2 * k, y, height * 0.5 + 0.3
        )
        for k in range(7)
    ]
    if rng.random() < 0.5:
        latch = Skin((grey * 0.7, grey * 0.7, grey * 0.7), rough=0.4)
        parts += [
            block((14, 5, 3), latch, corner=1, bevel=1).translated(
                s * length * 0.38, -width * 0.42, height * 0.45
            )
            for s in (-1, 1)
        ]
    return Body("laptop_pack", parts, random_wear(rng))


def tool_pack(rng: np.random.Generator) -> Body:
    """A power tool battery: a boxy base, a head with rails and slots, bright buttons."""
    length, width, height = (
        118 * rng.uniform(0.85, 1.2),
        76 * rng.uniform(0.85, 1.1),
        rng.uniform(38, 58),
    )
    dark = float(rng.uniform(0.05, 0.15))
    shell: Colour = (dark, dark, dark * 1.05)
    accent = tint(
        float(rng.choice((0.0, 0.02, 0.13, 0.16, 0.33, 0.48, 0.6, 0.08))),
        0.9,
        rng.uniform(0.5, 0.9),
    )
    base_tone = accent if rng.random() < 0.25 else shell
    art, top = wrap_print(length, width, height, 4.0, base_tone)
    word = str(rng.choice(("18V", "20V", "36V", "10.8V", "12V MAX", "5.0Ah", "Li-Ion")))
    for y in (top - height, top + width):  # the two sides
        art.rect(
            length * 0.1,
            y + height * 0.25,
            length * 0.9,
            y + height * 0.75,
            accent if base_tone == shell else shell,
        )
        art.text(
            brand(rng),
            (length * 0.14, y + height * 0.3, length * 0.6, y + height * 0.7),
            WHITE,
            rng,
        )
        art.text(
            word, (length * 0.62, y + height * 0.3, length * 0.88, y + height * 0.7), WHITE, rng
        )
    rubber = Skin(art, rough=float(rng.uniform(0.4, 0.65)), grain_mm=0.15, grain_size_mm=0.9)
    plastic = Skin(shell, rough=0.5, grain_mm=0.1, grain_size_mm=0.9)
    bright = Skin(accent, rough=0.4)
    black = Skin((0.02, 0.02, 0.02), rough=0.6)
    up = height / 2
    parts = [block((length, width, height), rubber, corner=9, bevel=8, step_mm=10)]
    head_long, head_wide, head_high = (
        length * rng.uniform(0.62, 0.82),
        width * rng.uniform(0.6, 0.76),
        rng.uniform(14, 22),
    )
    x = length * rng.uniform(0.02, 0.1)
    parts.append(
        block((head_long, head_wide, head_high), plastic, corner=3, bevel=3).translated(
            x, 0, up + head_high * 0.3
        )
    )
    parts += [
        block((head_long * 0.9, 5, 4), plastic, corner=1, bevel=1).translated(
            x, s * (head_wide / 2 + 2), up + head_high * 0.62
        )
        for s in (-1, 1)
    ]
    slots = int(rng.integers(3, 6))
    for k in range(slots):
        y = (k - (slots - 1) / 2) * head_wide * 0.8 / slots
        z = up + head_high * 0.8
        parts.append(
            block(
                (head_long * 0.45, head_wide * 0.3 / slots, 1.2), black, corner=0.4, bevel=0.3
            ).translated(x + head_long * 0.2, y, z - 0.1)
        )
        if rng.random() < 0.6:
            parts.append(
                block(
                    (5, head_wide * 0.14 / slots + 0.8, 1.4),
                    Skin(BRASS, metal=1.0, rough=0.35),
                    corner=0.3,
                    bevel=0.2,
                ).translated(x + head_long * 0.36, y, z)
            )
    parts += [
        block((16, 9, 12), bright, corner=3, bevel=3).translated(
            -length * 0.36, s * width * 0.46, up * 0.6
        )
        for s in (-1, 1)
    ]
    if rng.random() < 0.5:
        parts.append(
            block((12, width * 0.4, 6), bright, corner=2, bevel=2).translated(-length * 0.42, 0, up)
        )
    body = Body("tool_pack", parts, random_wear(rng), upright_share=0.1)
    if rng.random() < 0.3:
        body.rotate(turn_about("x", 90 if rng.random() < 0.6 else 180))
    return body


def phone_battery(rng: np.random.Generator) -> Body:
    """A phone battery or a bare pouch: foil or black wrap, a board at one end, often swollen."""
    length, width, height = (
        78 * rng.uniform(0.7, 1.25),
        52 * rng.uniform(0.75, 1.15),
        4.5 * rng.uniform(0.8, 1.3),
    )
    pick = rng.random()
    pouch = pick < 0.45
    shade = float(rng.choice((0.07, 0.14, 0.6, 0.8)))
    base: Colour = (0.72, 0.73, 0.75) if pouch else (shade, shade, shade)
    art, top = wrap_print(length, width, height, 6.0, base, 0.85 if pouch else 0.0)
    for y in (top, 0.0):
        ink = ink_on(base, rng)
        art.text(brand(rng), (4, y + width * 0.08, length * 0.6, y + width * 0.34), ink, rng)
        art.text(
            str(rng.choice(("Li-ion", "3.85V", "3000mAh", "BL-5C"))),
            (4, y + width * 0.36, length * 0.45, y + width * 0.52),
            ink,
            rng,
        )
        art.small_print((4, y + width * 0.58, length * 0.7, y + width * 0.92), ink, rng)
        art.bin_sign(length * 0.8, y + width * 0.25, 8, ink)
        if rng.random() < 0.5:
            art.barcode(length * 0.6, y + width * 0.6, length - 10, y + width * 0.9, rng)
    skin = Skin(
        art, rough=float(rng.uniform(0.15, 0.45)), grain_mm=0.12 if pouch else 0.03, grain_size_mm=5
    )
    cell = block((length, width, height), skin, corner=2, bevel=1.2, step_mm=4)
    if rng.random() < 0.5:
        swell = rng.uniform(1, 7)
        along = np.clip(cell.points[..., 0] / length, -0.5, 0.5)
        across = np.clip(cell.points[..., 1] / width, -0.5, 0.5)
        belly = np.cos(along * np.pi) * np.cos(across * np.pi)
        cell.points[..., 2] += (np.sign(cell.points[..., 2]) * swell / 2 * belly).astype(np.float32)
    parts = [cell]
    board: Colour = (0.12, 0.3, 0.1) if rng.random() < 0.4 else BLACK
    tape = Skin(GOLD if pouch and rng.random() < 0.4 else board, rough=0.4)
    parts.append(
        block((5, width * 0.8, height * 0.8), tape, corner=0.8, bevel=0.5).translated(
            length / 2 + 1.5
        )
    )
    gold = Skin(GOLD, metal=1.0, rough=0.3)
    if pouch and rng.random() < 0.7:  # flat cable with its plug
        parts.append(
            block(
                (rng.uniform(14, 30), 7, 0.5),
                Skin((0.1, 0.2, 0.3), rough=0.4),
                corner=0.2,
                bevel=0.1,
            ).translated(length / 2 + 8, rng.uniform(-0.2, 0.2) * width)
        )
    else:
        parts += [
            block((1, 3.4, 2.6), gold, corner=0.3, bevel=0.2).translated(
                length / 2 + 4, -width * 0.2 + 5.2 * k
            )
            for k in range(4)
        ]
    body = Body("phone_battery", parts, random_wear(rng))
    if rng.random() < 0.35:
        crumple(body, 4, 3, rng)
    return body


def car_battery(rng: np.random.Generator) -> Body:
    """A lead-acid battery: black, grey or white box, lid with plugs, two lead posts, a handle."""
    length, width, height = rng.uniform(180, 330), rng.uniform(125, 178), rng.uniform(165, 195)
    tone = float(rng.choice((0.05, 0.08, 0.12, 0.5, 0.85)))
    shell: Colour = (tone, tone, tone) if rng.random() < 0.8 else tint(rng.random(), 0.7, 0.4)
    art, top = wrap_print(length, width, height * 0.86, 2.5, shell)
    for y in (top - height * 0.86, top + width):
        if rng.random() < 0.85:
            paper = any_colour(rng)
            art.rect(length * 0.1, y + 22, length * 0.9, y + height * 0.6, paper)
            art.text(
                brand(rng),
                (length * 0.14, y + 28, length * 0.6, y + height * 0.38),
                ink_on(paper, rng),
                rng,
            )
            art.text(
                "12V 70Ah",
                (length * 0.62, y + 28, length * 0.88, y + height * 0.3),
                ink_on(paper, rng),
                rng,
            )
    plastic = Skin(art, rough=float(rng.uniform(0.35, 0.6)), grain_mm=0.1, grain_size_mm=2)
    box = block((length, width, height * 0.86), plastic, corner=5, bevel=3).translated(
        0, 0, -height * 0.07
    )
    lid_tone: Colour = shell if rng.random() < 0.7 else any_colour(rng)
    lid_art, lid_top = wrap_print(length + 3, width + 3, height * 0.16, 3.0, lid_tone)
    if rng.random() < 0.8:
        paper = any_colour(rng)
        x0, x1 = rng.uniform(0.15, 0.3) * length, rng.uniform(0.65, 0.85) * length
        y0, y1 = lid_top + width * rng.uniform(0.35, 0.5), lid_top + width * rng.uniform(0.8, 0.92)
        lid_art.rect(x0, y0, x1, y1, paper)
        ink = ink_on(paper, rng)
        lid_art.text(
            brand(rng), (x0 + 4, y0 + 3, x0 + (x1 - x0) * 0.6, y0 + (y1 - y0) * 0.5), ink, rng
        )
        lid_art.small_print((x0 + 5, y0 + (y1 - y0) * 0.55, x1 - 8, y1 - 4), ink, rng)
    lid = block(
        (length + 3, width + 3, height * 0.16), Skin(lid_art, rough=0.5), corner=4, bevel=3
    ).translated(0, 0, height * 0.42)
    z = height * 0.5
    parts = [box, lid]
    lead = Skin((0.42, 0.43, 0.45), metal=0.9, rough=0.55)
    side = float(rng.choice((-1, 1)))
    for s in (-1, 1):
        post = upright(turned_body(((0, 10), (17, 8.6), (18, 7.5), (18, 0)), lead)).translated(
            s * (length / 2 - 26), side * (width / 2 - 28), z - 1
        )
        foot = upright(
            turned_body(
                ((0, 15), (3, 14), (3, 0)),
                Skin(tint(0.0, 0.8, 0.6) if s > 0 and rng.random() < 0.5 else BLACK, rough=0.5),
            )
        ).translated(s * (length / 2 - 26), side * (width / 2 - 28), z - 1)
        parts += [foot, post]
    if rng.random() < 0.65:
        for k in range(6):
            stopper = upright(
                turned_body(
                    ((0, 10), (3, 9.5), (3, 5), (1.8, 4.5), (1.8, 0)),
                    Skin(BLACK if rng.random() < 0.9 else any_colour(rng), rough=0.45),
                )
            )
            parts.append(stopper.translated((k - 2.5) * length * 0.13, -side * width * 0.14, z - 1))
    if rng.random() < 0.5:
        parts.append(
            block((length * 0.55, 12, 5), Skin(BLACK, rough=0.5), corner=2, bevel=2).translated(
                0, -side * width * 0.36, z + 2
            )
        )
    body = Body("car_battery", parts, random_wear(rng))
    body.wear.dirt = max(body.wear.dirt, 0.3)
    if rng.random() < 0.2:
        body.rotate(turn_about("x", 90))
    return body
