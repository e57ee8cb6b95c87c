"""Puts a new head into a model folder, and takes it out again."""

from __future__ import annotations

import datetime
import os
import re
import tempfile
from pathlib import Path

import numpy as np

from detector.adaptation.adaptable_model import verifier_of
from detector.vision.catalogue import ModelError, ModelFolder, sha256, write_card
from detector.vision.verifier import VerifierHead
from detector.vision.verifier_card import HeadChange


def check_writable(folder: Path) -> None:
    """Raises `ModelError` if no file can be written in a model's folder."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ModelError(
            f"{folder}: can't be written ({(error.strerror or str(error)).lower()}). Give -o "
            "FOLDER for an adapted copy, and name that folder as the profile's model"
        ) from None


def deploy_head(model: ModelFolder, head: VerifierHead, reason: str) -> Path:
    """Make `head` the model's head; returns its file.

    The new head gets a file of its own, and the card, which is replaced atomically, names it: the
    model is valid at every moment, also after a power failure. The previous head's file stays.

    Raises:
        ModelError: The model has no verifier.
        OSError: The folder can't be written.
    """
    verifier = verifier_of(model)
    path = _new_file(model.path)
    with path.open("xb") as file:
        np.savez(file, weights=head.weights, bias=head.bias)
        file.flush()
        os.fsync(file.fileno())
    change = HeadChange(
        date=datetime.date.today(),
        reason=reason,
        previous=verifier.head,
        previous_sha256=model.card.files[verifier.head],
    )
    files = {file: sha for file, sha in model.card.files.items() if file != verifier.head}
    _replace_card(model, path.name, files | {path.name: sha256(path)}, (*verifier.adapted, change))
    return path


def undo(model: ModelFolder) -> HeadChange:
    """Put the previous head back; returns the change that was taken back.

    Raises:
        ModelError: The head was never adapted, or the previous one is missing or not the same.
        OSError: The folder can't be written.
    """
    verifier = verifier_of(model)
    if not verifier.adapted:
        raise ModelError(f"{model.path}: its head has not been adapted; there is nothing to undo")
    *earlier, last = verifier.adapted
    path = model.path / last.previous
    if not path.is_file() or sha256(path) != last.previous_sha256:
        raise ModelError(
            f"{path}: the previous head is missing or was changed. Restore it from a backup"
        )
    files = {file: sha for file, sha in model.card.files.items() if file != verifier.head}
    _replace_card(
        model, last.previous, files | {last.previous: last.previous_sha256}, tuple(earlier)
    )
    return last


def _new_file(folder: Path) -> Path:
    """`verifier_head.<n>.npz`, with the number after the highest one there."""
    used = [
        int(match.group(1))
        for path in folder.iterdir()
        if (match := re.fullmatch(r"verifier_head\.(\d+)\.npz", path.name))
    ]
    return folder / f"verifier_head.{max(used, default=0) + 1}.npz"


def _replace_card(
    model: ModelFolder, head: str, files: dict[str, str], adapted: tuple[HeadChange, ...]
) -> None:
    verifier = verifier_of(model).model_copy(update={"head": head, "adapted": adapted})
    write_card(model.path, model.card.model_copy(update={"verifier": verifier, "files": files}))
