"""`vigitri answer` and `vigitri shelve`: an operator's answers."""

from __future__ import annotations

from enum import IntEnum

from detector import client
from detector.cli_support.options import print_error
from detector.wire.messages import Hazard, Outcome
from detector.wire.requests import Acknowledge, ReportOutcome, Shelve

REPLY_TIMEOUT_S = 2.0


class AnswerResult(IntEnum):
    """Result of an answer; the value is the command's exit code."""

    ACCEPTED = 0
    UNKNOWN = 1
    """No reply; the detector may have accepted the answer nevertheless."""
    REFUSED = 2


def answer_alert(
    endpoint: str,
    alert: str,
    outcome: Outcome | None,
    operator: str,
    keys: client.ClientKeys | None = None,
) -> AnswerResult:
    """Acknowledge `alert` (`BOOT/EVENT`), or report its outcome.

    Raises:
        ValueError: `alert` or another argument is invalid.
    """
    boot_id, slash, event_id = alert.partition("/")
    if not slash or not boot_id or not event_id:
        raise ValueError(
            f"{alert!r} is not an alert: write it as `vigitri watch` shows it, BOOT/EVENT, "
            "like 3f9a12cd04be/a000001"
        )
    if outcome is None:
        return _send(
            endpoint, Acknowledge(operator=operator, boot_id=boot_id, event_id=event_id), keys
        )
    return _send(
        endpoint,
        ReportOutcome(operator=operator, boot_id=boot_id, event_id=event_id, outcome=outcome),
        keys,
    )


def shelve_hazard(
    endpoint: str,
    hazard: Hazard,
    minutes: int,
    operator: str,
    keys: client.ClientKeys | None = None,
) -> AnswerResult:
    """Shelve a hazard's alarms for `minutes`. Raises like `answer_alert`."""
    return _send(endpoint, Shelve(operator=operator, hazard=hazard, minutes=minutes), keys)


def _send(
    endpoint: str, answer: Acknowledge | ReportOutcome | Shelve, keys: client.ClientKeys | None
) -> AnswerResult:
    try:
        with client.Line(None, endpoint, keys=keys) as line:
            reply = line.ask(answer, REPLY_TIMEOUT_S)
    except TimeoutError as error:
        print_error(str(error))
        return AnswerResult.UNKNOWN
    if not reply.ok:
        print_error(f"refused: {reply.reason}")
        return AnswerResult.REFUSED
    print("accepted")
    return AnswerResult.ACCEPTED
