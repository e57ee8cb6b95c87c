"""The feature bank: the verifier's features of many crops, so that a new head forgets nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.vision.array_file import ArrayFileError, read_arrays
from detector.vision.catalogue import ModelError

BANK = "verifier_bank.npz"
_RESTORE = "Restore it with its model"


@dataclass(frozen=True, slots=True, eq=False)
class FeatureBank:
    """Crops of known kind, as features. The held-back part is never trained on."""

    features: NDArray[np.float32]
    """`(n, d)`."""
    kind: NDArray[np.intp]
    """`(n,)`: index of the kind, in the head's order."""
    held: NDArray[np.bool_]
    """`(n,)`: held back, of a source that the network has not seen."""
    group: NDArray[np.intp]
    """`(n,)`: the source of each crop."""

    @property
    def replayed(self) -> NDArray[np.float32]:
        """Features of the crops that are replayed."""
        return self.features[~self.held]


def load_bank(path: Path, network_sha256: str, kinds: int, features: int) -> FeatureBank:
    """Read a model's feature bank.

    Args:
        path: The file: arrays `features` `(n, d)` float16; `kind` `(n,)` uint8; `group` `(n,)`
            int16, the source; `held` `(n,)` bool; and `verifier_sha256`, the network's hash.
        network_sha256: Hash of the network that the model has.
        kinds: Number of kinds that the head has.
        features: Number of features that the head takes.

    Raises:
        ModelError: The bank is missing, cut off, or of another model.
    """
    if not path.is_file():
        raise ModelError(f"{path}: is missing; without it a head can't be checked. {_RESTORE}")
    try:
        arrays = read_arrays(path, ("features", "held", "kind", "group", "verifier_sha256"))
    except ArrayFileError as error:
        raise ModelError(f"{path}: can't be read as a feature bank: {error}. {_RESTORE}") from None
    rows, held = arrays["features"], arrays["held"]
    numbers = {name: arrays[name] for name in ("kind", "group")}
    made_by = str(arrays["verifier_sha256"])
    if made_by != network_sha256:
        raise ModelError(
            f"{path}: was made by another network ({made_by[:12]}...) than this model's "
            f"({network_sha256[:12]}...). {_RESTORE}"
        )
    shapes = {"held": held.shape} | {name: array.shape for name, array in numbers.items()}
    if rows.ndim != 2 or rows.shape[1] != features or {*shapes.values()} != {(len(rows),)}:
        listed = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        raise ModelError(
            f"{path}: features {list(rows.shape)}, {listed} are not [n, {features}] and [n]. "
            f"{_RESTORE}"
        )
    for name, array in numbers.items():
        if not np.issubdtype(array.dtype, np.integer):
            raise ModelError(f"{path}: {name} is {array.dtype}, not integers. {_RESTORE}")
    if held.dtype != np.bool_:
        raise ModelError(f"{path}: held is {held.dtype}, not bool. {_RESTORE}")
    kind = numbers["kind"].astype(np.intp)
    unknown = kind[(kind < 0) | (kind >= kinds)]
    if len(unknown):
        raise ModelError(
            f"{path}: has crops of kind {unknown[0]}, the head has {kinds} kinds. {_RESTORE}"
        )
    if not np.isfinite(rows).all():
        raise ModelError(f"{path}: has numbers that are not finite. {_RESTORE}")
    if not held.any() or held.all():
        raise ModelError(f"{path}: has no crops held back, or none for replay. {_RESTORE}")
    return FeatureBank(rows.astype(np.float32), kind, held, numbers["group"].astype(np.intp))
