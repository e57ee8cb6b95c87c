"""The verifier measured on sources and places that no training saw, beside the detector alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from detector.vision.detections import Detections
from detector.vision.engine import Engine
from detector.vision.verifier import log_odds
from detector.vision.verifier_card import Fusion
from models.evaluation.scoring import IOU, GroundTruth, average_precision, overlaps, tally
from models.evaluation.scoring import threshold_for as score_for
from models.verifier import fusion, image_sets
from models.verifier.batches import middle
from models.verifier.image_sets import Proposed, Verified, matches
from models.verifier.kinds import Kinds
from models.verifier.material import Material
from models.verifier.pack import Pack
from models.verifier.strip_crops import CropStrip
from models.verifier.verdicts import HAZARD_NAMES, Floats, Verdicts, decided, probability

_BUDGET = 0.2
"""False boxes per picture at which recall is given, beside AP50."""
HARMLESS_SHARE = 0.01
"""Of harmless pictures or crops, how many may reach a threshold."""


Each = TypeVar("Each")


@dataclass(frozen=True)
class Sets(Generic[Each]):
    """One side's pictures: of hazards at belt scale, harmless ones, scenes on belts, and scenes
    cut from path-traced strips."""

    hazards: list[Each]
    harmless: list[Each]
    scenes: list[Each]
    traced: list[Each]

    def of_hazards(self) -> list[tuple[str, list[Each]]]:
        """The sets with hazards, by their names in a report."""
        sets = [
            ("held_sources_at_belt_scale", self.hazards),
            ("scenes", self.scenes),
            ("traced", self.traced),
        ]
        return [(name, of) for name, of in sets if of]


def fitted(tuning: Sets[Verified]) -> tuple[Fusion, Fusion]:
    """Fusion of both hazards on the tuning side; the sets weigh alike."""
    made = []
    for label in range(len(HAZARD_NAMES)):
        v, d, right, weights = [], [], [], []
        for verified in (tuning.hazards, tuning.harmless, tuning.scenes, tuning.traced):
            rows = [_rows(each, label) for each in verified]
            number = sum(len(row[0]) for row in rows)
            for row in rows:
                v.append(row[0])
                d.append(row[1])
                right.append(row[2])
                weights.append(np.full(len(row[0]), 1000 / max(number, 1)))
        weights_of = np.concatenate(weights)
        raw = fusion.fit(np.concatenate(v), np.concatenate(d), np.concatenate(right), weights_of)
        worst = [
            float(probability(raw, each.v[:, label], log_odds(each.found.scores)).max(initial=0))
            for each in tuning.harmless
        ]
        threshold = fusion.threshold_for(worst, HARMLESS_SHARE)
        made.append(raw.model_copy(update={"threshold": threshold}))
    return made[0], made[1]


def _rows(verified: Verified, label: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    known = matches(verified, label)
    kept = known >= 0
    return verified.v[kept, label], log_odds(verified.found.scores)[kept], known[kept] == 1


def compare(
    sets: Sets[Verified], fusions: tuple[Fusion, Fusion], thresholds: Sequence[float]
) -> dict[str, Any]:
    """The detector alone, and with the verifier. thresholds: the detector's, by class."""
    report: dict[str, Any] = {}
    for name, verified in sets.of_hazards():
        truths = [each.truth for each in verified]
        alone = [each.found for each in verified]
        both = [decided(each.found, each.v, fusions) for each in verified]
        report[name] = {"pictures": len(verified)} | {
            hazard: {
                "boxes": tally(alone, truths, label).truths,
                "proposed": _proposed(alone, truths, label),
                "detector": _figures(alone, truths, label, thresholds[label]),
                "with_verifier": _figures(both, truths, label, fusions[label].threshold),
            }
            for label, hazard in enumerate(HAZARD_NAMES)
        }
    alone_alarms = [_alarms(each.found, thresholds) for each in sets.harmless]
    levels = [each.threshold for each in fusions]
    both_alarms = [_alarms(decided(j.found, j.v, fusions), levels) for j in sets.harmless]
    equal = _equal_threshold([each.found for each in sets.harmless], sum(both_alarms))
    for name, verified in sets.of_hazards():
        for label, hazard in enumerate(HAZARD_NAMES):
            t = tally([each.found for each in verified], [each.truth for each in verified], label)
            found_at = int((t.found_at >= equal).sum())
            report[name][hazard]["detector_at_equal_alarms"] = interval(found_at, t.truths)
    report["harmless_pictures_that_raise_an_alarm"] = {
        "pictures": len(sets.harmless),
        "detector": interval(sum(alone_alarms), len(alone_alarms)),
        "with_verifier": interval(sum(both_alarms), len(both_alarms)),
    }
    return report


def _equal_threshold(found: Sequence[Detections], alarms: int) -> float:
    """The detector's lowest threshold at which no more pictures raise an alarm."""
    worst = sorted((float(each.scores.max(initial=0)) for each in found), reverse=True)
    return float(np.nextafter(worst[alarms], 2)) if alarms < len(worst) else 1e-6


def _figures(
    found: Sequence[Detections], truths: Sequence[GroundTruth], label: int, threshold: float
) -> dict[str, Any]:
    t = tally(found, truths, label)
    hits = int((t.found_at >= threshold).sum())
    at_budget = max(score_for(t, _BUDGET), 1e-6)
    wrong = int(np.count_nonzero(~t.hits & (t.scores >= threshold)))
    return {
        "ap50": round(average_precision(t), 3),
        f"recall_at_{_BUDGET}": interval(int((t.found_at >= at_budget).sum()), t.truths),
        "recall": interval(hits, t.truths),
        "false_per_picture": round(wrong / max(1, t.images), 3),
    }


def _proposed(
    found: Sequence[Detections], truths: Sequence[GroundTruth], label: int
) -> list[float]:
    """The share of boxes that a proposal of either class overlaps: the verifier can name it."""
    hits = total = 0
    for each, truth in zip(found, truths, strict=True):
        mine = truth.boxes_px[truth.classes == label]
        total += len(mine)
        if len(each) and len(mine):
            hits += int((overlaps(mine, each.boxes_px)[0].max(1) >= IOU).sum())
    return interval(hits, total)


def _alarms(found: Detections, thresholds: Sequence[float]) -> bool:
    return (
        bool((found.scores >= np.array(thresholds)[found.classes]).any()) if len(found) else False
    )


def interval(right: int, number: int) -> list[float]:
    """Share with its exact 95 % interval (Clopper-Pearson)."""
    from calibration.exact_intervals import clopper_pearson

    if not number:
        return []
    return [round(value, 3) for value in (right / number, *clopper_pearson(right, number))]


def crop_figures(
    packs: Sequence[Pack], verdicts: Verdicts, kinds: Kinds, input_px: int, side: str = "held"
) -> dict[str, Any]:
    """Crops of one side: recall of hazards by kind where 1 % of harmless crops pass; confusions."""
    names: list[str] = []
    how: list[str] = []
    found = []
    for pack in packs:
        rows = pack.on(side)
        if not len(rows):
            continue
        crops = np.stack([middle(pack.pixels(int(i)), input_px) for i in rows])
        found.append(verdicts.features(crops))
        names += [str(name) for name in pack.names[rows]]
        how += [str(each) for each in pack.how[rows]]
    probabilities = verdicts.probabilities(np.concatenate(found))
    v = verdicts.log_odds(probabilities)
    hazards = np.array([kinds.hazard(name) for name in names])
    of_kind = [_only_kind(kinds, name) for name in names]
    report: dict[str, Any] = {"crops": len(names)}
    for label, hazard in enumerate(HAZARD_NAMES):
        harmless = np.sort(v[hazards == "none", label])[::-1]
        level = float(harmless[int(HARMLESS_SHARE * len(harmless))]) if len(harmless) else 0.0
        passed = v[:, label] > level
        mine = hazards == hazard
        parts = {"all": mine} | {
            f"{part}": mine & (np.array(how) == part) for part in sorted(set(how))
        }
        parts |= {kind: mine & (np.array(of_kind) == kind) for kind in kinds.names}
        report[hazard] = {
            part: {
                "crops": int(mask.sum()),
                "recall": interval(int(passed[mask].sum()), int(mask.sum())),
            }
            for part, mask in parts.items()
            if mask.any()
        }
    report["confusion"] = _confusion(of_kind, probabilities, kinds)
    return report


def _only_kind(kinds: Kinds, name: str) -> str:
    allowed = kinds.allowed(name)
    return kinds.names[int(allowed.argmax())] if allowed.sum() == 1 else ""


def _confusion(
    of_kind: Sequence[str], probabilities: Floats, kinds: Kinds
) -> dict[str, dict[str, int]]:
    """By kind: how many crops were taken for which kind."""
    said = [kinds.names[int(row.argmax())] for row in probabilities]
    table: dict[str, dict[str, int]] = {}
    for kind, answer in zip(of_kind, said, strict=True):
        if kind:
            row = table.setdefault(kind, {})
            row[answer] = row.get(answer, 0) + 1
    ranked = {
        kind: dict(sorted(row.items(), key=lambda item: -item[1])) for kind, row in table.items()
    }
    return {kind: ranked[kind] for kind in kinds.names if kind in ranked}


def write(report: dict[str, Any], out: Path) -> Path:
    """`verifier.json` and `verifier.md`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "verifier.json").write_text(json.dumps(report, indent=1) + "\n")
    path = out / "verifier.md"
    path.write_text(markdown(report))
    return path


def _shown(figure: Sequence[float]) -> str:
    return f"{figure[0]:.3f} ({figure[1]:.3f} to {figure[2]:.3f})" if len(figure) else ""


def markdown(report: dict[str, Any]) -> str:
    """The report as tables."""
    pictures = report["pictures"]
    lines = [
        "| set | hazard | boxes | proposed | detector: AP50 | recall, false | recall at as many "
        "alarms | with verifier: AP50 | recall, false |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in pictures.items():
        for hazard in HAZARD_NAMES if "detector" not in row else ():
            one = row[hazard]
            cells = [
                f"{one[who]['ap50']:.3f} | {_shown(one[who]['recall'])}, "
                f"{one[who]['false_per_picture']}"
                for who in ("detector", "with_verifier")
            ]
            cells.insert(1, _shown(one["detector_at_equal_alarms"]))
            proposed = _shown(one["proposed"])
            lines.append(
                f"| {name} | {hazard} | {one['boxes']} | {proposed} | {' | '.join(cells)} |"
            )
    harmless = pictures["harmless_pictures_that_raise_an_alarm"]
    lines += [
        "",
        f"Of {harmless['pictures']} harmless pictures an alarm: detector "
        f"{_shown(harmless['detector'])}, with verifier {_shown(harmless['with_verifier'])}.",
        "",
        "| hazard | crops of | number | recall where 1 % of harmless crops pass |",
        "|---|---|---|---|",
    ]
    for hazard in HAZARD_NAMES:
        lines += [
            f"| {hazard} | {part} | {row['crops']} | {_shown(row['recall'])} |"
            for part, row in report["crops"][hazard].items()
        ]
    lines += ["", "| kind | crops | right | taken for |", "|---|---|---|---|"]
    for kind, row in report["crops"]["confusion"].items():
        number = sum(row.values())
        others = ", ".join(f"{k} {n}" for k, n in list(row.items())[:4] if k != kind)
        lines.append(f"| {kind} | {number} | {row.get(kind, 0) / number:.2f} | {others} |")
    return "\n".join(lines) + "\n"


def proposed_sets(
    engine: Engine,
    material: Material,
    kinds: Kinds,
    side: str,
    *,
    scenes: int,
    strips: Sequence[CropStrip] = (),
) -> Sets[Proposed]:
    """All sets of one side, with the detector's proposals."""
    laid = image_sets.belt_scenes(material, kinds, side, scenes)
    traced = image_sets.traced_scenes(strips, side, scenes)
    return Sets(
        image_sets.propose_in_scenes(engine, image_sets.hazard_scenes(material, side)),
        image_sets.propose_in_photographs(engine, image_sets.harmless_pictures(material, side)),
        image_sets.propose_in_scenes(engine, laid),
        image_sets.propose_in_scenes(engine, traced),
    )


def verified_sets(verdicts: Verdicts, sets: Sets[Proposed]) -> Sets[Verified]:
    """The same with the verifier's word."""
    parts = (sets.hazards, sets.harmless, sets.scenes, sets.traced)
    return Sets(*(image_sets.verify(verdicts, part) for part in parts))
