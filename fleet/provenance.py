"""What results come from: profile, model, version. Two runs with the same agree to the byte."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from detector import __version__
from detector.errors import VigitriError
from detector.profile.hazards import Hazards
from detector.profile.line import DEPLOYED_MODEL, LineProfile, ModelChoice
from detector.profile.loading import load_profile
from detector.vision.catalogue import ModelFolder, find_model, sha256
from detector.vision.engines import chosen_engine
from detector.vision.verifier_card import HAZARDS
from fleet.tables import Row

NO_LINE = "unsurveyed"
"""Name of the line of clips without a profile."""


class ProvenanceError(VigitriError):
    """A worker has another profile, model or version than the run."""


class ThresholdError(VigitriError):
    """A threshold that would decide on nothing: one line with its name and the fix."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run's clips are processed, the same for all of them."""

    model: str = ""
    """Name or folder; overrides the profiles' models. Empty: theirs."""
    thresholds: tuple[tuple[str, float], ...] = ()
    """By hazard for a model with a verifier, else by class; override the profile's."""
    fps: float | None = None
    threads: int = 1
    """Of each worker."""
    split_s: float | None = 600.0
    """Clips longer than this are split; None: none are."""


@dataclass(frozen=True, slots=True)
class LineModel:
    """A line's profile and model, as its workers load them."""

    profile: LineProfile | None
    model: ModelFolder
    choice: ModelChoice

    @property
    def line(self) -> str:
        return NO_LINE if self.profile is None else self.profile.line


def load_line(path: str | None, settings: Settings) -> LineModel:
    """Load profile and model. Raises `ProfileError`, `ModelError`, `ThresholdError`."""
    profile = None if path is None else load_profile(Path(path))
    choice = ModelChoice() if profile is None else profile.model
    name = settings.model or (choice.name if profile is not None else DEPLOYED_MODEL)
    model = find_model(name, choice.signed_by)
    choice = choice.model_copy(update={"threads": settings.threads})
    if profile is None:
        if settings.thresholds:
            raise ThresholdError("--threshold: clips without a profile have none: give --line")
        return LineModel(None, model, choice)
    given = dict(settings.thresholds)
    _refuse_unknown(given, model)
    if model.card.verifier is None:
        thresholds = {**choice.thresholds, **given}
        choice = choice.model_copy(update={"thresholds": thresholds})
        hazards = profile.hazards
    else:
        chosen = {
            hazard: getattr(profile.hazards, hazard).model_copy(update={"threshold": score})
            for hazard, score in given.items()
        }
        hazards = profile.hazards.model_copy(update=chosen)
    profile = profile.model_copy(update={"model": choice, "hazards": hazards})
    return LineModel(profile, model, choice)


def _refuse_unknown(thresholds: dict[str, float], model: ModelFolder) -> None:
    """Raises `ThresholdError` for a name that decides on nothing."""
    verified = model.card.verifier is not None
    known = HAZARDS if verified else tuple(each.name for each in model.card.classes)
    for name in thresholds:
        if name not in known:
            decides = "its verifier decides by hazard" if verified else "its classes decide"
            raise ThresholdError(
                f"--threshold {name}: {model.card.name}: {decides}: write {', '.join(known)}"
            )


def _deciding_thresholds(loaded: LineModel) -> dict[str, float]:
    """What an object must reach: by hazard with a verifier, else by class."""
    card = loaded.model.card
    if card.verifier is not None:
        hazards = Hazards() if loaded.profile is None else loaded.profile.hazards
        return {
            name: getattr(hazards, name).threshold or fusion.threshold
            for name, fusion in card.verifier.fusion.items()
        }
    return {
        known.name: loaded.choice.thresholds.get(known.name, known.threshold)
        for known in card.classes
    }


def provenance_of(path: str | None, loaded: LineModel, settings: Settings) -> Row:
    """The row of the provenance table. Raises `OSError` if a file of the profile is missing."""
    profile, card = loaded.profile, loaded.model.card
    verifier = card.verifier
    shown = {} if profile is None else profile.model_dump(mode="json")
    row: Row = {
        "line": loaded.line,
        "profile_sha256": None if profile is None else _profile_sha256(profile),
        "model": card.name,
        "model_sha256": loaded.model.sha256,
        "verifier_sha256": None if verifier is None else card.files[verifier.features],
        "verifier_head_sha256": None
        if verifier is None
        else sha256(loaded.model.path / verifier.head),
        "thresholds": json.dumps(_deciding_thresholds(loaded)),
        "version": __version__,
        "engine": chosen_engine(loaded.choice)[0],
        "fps": settings.fps,
    }
    identity = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()
    return {
        "provenance": identity[:32],
        "profile": path,
        "settings": json.dumps(shown, sort_keys=True),
        "split_s": settings.split_s,
        **row,
    }


def _profile_sha256(profile: LineProfile) -> str:
    """Of what changes results: paths, camera and wire do not, the files' contents do."""
    settings = profile.model_dump(mode="json", exclude={"wire": True, "camera": {"source"}})
    settings["model"] = {"providers": settings["model"]["providers"]}
    for section, key in (("overload", "empty_belt"), ("belt", "encoder_recording")):
        file = getattr(getattr(profile, section), key)
        settings[section][key] = None if file is None else sha256(file)
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
