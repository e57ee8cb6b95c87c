"""What results come from: profile, model, version. Two runs with the same agree to the byte."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from detector import __version__
from detector.errors import VigitriError
from detector.profile.line import DEPLOYED_MODEL, LineProfile, ModelChoice
from detector.profile.loading import load_profile
from detector.vision.catalogue import ModelFolder, find_model, sha256
from detector.vision.engines import chosen_engine
from fleet.tables import Row

NO_LINE = "unsurveyed"
"""Name of the line of clips without a profile."""


class ProvenanceError(VigitriError):
    """A worker has another profile, model or version than the run."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run's clips are processed, the same for all of them."""

    model: str = ""
    """Name or folder; overrides the profiles' models. Empty: theirs."""
    thresholds: tuple[tuple[str, float], ...] = ()
    """By class; override the profile's."""
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
    """Load profile and model. Raises `ProfileError`, `ModelError`."""
    profile = None if path is None else load_profile(Path(path))
    choice = ModelChoice() if profile is None else profile.model
    thresholds = {**choice.thresholds, **dict(settings.thresholds)}
    choice = choice.model_copy(update={"threads": settings.threads, "thresholds": thresholds})
    if profile is not None:
        profile = profile.model_copy(update={"model": choice})
    name = settings.model or (choice.name if profile is not None else DEPLOYED_MODEL)
    return LineModel(profile, find_model(name, choice.signed_by), choice)


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
        "thresholds": json.dumps(
            {
                known.name: loaded.choice.thresholds.get(known.name, known.threshold)
                for known in card.classes
            }
        ),
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
