"""Gas in thin steel cans: pierceable and screw-valve cartridges, aerosols, small chargers.

Sizes as in `twin.drawn.cartridges`; a charger for cream holds 8 g of nitrous oxide (18 x 66 mm).
"""

import numpy as np

from twin.drawn.cartridges import gas_paint, litho
from twin.drawn.labels import BLACK, BRASS, STEEL, WHITE, any_colour
from twin.drawn.shading import Colour
from twin.traced.bodies import Body, Part, Profile, Skin, Wear, turned_body
from twin.traced.damage import dent

ART_PX_PER_MM = 4.0
STEELS: tuple[Colour, ...] = (STEEL, (0.66, 0.68, 0.70), (0.55, 0.57, 0.60))


def random_wear(rng: np.random.Generator, *, rusty: float = 0.35) -> Wear:
    """Wear as found in waste, nearly new to filthy; `rusty`: probability that steel rusts."""
    return Wear(
        dirt=float(np.clip(rng.normal(0.4, 0.3), 0, 1)),
        rust=float(rng.uniform(0.1, 0.95)) if rng.random() < rusty else 0.0,
        scratches=float(rng.uniform(0, 1)) if rng.random() < 0.7 else 0.0,
        fade=float(rng.uniform(0.2, 0.9)) if rng.random() < 0.35 else 0.0,
    )


def bare_steel(rng: np.random.Generator) -> Skin:
    """Tinplate or galvanised sheet."""
    tone = STEELS[rng.integers(0, 3)]
    return Skin(tone, metal=0.95, rough=float(rng.uniform(0.18, 0.42)), steel=True)


def painted_skin(colour: Colour, rng: np.random.Generator) -> Skin:
    return Skin(colour, rough=float(rng.uniform(0.2, 0.45)), steel=True)


def printed_skin(length: float, radius: float, rng: np.random.Generator) -> Skin:
    """Lithographed tinplate, wrapped all around."""
    art = litho(length, radius, ART_PX_PER_MM, rng)
    return Skin(art, rough=float(rng.uniform(0.16, 0.4)), steel=True)


def ring(x: float, radius: float, thick: float, skin: Skin) -> Part:
    """A rolled can seam: a small bead around the body at `x`."""
    turns = np.linspace(0, 2 * np.pi, 9)
    shape = [(x + thick * np.cos(t), radius + thick * np.sin(t)) for t in turns]
    return turned_body(shape, skin)


def hollow_base(x: float, radius: float, skin: Skin, deep: float = 6.0) -> Part:
    """The concave bottom of a can whose base is at `x`."""
    shape: Profile = (
        (x + deep, 0.0),
        (x + deep * 0.9, radius * 0.4),
        (x + deep * 0.55, radius * 0.74),
        (x + 0.8, radius * 0.9),
        (x, radius * 0.94),
        (x + 0.8, radius * 0.98),
        (x + 3, radius),
    )
    return turned_body(shape, skin)


def dome(x: float, end: float, radius: float, neck: float, skin: Skin) -> Part:
    """A can's shoulder: a quarter of an ellipse from `radius` at `x` to `neck` at `end`."""
    turns = np.linspace(0, np.pi / 2, 12)
    shape = [(x + (end - x) * np.sin(t), neck + (radius - neck) * np.cos(t)) for t in turns]
    return turned_body(shape, skin)


def _dents(body: Body, rng: np.random.Generator, depth_mm: float) -> Body:
    return dent(body, int(rng.choice((0, 0, 1, 2, 4, 8))), depth_mm, rng)


def pierceable(rng: np.random.Generator) -> Body:
    """A pierceable cartridge: plain domed top, or a plain flat one."""
    length, radius = 94 * rng.uniform(0.95, 1.03), 45 * rng.uniform(0.98, 1.02)
    half, rise = length / 2, rng.uniform(8, 16)
    body_to = half - rise
    steel = bare_steel(rng)
    top = steel if rng.random() < 0.5 else painted_skin(gas_paint(rng), rng)
    wall = turned_body(
        ((-half + 2.5, radius), (body_to, radius)),
        printed_skin(body_to + half, radius, rng),
        step_mm=4,
    )
    parts = [
        hollow_base(-half, radius, steel),
        ring(-half + 2, radius, 1.1, steel),
        wall,
        ring(body_to, radius, 1.2, steel),
        dome(body_to, half - 3, radius * 0.985, radius * 0.30, top),
        turned_body(
            (
                (half - 3, radius * 0.31),
                (half - 1, radius * 0.27),
                (half - 1, radius * 0.22),
                (half - 2.5, radius * 0.2),
                (half - 2.5, 0),
            ),
            top,
        ),
    ]
    if rng.random() < 0.4:  # used: a hole in its centre
        parts.append(
            turned_body(((half - 2.6, 2.2), (half - 2.3, 2.0), (half - 2.3, 0)), Skin(BLACK))
        )
    return _dents(Body("pierceable_cartridge", parts, random_wear(rng)), rng, 9)


def screw(rng: np.random.Generator, *, low: bool = False) -> Body:
    """A cartridge with a threaded valve: a squat or tall steel can with a deep shoulder."""
    radius = 54 * rng.uniform(0.82, 1.02)
    length = (
        radius * 2 * (rng.uniform(0.8, 1.0) if low or rng.random() < 0.5 else rng.uniform(1.1, 1.5))
    )
    half, valve, rise = length / 2, 10.0, radius * rng.uniform(0.4, 0.6)
    body_to = half - valve - rise
    cover = printed_skin(length - valve, radius, rng)
    art = cover.cover
    assert not isinstance(art, tuple)
    paint = tuple(float(v) / 255 for v in art.art[2, -2, :3])
    steel = bare_steel(rng)
    shoulder = painted_skin((paint[0], paint[1], paint[2]), rng) if rng.random() < 0.8 else steel
    brass = Skin(BRASS if rng.random() < 0.4 else STEEL, metal=1.0, rough=0.3, steel=True)
    wall = turned_body(
        ((-half + 7, radius * 0.985), (-half + 10, radius), (body_to, radius)), cover, step_mm=5
    )
    parts = [
        hollow_base(-half, radius * 0.86, shoulder, 9),
        turned_body(
            ((-half + 2.6, radius * 0.85), (-half + 4, radius * 0.93), (-half + 7, radius * 0.985)),
            shoulder,
        ),
        wall,
        dome(body_to, half - valve, radius, 15, shoulder),
        ring(half - valve - 0.5, 15.5, 1.4, steel),
        turned_body(
            (
                (half - valve, 15),
                (half - valve + 1, 13),
                (half - valve + 1, 8),
                (half - valve + 0.4, 7),
            ),
            steel,
        ),
    ]
    if rng.random() < 0.25:  # its cap still on
        cap = Skin(any_colour(rng), rough=0.4)
        parts.append(
            turned_body(((half - valve - 3, 18), (half - 2, 17), (half, 15), (half, 0)), cap)
        )
    else:
        thread = [(half - valve + 0.4 + 0.5 * k, 5.5 + 0.45 * (k % 2)) for k in range(18)]
        parts.append(
            turned_body((*thread, (half, 5.0), (half, 2.5), (half - 3, 2.2), (half - 3, 0)), brass)
        )
    return _dents(Body("screw_cartridge", parts, random_wear(rng)), rng, 8)


def aerosol(rng: np.random.Generator) -> Body:
    """A slim butane can for table stoves: seamed top, white nozzle under a collar, or a cap."""
    length, radius = 190 * rng.uniform(0.85, 1.05), 32.5 * rng.uniform(0.8, 1.04)
    half = length / 2
    capped = rng.random() < 0.4
    top = 32.0 if capped else 18.0
    body_to = half - top - 8
    steel = bare_steel(rng)
    wall = turned_body(
        ((-half + 3, radius), (body_to, radius)),
        printed_skin(body_to + half, radius, rng),
        step_mm=6,
    )
    parts = [
        hollow_base(-half, radius, steel),
        ring(-half + 2, radius, 1.3, steel),
        wall,
        ring(body_to, radius, 1.3, steel),
        dome(body_to + 1, body_to + 10, radius * 0.96, radius * 0.52, steel),
        ring(body_to + 10, radius * 0.52, 1.5, steel),
    ]
    if capped:
        cap = Skin(any_colour(rng), rough=float(rng.uniform(0.25, 0.5)))
        parts.append(
            turned_body(
                (
                    (body_to + 1, radius * 0.97),
                    (half - 6, radius * 0.9),
                    (half - 1.5, radius * 0.82),
                    (half, radius * 0.7),
                    (half, 0),
                ),
                cap,
            )
        )
    else:
        if rng.random() < 0.5:  # the notched collar of a stove's can
            collar = Skin(STEEL, metal=1.0, rough=0.3, steel=True)
            parts.append(
                turned_body(
                    (
                        (body_to + 9, radius * 0.5),
                        (body_to + 13, radius * 0.66),
                        (body_to + 14, radius * 0.66),
                        (body_to + 13, radius * 0.3),
                        (body_to + 13, 0),
                    ),
                    collar,
                )
            )
        tone = WHITE if rng.random() < 0.6 else any_colour(rng)
        nozzle = Skin(tone, rough=0.45)
        parts.append(
            turned_body(
                ((body_to + 10, 6), (half - 9, 5.4), (half - 8.5, 2.4), (half, 2), (half, 0)),
                nozzle,
            )
        )
    return _dents(Body("butane_aerosol", parts, random_wear(rng), upright_share=0.15), rng, 7)


def charger(rng: np.random.Generator) -> Body:
    """A cream charger: a small bare steel bulb with a drawn-in neck."""
    length, radius = 66 * rng.uniform(0.97, 1.02), 9 * rng.uniform(0.97, 1.03)
    half = length / 2
    tone: Colour = STEEL if rng.random() < 0.75 else any_colour(rng)
    skin = Skin(tone, metal=0.95, rough=float(rng.uniform(0.15, 0.4)), steel=True)
    turns = np.linspace(0, np.pi / 2, 9)
    end = [(-half + radius - radius * np.cos(t), radius * np.sin(t)) for t in turns]
    shoulder = [
        (half - 21 + 13 * t, 4.4 + (radius - 4.4) * np.cos(t * np.pi / 2) ** 1.2)
        for t in np.linspace(0, 1, 10)
    ]
    body = turned_body((*end, *shoulder), skin)
    neck = turned_body(
        (
            (half - 8, 4.4),
            (half - 2, 4.2),
            (half - 1, 3.9),
            (half, 3.2),
            (half - 0.4, 1.6),
            (half - 0.8, 0),
        ),
        skin,
    )
    return Body("nitrous_charger", [body, neck], random_wear(rng, rusty=0.25))
