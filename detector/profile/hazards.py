"""Gas and battery in a line profile: from which probability, and which kinds."""

from __future__ import annotations

from detector.profile.section import Section, setting
from detector.vocabulary import KindAction


class ObjectHazard(Section):
    """One hazard as a model with a verifier decides on it."""

    threshold: float | None = setting(
        None,
        "probability from which an object is raised, overriding the model card's; needs a model "
        "with a verifier. Lower: higher recall, more false alarms",
        fix="leave it out, or write threshold = 0.5, above 0 and below 1",
        gt=0,
        lt=1,
    )
    kinds: dict[str, KindAction] = setting(
        {},
        'what the site does with each kind that the verifier tells apart: "call" an operator, '
        '"count" it (published, suppressed by design), "ignore" it. Kinds that are not named call. '
        "An object that may as well be of a kind that calls is not ignored. `vigitri model check` "
        "lists the kinds",
        fix='write kinds = { aerosol = "count" }, each "call", "count" or "ignore"',
    )


class Hazards(Section):
    """The hazards that are objects."""

    gas: ObjectHazard = setting(ObjectHazard(), "gas", fix="write a [hazards.gas] section")
    battery: ObjectHazard = setting(
        ObjectHazard(), "batteries", fix="write a [hazards.battery] section"
    )
