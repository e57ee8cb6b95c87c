"""Alarm conditions (OPC 10000-9): one condition for each alarm of a line.

A condition has no node; clients know it by the ConditionId of its events, and get all retained ones
by ConditionRefresh.
"""

from __future__ import annotations

import copy
import hashlib
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.common.events import Event as UaEvent

from detector.bridge.events import Event
from detector.wire.messages import AlarmState, Alert, Priority, Revision
from detector.wire.requests import Acknowledge

SEVERITY = {Priority.HIGH: 900, Priority.MEDIUM: 600, Priority.LOW: 300}
"""OPC UA severities range from 1 to 1000."""
ACKNOWLEDGE = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge)
REFRESH = ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh)
REFRESH_ITEM = ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh2)
EVENT_IDS = 16
"""Events of a condition by which it can be acknowledged, the last ones."""
_GONE = {AlarmState.NORMAL, AlarmState.RETURNED_UNACKNOWLEDGED, AlarmState.OUT_OF_SERVICE}
_PROCESS = ua.NodeId(ua.ObjectIds.ProcessConditionClassType)

Ask = Callable[[Acknowledge], Awaitable[str | None]]
"""Sends a command to the detector; returns why it was refused."""


class Alarms:
    """The conditions of one line."""

    def __init__(self, template: UaEvent, line: str, node: ua.NodeId, ask: Ask) -> None:
        """`template`: an event of our alarm type. `node`: of the line."""
        self._template, self._line, self._node, self._ask = template, line, node, ask
        self._conditions: dict[int, _Condition] = {}

    def revise(self, event: Event) -> UaEvent:
        """The event of a new revision of an alarm."""
        alert = event.alert
        condition = self._conditions.setdefault(event.seq, _Condition())
        if alert.state is AlarmState.UNACKNOWLEDGED:
            condition.acknowledged = False
        elif alert.kind is Revision.ACKNOWLEDGED:
            condition.acknowledged = True  # a latched alarm's state does not show it
        sent = new_event(self._template, self._node, self._line)
        sent.NodeId = ua.NodeId(f"{self._line}.{result_id(alert)}", self._node.NamespaceIndex)
        sent.EventId = _event_id(alert)
        sent.Time = datetime.fromtimestamp(alert.t_capture_utc_ns / 1e9, UTC)
        sent.Message = ua.LocalizedText(f"{alert.hazard} {alert.kind} {alert.event_id}")
        sent.Severity = sent.LastSeverity = SEVERITY[alert.priority]
        sent.ConditionName = str(alert.hazard)
        sent.ConditionClassId = _PROCESS
        sent.ConditionClassName = ua.LocalizedText("ProcessConditionClassType")
        sent.BranchId, sent.ClientUserId = ua.NodeId(), condition.user
        sent.Comment = ua.LocalizedText(condition.comment)
        sent.Quality = ua.StatusCode(ua.StatusCodes.Good)
        sent.Retain = alert.state is not AlarmState.NORMAL
        shelved = alert.state is AlarmState.SHELVED
        suppressed = alert.state is AlarmState.SUPPRESSED
        sent.SuppressedOrShelved = shelved or suppressed
        acknowledged = alert.state in {AlarmState.ACKNOWLEDGED, AlarmState.NORMAL}
        for name, value, words in (
            ("EnabledState", True, ("Enabled", "Disabled")),
            ("ActiveState", alert.state not in _GONE, ("Active", "Inactive")),
            (
                "AckedState",
                acknowledged or condition.acknowledged,
                ("Acknowledged", "Unacknowledged"),
            ),
            ("SuppressedState", suppressed, ("Suppressed", "Unsuppressed")),
            ("LatchedState", alert.state is AlarmState.LATCHED, ("Latched", "Unlatched")),
        ):
            setattr(sent, name, ua.LocalizedText(words[0] if value else words[1], "en"))
            setattr(sent, f"{name}/Id", value)
        sent.ResultId, sent.Hazard, sent.Seq = result_id(alert), str(alert.hazard), event.seq
        sent.AlarmState = str(alert.state)
        condition.event, condition.alert = sent, alert
        condition.event_ids.append(sent.EventId)
        return sent

    def forget(self, seqs: Iterable[int]) -> None:
        """Drop the conditions of all events but these."""
        kept = set(seqs)
        self._conditions = {seq: each for seq, each in self._conditions.items() if seq in kept}

    def retained(self) -> list[UaEvent]:
        """The last event of each condition that still matters."""
        events = (each.event for each in self._conditions.values())
        return [event for event in events if event is not None and event.Retain]

    def has(self, condition_id: ua.NodeId) -> bool:
        """Whether it is a condition of this line."""
        return self._condition(condition_id) is not None

    async def acknowledge(
        self, user: Any, condition_id: ua.NodeId, arguments: list[ua.Variant]
    ) -> int:
        """Acknowledge an alarm as a user; returns the status code. `arguments`: an event's id and
        a comment."""
        condition = self._condition(condition_id)
        if condition is None or condition.alert is None:
            return int(ua.StatusCodes.BadNodeIdUnknown)
        event_id, comment = (each.Value for each in [*arguments, ua.Variant(), ua.Variant()][:2])
        wrong = None
        if not getattr(user, "operator", False):
            wrong = ua.StatusCodes.BadUserAccessDenied
        elif event_id not in condition.event_ids:
            wrong = ua.StatusCodes.BadEventIdUnknown
        elif getattr(condition.event, "AckedState/Id"):
            wrong = ua.StatusCodes.BadConditionBranchAlreadyAcked
        if wrong is not None:
            return int(wrong)
        alert = condition.alert
        name = "".join(each if each.isprintable() else "?" for each in f"OPC UA, {user.name}")
        refused = await self._ask(
            Acknowledge(operator=name, boot_id=alert.boot_id, event_id=alert.event_id)
        )
        if refused is not None:
            return int(ua.StatusCodes.BadInvalidState)
        condition.user, condition.comment = str(user.name), getattr(comment, "Text", None) or ""
        return int(ua.StatusCodes.Good)

    def _condition(self, condition_id: ua.NodeId) -> _Condition | None:
        found = (each for each in self._conditions.values() if each.event is not None)
        return next((each for each in found if each.event.NodeId == condition_id), None)


class _Condition:
    """What is remembered of one alarm."""

    def __init__(self) -> None:
        self.event: Any = None
        self.alert: Alert | None = None
        self.event_ids: deque[bytes] = deque(maxlen=EVENT_IDS)
        self.acknowledged = False
        self.user = self.comment = ""


def new_event(template: UaEvent, source: ua.NodeId, name: str) -> Any:
    """A copy of an event type's event, that happens now at this node."""
    event: Any = copy.copy(template)
    event.EventId = secrets.token_bytes(16)
    event.emitting_node = event.SourceNode = source
    event.SourceName, event.LocalTime = name, ua.TimeZoneDataType()
    event.Time = event.ReceiveTime = datetime.now(UTC)
    return event


def result_id(alert: Alert) -> str:
    """Identifies an alert over restarts of detector and bridge."""
    return f"{alert.boot_id}/{alert.event_id}"


def _event_id(alert: Alert) -> bytes:
    """The same after a restart of the bridge, so that a client can still acknowledge by it."""
    text = f"{result_id(alert)}/{alert.revision}"
    return hashlib.sha256(text.encode()).digest()[:16]
