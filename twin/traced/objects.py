"""Traced objects by kind: `build` makes a body, `pose` gives it a resting pose.

Kinds are those of `twin.drawn.objects`, and some that only the traced twin has.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from twin.drawn import objects as drawn
from twin.traced import bottles, cells, gas, lookalikes, packages, packs, sheets
from twin.traced.bodies import Body, turn_about

Maker = Callable[[np.random.Generator], Body]

GAS: dict[str, Maker] = {
    "pierceable_cartridge": gas.pierceable,
    "pierceable_cartridge_upright": gas.pierceable,
    "screw_cartridge": gas.screw,
    "screw_cartridge_upright": partial(gas.screw, low=True),
    "butane_aerosol": gas.aerosol,
    "nitrous_charger": gas.charger,
    "nitrous_cylinder": bottles.nitrous,
    "gas_bottle": bottles.bottle,
    "gas_bottle_upright": bottles.bottle,
    "fire_extinguisher": bottles.extinguisher,
}
BATTERIES: dict[str, Maker] = {
    **{
        kind: partial(cells.round_cell, kind)
        for kind in ("aa_cell", "aaa_cell", "c_cell", "d_cell", "li_ion_18650")
    },
    "nine_volt": cells.nine_volt,
    "button_cell": cells.button,
    "laptop_pack": packs.laptop_pack,
    "tool_pack": packs.tool_pack,
    "phone_battery": packs.phone_battery,
    "car_battery": packs.car_battery,
}
LOOKALIKES: dict[str, Maker] = lookalikes.MAKERS
WASTE: dict[str, Maker] = {**packages.MAKERS, **sheets.MAKERS}
MAKERS: dict[str, Maker] = {**GAS, **LOOKALIKES, **BATTERIES, **WASTE}
"""In the order in which a bank is rendered: kinds that a model knows least come first."""

HAZARDS: dict[str, str] = {
    **dict.fromkeys(GAS, drawn.GAS_CANISTER),
    **dict.fromkeys(BATTERIES, drawn.BATTERY),
}

ROLLING = {
    *GAS,
    "aa_cell",
    "aaa_cell",
    "c_cell",
    "d_cell",
    "li_ion_18650",
    "glue_stick",
    "marker",
    "torch",
    "pipe",
    "pet_bottle",
    "drink_can",
    "tin_can",
}
"""Kinds that rest with any side up."""
FOUR_FACES = {"nine_volt", "carton_box", "drink_carton"}
"""Kinds that rest on any of their four long faces, more often on the broad ones."""

HEAVY = {"car_battery", "gas_bottle", "gas_bottle_upright", "fire_extinguisher"}
"""Kinds that always rest flat on the belt."""


def build(kind: str, rng: np.random.Generator) -> Body:
    """One body of random size, print and wear; raises `ValueError` for an unknown kind."""
    if kind not in MAKERS:
        raise ValueError(f"unknown kind {kind!r}; known are {', '.join(MAKERS)}")
    body = MAKERS[kind](rng)
    body.kind = kind
    return body


def pose(body: Body, rng: np.random.Generator, *, lean_deg: float = 4.0) -> Body:
    """Rotates a body into a random resting pose: rolled, upright, tilted a little."""
    kind = body.kind
    upright = kind.endswith(("_upright", "_end")) or rng.random() < (
        0 if f"{kind}_upright" in MAKERS else body.upright_share
    )
    if upright:
        body.rotate(turn_about("y", -90 if rng.random() < 0.92 else 90))
        body.rotate(turn_about("z", rng.uniform(0, 360)))
    elif kind in ROLLING:
        body.rotate(turn_about("x", rng.uniform(0, 360)))
    elif kind in FOUR_FACES:
        body.rotate(turn_about("x", float(rng.choice((0, 90, 180, 270), p=(0.4, 0.1, 0.4, 0.1)))))
    lean = lean_deg * (4 if rng.random() < 0.2 else 1) * (0.25 if kind in HEAVY else 1)
    body.rotate(turn_about("y", rng.normal(0, lean) * 0.7))
    body.rotate(turn_about("x", rng.normal(0, lean)))
    return body
