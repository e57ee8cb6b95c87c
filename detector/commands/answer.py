"""`vigitri answer`: an operator's answer to an alert."""

from __future__ import annotations

import sys

from detector.wire.answers import Acknowledge, ReportOutcome, Shelve, send_answer
from detector.wire.messages import Hazard, Outcome


def answer_alert(endpoint: str, alert: str, outcome: Outcome | None, operator: str) -> bool:
    """Acknowledge `alert` (`BOOT/EVENT`), or report its outcome. Returns whether it was taken."""
    boot_id, slash, event_id = alert.partition("/")
    if not slash or not boot_id or not event_id:
        raise ValueError(
            f"{alert!r} names no alert: write it as `vigitri watch` shows it, BOOT/EVENT, "
            "like 3f9a12cd04be/a000001"
        )
    if outcome is None:
        return _send(endpoint, Acknowledge(operator=operator, boot_id=boot_id, event_id=event_id))
    return _send(
        endpoint,
        ReportOutcome(operator=operator, boot_id=boot_id, event_id=event_id, outcome=outcome),
    )


def shelve_hazard(endpoint: str, hazard: Hazard, minutes: int, operator: str) -> bool:
    """Put a hazard's alarms to sleep for a while. Returns whether it was taken."""
    return _send(endpoint, Shelve(operator=operator, hazard=hazard, minutes=minutes))


def _send(endpoint: str, answer: Acknowledge | ReportOutcome | Shelve) -> bool:
    try:
        reply = send_answer(endpoint, answer)
    except TimeoutError as error:
        print(f"vigitri: {error}", file=sys.stderr)
        return False
    if not reply.ok:
        print(f"vigitri: refused: {reply.reason}", file=sys.stderr)
        return False
    print("taken")
    return True
