"""The feature bank: the verifier's features of many crops, so that a new head forgets nothing."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
    """`(n,)`: held back for evaluation."""

    @property
    def replayed(self) -> NDArray[np.float32]:
        """Features of the crops that are replayed."""
        return self.features[~self.held]


def load_bank(path: Path, network_sha256: str, kinds: int, features: int) -> FeatureBank:
    """Read a model's feature bank.

    Args:
        path: The file: arrays `features` `(n, d)` float16, `kind` `(n,)` uint8, `group` `(n,)`
            int16, `held` `(n,)` bool, and `verifier_sha256`, the network's hash as text.
        network_sha256: Hash of the network that the model has.
        kinds: Number of kinds that the head has.
        features: Number of features that the head takes.

    Raises:
        ModelError: The bank is missing, cut off, or of another model.
    """
    if not path.is_file():
        raise ModelError(f"{path}: is missing; without it a head can't be checked. {_RESTORE}")
    try:
        # Opened here: NumPy leaves the file open if it is cut off.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            rows, kind, held = arrays["features"], arrays["kind"], arrays["held"]
            made_by = str(arrays["verifier_sha256"])
    except (OSError, EOFError, ValueError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path}: can't be read as a feature bank: {reason}. {_RESTORE}") from None
    if made_by != network_sha256:
        raise ModelError(
            f"{path}: was made by another network ({made_by[:12]}...) than this model's "
            f"({network_sha256[:12]}...). {_RESTORE}"
        )
    shapes_fit = rows.ndim == 2 and kind.shape == held.shape == (len(rows),)
    if not shapes_fit or rows.shape[1] != features:
        raise ModelError(
            f"{path}: features {list(rows.shape)}, kind {list(kind.shape)} and held "
            f"{list(held.shape)} are not [n, {features}], [n] and [n]. {_RESTORE}"
        )
    if not np.issubdtype(kind.dtype, np.integer) or held.dtype != np.bool_:
        raise ModelError(
            f"{path}: kind is {kind.dtype} and held {held.dtype}, not integers and bool. {_RESTORE}"
        )
    if len(kind) and not 0 <= int(kind.min()) <= int(kind.max()) < kinds:
        raise ModelError(
            f"{path}: has crops of kind {int(kind.max())}, the head has {kinds} kinds. {_RESTORE}"
        )
    if not np.isfinite(rows).all():
        raise ModelError(f"{path}: has numbers that are not finite. {_RESTORE}")
    if not held.any() or held.all():
        raise ModelError(f"{path}: has no crops held back, or none for replay. {_RESTORE}")
    return FeatureBank(rows.astype(np.float32), kind.astype(np.intp), held)
