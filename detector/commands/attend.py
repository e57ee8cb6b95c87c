"""`vigitri model attend`."""

from __future__ import annotations

import json
from pathlib import Path

import cv2

from detector.cli_support.options import refuse
from detector.ingest import read_image_file
from detector.profile.line import ModelChoice
from detector.vision.attention import attention, overlay
from detector.vision.catalogue import find_model
from detector.vision.engines import open_verifier
from detector.vision.verifier_card import VerifiedHazard


def attend_to(
    name: str,
    crop_file: Path,
    out: Path,
    hazard: VerifiedHazard | None,
    choice: ModelChoice,
    *,
    as_json: bool,
) -> None:
    """Write what the verifier attended to in a crop, and print what it took the object for."""
    model = find_model(name)
    verifier = open_verifier(model, choice)
    if verifier is None:
        refuse(
            f"{name}: has no verifier, so there is nothing to examine. Choose a model with one: "
            "`vigitri model list`"
        )
    crop = read_image_file(crop_file)
    height, width = crop.shape[:2]
    if height != width:
        refuse(f"{crop_file}: is {width} x {height} px. Give a crop of an alert, which is square")
    found = attention(verifier, crop, hazard)
    written, data = cv2.imencode(".png", overlay(crop, found.fall))
    assert written
    partial = out.with_name(f".{out.name}.partial")
    partial.write_bytes(data.tobytes())
    partial.replace(out)  # a reader never sees half of it
    if as_json:
        document = {
            "model": model.card.name,
            "hazard": found.hazard,
            "hazard_probability": round(found.hazard_probability, 4),
            "lowest_probability": round(found.lowest_probability, 4),
            "kinds": [
                {"name": kind, "hazard": of, "probability": round(probability, 4)}
                for kind, of, probability in found.kinds
            ],
            "image": str(out),
        }
        print(json.dumps(document, ensure_ascii=False))
        return
    kinds = ", ".join(f"{kind} {probability:.2f}" for kind, _, probability in found.kinds)
    print(f"{found.hazard} {found.hazard_probability:.2f}: {kinds}")
    print(f"with the most telling part hidden: {found.lowest_probability:.2f}; shown in {out}")
