"""A model folder whose verifier's head can be adapted: network, heads, feature bank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.adaptation.answers import FeatureNetwork
from detector.adaptation.feature_bank import BANK, FeatureBank, load_bank
from detector.adaptation.verdicts import VerdictRule, verdict_rule
from detector.vision.catalogue import ModelError, ModelFolder
from detector.vision.features import OnnxFeatures
from detector.vision.verifier import VerifierHead, load_head
from detector.vision.verifier_card import VerifierCard


@dataclass(frozen=True, slots=True, eq=False)
class AdaptableModel:
    """Everything of a model that its adaptation needs."""

    model: ModelFolder
    verifier: VerifierCard
    network: FeatureNetwork
    head: VerifierHead
    """The deployed head."""
    shipped: VerifierHead
    """The head that the model came with: what is compared with it can't get worse bit by bit, from
    one adaptation to the next."""
    bank: FeatureBank
    rule: VerdictRule


def open_adaptable(model: ModelFolder) -> AdaptableModel:
    """Open a model for adaptation of its head.

    The network runs in onnxruntime, in float32, as it did for the feature bank.

    Raises:
        ModelError: The model has no verifier, or a file is missing, damaged or of another model.
        EngineError: Inference failed.
    """
    verifier = verifier_of(model)
    head = load_head(model.path / verifier.head)
    kinds, features = head.weights.shape
    if kinds != len(verifier.kinds):
        raise ModelError(
            f"{model.path}: {verifier.head} has {kinds} kinds, the card has "
            f"{len(verifier.kinds)}. Restore the model"
        )
    network_sha256 = model.card.files[verifier.features]
    bank = load_bank(model.path / BANK, network_sha256, kinds, features)
    shipped = head
    if verifier.adapted:
        first = model.path / verifier.adapted[0].previous
        shipped = load_head(first)
        if shipped.weights.shape != head.weights.shape:
            raise ModelError(
                f"{first}: has {list(shipped.weights.shape)} weights, {verifier.head} has "
                f"{list(head.weights.shape)}. Restore the model"
            )
    network = OnnxFeatures(model, verifier)
    px = verifier.input_px
    given = network.features(np.zeros((verifier.batches[-1], px, px, 3), dtype=np.uint8))
    if given.ndim != 2 or given.shape[1] != features:
        raise ModelError(
            f"{model.path}: {verifier.features} gives {list(given.shape)}, {verifier.head} takes "
            f"{features} features. Restore the model"
        )
    rule = verdict_rule(model.card, verifier)
    return AdaptableModel(model, verifier, network, head, shipped, bank, rule)


def verifier_of(model: ModelFolder) -> VerifierCard:
    """The verifier of a model. Raises `ModelError` if it has none."""
    if model.card.verifier is None:
        raise ModelError(
            f"{model.path}: has no verifier, so it has no head to adapt. Name a model with one "
            "(`vigitri model list`); in a checkout, a detector is adapted without --head-only"
        )
    return model.card.verifier
