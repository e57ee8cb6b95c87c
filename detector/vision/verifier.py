"""The verifier: a second network that says, for a crop of an object, what the object is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from detector.vision.array_file import ArrayFileError, read_arrays
from detector.vision.catalogue import ModelError
from detector.vision.engine import EngineError
from detector.vision.verifier_card import VerifierCard

Real = TypeVar("Real", bound=np.floating[Any])
NEAREST = 1e-5
"""Probabilities are kept this far from 0 and 1, so that no single pass decides for good."""


class FeatureEngine(Protocol):
    """Runs a verifier's network."""

    def features(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`(n, d)` float32 of `(n, px, px, 3)` uint8 BGR; n is one of the card's batch sizes.

        Raises:
            EngineError: Inference failed.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class VerifierHead:
    """The last layer: from features to the probability of each kind."""

    weights: NDArray[np.float32]
    """`(k, d)` float32."""
    bias: NDArray[np.float32]
    """`(k,)` float32."""

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """`(n, k)` float32, each row sums to 1, of `(n, d)` features."""
        logits = features @ self.weights.T + self.bias
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits


class Verifier:
    """Scores crops in batches of fixed sizes, in a kept buffer."""

    def __init__(
        self, name: str, card: VerifierCard, head: VerifierHead, engine: FeatureEngine
    ) -> None:
        """Runs each batch size once, the largest first: an engine's first run of a size is slow,
        and it keeps the least memory if the largest comes first.

        Raises:
            ModelError: Card, head and network do not match.
            EngineError: Inference failed.
        """
        self.card, self._name, self._head, self._engine = card, name, head, engine
        if len(head.weights) != len(card.kinds):
            raise ModelError(
                f"{name}: {card.head} has {len(head.weights)} kinds, the card has "
                f"{len(card.kinds)}. Fix the card, or train the head again"
            )
        self._batches = _cheapest_batches(card.batches, card.max_crops_per_pass)
        padded = max(sum(sizes) for sizes in self._batches)
        shape = (max(padded, *card.batches), card.input_px, card.input_px, 3)
        self.crops = np.zeros(shape, dtype=np.uint8)
        """Where the crops of a pass are written: the first `card.max_crops_per_pass`."""
        for size in reversed(card.batches):
            given = engine.features(self.crops[:size])
            if given.ndim != 2 or given.shape[1] != head.weights.shape[1]:
                raise ModelError(
                    f"{name}: {card.features} gives {list(given.shape)}, {card.head} takes "
                    f"{head.weights.shape[1]} features. The two files do not belong together"
                )

    def probabilities(self, count: int) -> NDArray[np.float32]:
        """`(count, k)` float32: the probability of each kind for the first `count` crops.

        Raises:
            EngineError: Inference failed.
        """
        found: list[NDArray[np.float32]] = []
        first = 0
        for size in self._batches[count]:
            features = self._engine.features(self.crops[first : first + size])
            if len(features) != size:
                raise EngineError(f"{self._name}: {len(features)} features of {size} crops")
            found.append(features[: count - first])
            first += size
        features = np.concatenate(found) if len(found) > 1 else found[0]
        if not np.isfinite(features).all():
            raise EngineError(f"{self._name}: the verifier's features are not finite")
        return self._head.probabilities(features)


def log_odds(probabilities: NDArray[Real]) -> NDArray[Real]:
    """Finite log-odds, see `NEAREST`; same shape and dtype."""
    kept = np.clip(probabilities, NEAREST, 1 - NEAREST)
    return np.asarray(np.log(kept / (1 - kept)), probabilities.dtype)


def load_head(path: Path) -> VerifierHead:
    """Read a head. Raises `ModelError` with one line."""
    try:
        weights, bias = read_arrays(path, ("weights", "bias")).values()
    except ArrayFileError as error:
        raise ModelError(
            f"{path}: can't be read as a verifier's head (arrays weights, bias): {error}. "
            "Train it again"
        ) from None
    if (
        weights.ndim != 2
        or bias.shape != weights.shape[:1]
        or weights.dtype != np.float32
        or bias.dtype != np.float32
    ):
        raise ModelError(
            f"{path}: weights {weights.dtype} {list(weights.shape)} and bias {bias.dtype} "
            f"{list(bias.shape)} are not float32 [k, d] and [k]. Train it again"
        )
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise ModelError(f"{path}: has numbers that are not finite. Train it again")
    return VerifierHead(weights, bias)


def _cheapest_batches(sizes: tuple[int, ...], most: int) -> list[tuple[int, ...]]:
    """For 0 to `most` crops: the batches with the fewest rows in all, and of those the fewest."""
    best: list[tuple[int, ...]] = [()]
    for count in range(1, most + 1):
        options = [(size, *best[max(0, count - size)]) for size in sizes]
        best.append(min(options, key=lambda each: (sum(each), len(each), each)))
    return [tuple(sorted(each, reverse=True)) for each in best]
