"""The facts that a line publishes about itself: action points, view and model."""

from __future__ import annotations

from detector import __version__
from detector.hazards.tracking.verdict import VerifierRules
from detector.pipeline import Pipeline
from detector.vocabulary import KindAction
from detector.wire.facts import ClassFacts, HazardFacts, KindFacts, LineFacts, PointOfAction


def line_facts(pipeline: Pipeline, latency_budget_ms: float, evidence: str | None) -> LineFacts:
    """What is known of the line now: the view's size only after the first frame.

    `evidence`: endpoint at which images are sent.
    """
    line, rectifier = pipeline.line, pipeline.rectifier
    facts, rules = line.facts, line.facts.verifier
    view_mm = None if rectifier is None or facts.mm_basis == "none" else rectifier.extent_mm
    return LineFacts(
        line=facts.line,
        version=__version__,
        model=facts.model,
        model_version=line.engine.card.version,
        classes=tuple(
            ClassFacts(
                name=known.name,
                hazard=known.hazard,
                threshold=round(threshold, 4),
                plausible_length_mm=known.plausible_length_mm,
            )
            for known, threshold in zip(facts.classes, facts.thresholds, strict=True)
        ),
        kinds=() if rules is None else _kinds(rules),
        hazards=()
        if rules is None
        else tuple(
            HazardFacts(hazard=rule.hazard.value, threshold=rule.threshold)
            for rule in rules.hazards
        ),
        action_points=tuple(
            PointOfAction(name=point.name, y_mm=point.y_mm, acting_ms=point.acting_ms)
            for point in facts.action_points
        ),
        mm_basis=facts.mm_basis,
        belt_width_mm=None if view_mm is None else round(view_mm[2] - view_mm[0], 1),
        view_length_mm=None if view_mm is None else round(view_mm[3] - view_mm[1], 1),
        view_from_mm=None if view_mm is None else round(view_mm[1], 1),
        image_size_px=None if rectifier is None else rectifier.image_size_px,
        latency_budget_ms=latency_budget_ms,
        evidence=evidence,
    )


def _kinds(rules: VerifierRules) -> tuple[KindFacts, ...]:
    actions: dict[int, KindAction] = {}
    for rule in rules.hazards:
        actions |= dict(zip(rule.kinds, rule.actions, strict=True))
    return tuple(
        KindFacts(name=name, hazard=hazard, action=actions.get(kind, "ignore"))
        for kind, (name, hazard) in enumerate(
            zip(rules.kind_names, rules.kind_hazards, strict=True)
        )
    )
