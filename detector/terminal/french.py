"""The terminal's texts in French, by the English ones.

`say` gives a text in the language that `speak` has chosen. What the detector itself reports, such
as the reason why a line is blind, comes as it is on the wire: in English.
"""

from __future__ import annotations

import os
from typing import Literal

Language = Literal["en", "fr"]

FRENCH = {
    # one alert
    "outcome: {outcome}": "issue : {outcome}",
    "removed": "retiré",
    "false alarm": "fausse alerte",
    "not found": "pas trouvé",
    "age {age} ms": "âge {age} ms",
    "HIGH": "HAUTE",
    "MEDIUM": "MOYENNE",
    "LOW": "BASSE",
    "RAISED": "LEVÉE",
    "UPDATED": "MISE À JOUR",
    "ACKNOWLEDGED": "ACQUITTÉE",
    "CLEARED": "EFFACÉE",
    "EXPIRED": "EXPIRÉE",
    ", {n} together / ensemble": ", {n} ensemble",
    "at {x},{y} px (no mm){pile}": "à {x},{y} px (sans mm){pile}",
    " (nominal)": " (nominal)",
    " (unverified)": " (non vérifié)",
    "next: {kind}": "sinon : {kind}",
    "{n} pass": "{n} passage",
    "{n} passes": "{n} passages",
    "{point}: act within {act} s, arrives in {eta} s": (
        "{point} : agir avant {act} s, arrive dans {eta} s"
    ),
    "{point}: TOO LATE to act, arrives in {eta} s": (
        "{point} : TROP TARD pour agir, arrive dans {eta} s"
    ),
    "PAST every action point": "A PASSÉ tous les points d'action",
    # the line
    "Vigitri  line {line}  {endpoint}": "Vigitri  ligne {line}  {endpoint}",
    "vision UNKNOWN": "vision INCONNUE",
    "vision {state}": "vision {state}",
    "coverage UNKNOWN": "couverture INCONNUE",
    "coverage UNKNOWN (was {share})": "couverture INCONNUE (était {share})",
    "coverage {share} clear": "couverture {share}, libre",
    "coverage {share} OVERLOAD": "couverture {share}, TROP-PLEIN",
    "belt UNKNOWN": "tapis INCONNU",
    "belt UNKNOWN (was {speed})": "tapis INCONNU (était {speed})",
    "belt {speed} ({basis})": "tapis {speed} ({basis})",
    "none": "aucune",
    "profile": "profil",
    "image": "image",
    "encoder": "codeur",
    "by {others} mm/s": "selon {others} mm/s",
    "belt UNKNOWN{reason}": "tapis INCONNU{reason}",
    "belt STOPPED ORDERED TO RUN{reason}": "tapis À L'ARRÊT CONTRE L'ORDRE{reason}",
    "belt RUNS ORDERED TO STOP{reason}": "tapis EN MARCHE CONTRE L'ORDRE{reason}",
    "belt REVERSES{reason}": "tapis EN MARCHE ARRIÈRE{reason}",
    "belt SLIPS{reason}": "tapis EN GLISSEMENT{reason}",
    "belt DISAGREES{reason}": "tapis, VITESSES CONTRADICTOIRES{reason}",
    "belt ENCODER LOST{reason}": "tapis, CODEUR PERDU{reason}",
    "belt ENCODER STUCK{reason}": "tapis, CODEUR BLOQUÉ{reason}",
    "belt ENCODER BACKWARDS{reason}": "tapis, CODEUR À L'ENVERS{reason}",
    "frames {seen}, overwritten {lost}": "images {seen}, écrasées {lost}",
    "camera restarts {n}": "caméra redémarrée {n} fois",
    "heartbeat none": "battement aucun",
    "heartbeat {age} s": "battement {age} s",
    "missed {n}": "manqués {n}",
    "unreadable {n}": "illisibles {n}",
    "capture→here unknown": "capture→ici inconnu",
    "capture→here p50 {p50} p99 {p99} ms (last {n})": (
        "capture→ici p50 {p50} p99 {p99} ms (derniers {n})"
    ),
    "active, but no room here: {n} more": "actives, mais sans place ici : {n} de plus",
    "active, but not received here: {n} more": "actives, mais pas reçues ici : {n} de plus",
    "No active alert. / Aucune alerte.": "Aucune alerte active.",
    "No alert known: see above.": "Aucune alerte connue : voir ci-dessus.",
    "hazard / danger": "danger",
    "where": "où",
    "to act": "pour agir",
    "state / état": "état",
    "age": "âge",
    "shelved / mise en sommeil: {hazard}, until / jusqu'à {until}, by / par {operator}": (
        "mise en sommeil : {hazard}, jusqu'à {until}, par {operator}"
    ),
    "journal {state}: a restart may lose alerts / un redémarrage peut perdre des alertes{reason}": (
        "journal {state} : un redémarrage peut perdre des alertes{reason}"
    ),
    "LATE": "EN RETARD",
    "FAILED": "EN ÉCHEC",
    # events
    "the detector has restarted; earlier alerts no longer shown: {n}": (
        "le détecteur a redémarré ; alertes d'avant qui ne sont plus affichées : {n}"
    ),
    "the detector has restarted": "le détecteur a redémarré",
    "UNREADABLE: {n} messages, the last: {reason}": (
        "ILLISIBLE : {n} messages, le dernier : {reason}"
    ),
    "GAP: {gap}": "TROU : {gap}",
    "HEALED: {gap}": "TROU COMBLÉ : {gap}",
    "RESTART: {note}": "REDÉMARRAGE : {note}",
    "ENDED, its last revision is lost: {alert}": "FINIE, sa dernière révision est perdue : {alert}",
    "NOTHING RECEIVED from {endpoint}: is the detector running, and is this its wire.publish? / "
    "rien reçu": (
        "RIEN REÇU de {endpoint} : le détecteur tourne-t-il, et est-ce bien son wire.publish ?"
    ),
    "no longer / plus maintenant: {words}": "plus maintenant : {words}",
}

_spoken: Language = "en"


def speak(language: Language) -> None:
    """Choose the language of all texts of this process."""
    global _spoken  # noqa: PLW0603 - one terminal, one operator
    _spoken = language


def spoken() -> Language:
    return _spoken


def say(text: str, **values: object) -> str:
    """The text in the chosen language, its `{names}` filled in."""
    chosen = FRENCH[text] if _spoken == "fr" else text
    return chosen.format(**values) if values else chosen


def language_of_terminal() -> Language:
    """By the locale that the environment names, as programs of a terminal do."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if name := os.environ.get(variable):
            return "fr" if name.lower().startswith("fr") else "en"
    return "en"
