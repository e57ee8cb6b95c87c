"""Texts of the screen, in English and French [DOMAIN, "Alarms"]."""

from __future__ import annotations

from detector.terminal.french import spoken
from detector.wire.messages import AlarmState, Hazard, Priority

HAZARDS = {
    Hazard.GAS: ("GAS BOTTLE", "bouteille de gaz"),
    Hazard.BATTERY: ("BATTERY", "pile, batterie"),
    Hazard.OVERLOAD: ("OVERLOAD", "trop-plein"),
    Hazard.JAM: ("JAM", "bourrage"),
    Hazard.BELT_STOPPED: ("BELT STOPPED", "tapis à l'arrêt"),
    Hazard.VISION_UNAVAILABLE: ("VISION UNAVAILABLE", "vision indisponible"),
}

STATES = {
    AlarmState.NORMAL: ("closed", "close"),
    AlarmState.UNACKNOWLEDGED: ("unacknowledged", "non acquittée"),
    AlarmState.ACKNOWLEDGED: ("acknowledged", "acquittée"),
    AlarmState.RETURNED_UNACKNOWLEDGED: ("gone, unacknowledged", "disparue, non acquittée"),
    AlarmState.LATCHED: ("latched: outcome?", "maintenue : issue ?"),
    AlarmState.SHELVED: ("shelved", "mise en sommeil"),
    AlarmState.SUPPRESSED: ("suppressed by design", "inhibée par conception"),
    AlarmState.OUT_OF_SERVICE: ("out of service", "hors service"),
}

SHAPES = {Priority.HIGH: "▲", Priority.MEDIUM: "◆", Priority.LOW: "●"}
"""Each colour comes with a shape and a word, for people who can't distinguish the colours."""

DISCLAIMER = (
    "Detection aid; not a safety function, no PL or SIL claimed; "
    "replaces neither the emergency stop nor human watch.",
    "Aide à la détection ; ne constitue pas une fonction de sécurité au sens de l'EN ISO 13849-1 ; "
    "ne remplace ni l'arrêt d'urgence ni la surveillance humaine.",
)


def hazard_name(hazard: Hazard) -> str:
    """E.g. `GAS BOTTLE / bouteille de gaz`; in French `BOUTEILLE DE GAZ`."""
    return HAZARDS[hazard][1].upper() if spoken() == "fr" else " / ".join(HAZARDS[hazard])


def state_name(state: AlarmState) -> str:
    """E.g. `acknowledged / acquittée`; in French `acquittée`."""
    return STATES[state][1] if spoken() == "fr" else " / ".join(STATES[state])
