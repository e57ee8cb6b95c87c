"""The feature bank that ships with a verifier: a new head may forget nothing that is in it.

`verifier_bank.npz`: features float16 (n, d); kind uint8 (n,), in the head's order; held bool (n,),
of a source that no training saw; group int16 (n,), index into groups, the sources;
verifier_sha256, the hash of the network. Of crops whose hazard alone is known, the kind is the
likeliest of that hazard.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.vision.catalogue import sha256
from models.verifier.batches import middle
from models.verifier.export import FEATURES
from models.verifier.kinds import Kinds
from models.verifier.pack import Pack
from models.verifier.verdicts import Floats, Verdicts

BANK = "verifier_bank.npz"
MOST = (5200, 2000)
"""Crops of the training's sources and of held-out ones: together under 3 MB."""
_SHARES = {"gas": 0.3, "battery": 0.3, "none": 0.4}


def write_bank(
    packs: Sequence[Pack], verdicts: Verdicts, kinds: Kinds, input_px: int, out: Path
) -> Path:
    """Features of a balanced choice of crops."""
    rng = np.random.default_rng(0)
    features: list[Floats] = []
    names: list[str] = []
    sources: list[str] = []
    held: list[bool] = []
    for most, sides in zip(MOST, (("train",), ("held",)), strict=True):
        rows = [(pack, int(i)) for pack in packs for i in pack.on(*sides)]
        for pack, i in _balanced(rng, rows, kinds, most):
            names.append(str(pack.names[i]))
            sources.append(str(pack.sources[i]))
            held.append(sides == ("held",))
            crop = middle(pack.pixels(i), input_px)
            features.append(verdicts.features(crop[None])[0])
    groups = sorted(set(sources))
    index = {name: number for number, name in enumerate(groups)}
    stacked = np.stack(features)
    allowed = np.stack([kinds.allowed(name) for name in names])
    np.savez_compressed(
        out / BANK,
        features=stacked.astype(np.float16),
        kind=np.where(allowed, verdicts.probabilities(stacked), -1).argmax(1).astype(np.uint8),
        held=np.array(held),
        group=np.array([index[source] for source in sources], np.int16),
        groups=np.array(groups),
        verifier_sha256=np.array(sha256(out / FEATURES)),
    )
    return out / BANK


def _balanced(
    rng: np.random.Generator, rows: Sequence[tuple[Pack, int]], kinds: Kinds, most: int
) -> list[tuple[Pack, int]]:
    """Up to `most` rows; a hazard has its share, and of it every name about as many."""
    chosen: list[tuple[Pack, int]] = []
    for hazard, share in _SHARES.items():
        by_name: dict[str, list[tuple[Pack, int]]] = {}
        for pack, i in rows:
            name = str(pack.names[i])
            if kinds.hazard(name) == hazard:
                by_name.setdefault(name, []).append((pack, i))
        left = int(most * share)
        for number, name in enumerate(sorted(by_name, key=lambda each: len(by_name[each]))):
            quota = -(-left // (len(by_name) - number))
            order: NDArray[np.int64] = rng.permutation(len(by_name[name]))[:quota]
            chosen += [by_name[name][int(i)] for i in order]
            left -= min(quota, len(order))
    return chosen
