"""Parts of a line's state as text: shelved hazards and problems of the journal."""

from __future__ import annotations

from datetime import datetime, tzinfo

from detector.terminal.french import say
from detector.terminal.texts import hazard_name
from detector.wire.messages import LineState


def set_aside(state: LineState, zone: tzinfo | None = None) -> list[str]:
    """Shelved hazards with end (default zone: local time) and operator.

    Shown even without open alerts, so that the next shift sees them.
    """
    return [
        say(
            "shelved / mise en sommeil: {hazard}, until / jusqu'à {until}, by / par {operator}",
            hazard=hazard_name(each.hazard),
            until=f"{datetime.fromtimestamp(each.t_until_utc_ns / 1e9, zone):%H:%M}",
            operator=each.operator,
        )
        for each in state.shelved
    ]


def not_kept(state: LineState) -> list[str]:
    """Why a restart may lose alerts; empty while all are on disk or no journal is used."""
    if state.journal not in {"late", "failed"}:
        return []
    reason = f" ({state.journal_reason})" if state.journal_reason else ""
    return [
        say(
            "journal {state}: a restart may lose alerts / "
            "un redémarrage peut perdre des alertes{reason}",
            state=say(state.journal.upper()),
            reason=reason,
        )
    ]
