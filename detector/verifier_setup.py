"""What a model's verifier is to one line: thresholds, rules and name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.hazards.tracking.verdict import VerifierRules, verifier_rules
from detector.profile.hazards import Hazards, ObjectHazard
from detector.vision.catalogue import ModelError, ModelFolder
from detector.vision.verifier_card import HAZARDS
from detector.vocabulary import KindAction
from detector.wire.messages import ModelIdentity


def proposal_thresholds(model: ModelFolder, thresholds: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(classes,)` float32: the scores from which detections are proposed to the verifier."""
    proposal = [known.proposal_threshold or known.threshold for known in model.card.classes]
    return np.minimum(np.array(proposal, dtype=np.float32), thresholds)


def rules_of(model: ModelFolder, hazards: Hazards) -> VerifierRules | None:
    """How objects are decided on, by the card and the profile's [hazards]; None: no verifier.

    Raises `ModelError`.
    """
    card = model.card.verifier
    actions: dict[str, KindAction] = {}
    thresholds: dict[str, float] = {}
    for name in HAZARDS:
        chosen: ObjectHazard = getattr(hazards, name)
        key = "kinds" if chosen.kinds else "threshold"
        if card is None:
            if chosen != ObjectHazard():
                raise ModelError(
                    f"hazards.{name}.{key}: {model.card.name} has no verifier. Remove it, or "
                    "choose a model with one: `vigitri model list`"
                )
            continue
        if chosen.threshold is not None:
            thresholds[name] = chosen.threshold
        kinds = [card.kinds[kind].name for kind in card.kinds_of(name)]
        unknown = sorted(set(chosen.kinds) - set(kinds))
        if unknown:
            raise ModelError(
                f"hazards.{name}.kinds: {model.card.name} has no kind {', '.join(unknown)} of "
                f"{name}; it has {', '.join(kinds) or 'none'}"
            )
        actions |= chosen.kinds
    return None if card is None else verifier_rules(card, actions, thresholds)


def model_identity(model: ModelFolder, *, verified: bool) -> ModelIdentity:
    """The model that an alert names. `verified`: its verifier decides."""
    files, card = model.card.files, model.card.verifier
    if card is None or not verified:
        return ModelIdentity(name=model.card.name, sha256=model.sha256)
    return ModelIdentity(
        name=model.card.name,
        sha256=model.sha256,
        verifier_sha256=files[card.features],
        verifier_head_sha256=files[card.head],
    )
