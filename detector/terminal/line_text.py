"""What a line's state says beside its sight, in words: what calls nobody, and what is not kept."""

from __future__ import annotations

from datetime import datetime, tzinfo

from detector.terminal.texts import hazard_name
from detector.wire.messages import LineState


def set_aside(state: LineState, zone: tzinfo | None = None) -> list[str]:
    """Which hazards call nobody now, until when (without a zone: the local time) and who said so;
    a shift that takes over must see it though nothing is open."""
    return [
        f"shelved / mise en sommeil: {hazard_name(each.hazard)}, until / jusqu'à "
        f"{datetime.fromtimestamp(each.t_until_utc_ns / 1e9, zone):%H:%M}, by / par {each.operator}"
        for each in state.shelved
    ]


def not_kept(state: LineState) -> list[str]:
    """Why a restart may lose alerts; nothing while all is on the disk, or none was wanted."""
    if state.journal not in {"late", "failed"}:
        return []
    reason = f" ({state.journal_reason})" if state.journal_reason else ""
    return [
        f"journal {state.journal.upper()}: a restart may lose alerts / un redémarrage peut perdre "
        f"des alertes{reason}"
    ]
