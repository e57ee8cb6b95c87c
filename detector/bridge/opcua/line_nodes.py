"""The nodes of one line, under the names of OPC 40100-1 where it has one.

Node ids are made of the line's name and the path, `ns=2;s=<line>.Gas`: the same whatever other
lines are bridged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.common.events import Event as UaEvent
from asyncua.common.events import get_event_obj_from_type_node

from detector.bridge.bridge import BridgedLine
from detector.bridge.events import Event
from detector.bridge.opcua.alarms import SEVERITY, Alarms, new_event, result_id
from detector.bridge.opcua.sessions import UaServer
from detector.bridge.opcua.subscriptions import SERVER
from detector.bridge.register_map import NODE, UNKNOWN_WORD, Register, decode
from detector.bridge.register_words import BeltWord, HazardWord, JamState, TopPriority, VisionWord

VISION_STATES = {  # OPC 40100-1, 8.2.6
    VisionWord.UNKNOWN: "Preoperational",
    VisionWord.READY: "Operational",
    VisionWord.DEGRADED: "Operational",
    VisionWord.UNAVAILABLE: "Error",
    VisionWord.MAINTENANCE: "Halted",
}
UNKNOWN_STATUS = ua.StatusCodes.Uncertain
"""Status of a value that reads unknown.

Not Bad: a client may then keep the former value, which may read clear. No substatus: each of them
says that the value is a usable one.
"""
_UNKNOWN: dict[str, int] = {
    "gas": HazardWord.UNKNOWN,
    "battery": HazardWord.UNKNOWN,
    "jam": HazardWord.UNKNOWN,
    "top_priority": TopPriority.UNKNOWN,
    "jam_state": JamState.UNKNOWN,
    "belt_state": BeltWord.UNKNOWN,
    "coverage": UNKNOWN_WORD,
    "frame_age_ms": UNKNOWN_WORD,
}
_OF_RESULT = (
    ("ResultId", ua.VariantType.String),
    ("CreationTime", ua.VariantType.DateTime),
    ("IsPartial", ua.VariantType.Boolean),
    ("ResultContent", ua.VariantType.String),
    ("AlarmState", ua.VariantType.String),
    ("Hazard", ua.VariantType.String),
    ("Seq", ua.VariantType.UInt32),
)
_OF_ALARM = tuple(
    each for each in _OF_RESULT if each[0] in {"ResultId", "AlarmState", "Hazard", "Seq"}
)


@dataclass(frozen=True)
class EventTypes:
    """An event of each of our types, to be copied."""

    result: UaEvent
    alarm: UaEvent

    @classmethod
    async def make(cls, server: UaServer, index: int) -> EventTypes:
        """Add the types to the server's address space."""
        made = []
        for name, base, fields in (
            ("ResultReadyEventType", ua.ObjectIds.BaseEventType, _OF_RESULT),
            ("HazardAlarmType", ua.ObjectIds.AlarmConditionType, _OF_ALARM),
        ):
            parent = server.get_node(ua.NodeId(base))
            kind = await parent.add_object_type(ua.NodeId(name, index), f"{index}:{name}")
            for field, variant in fields:
                await kind.add_property(
                    ua.NodeId(f"{name}.{field}", index),
                    f"{index}:{field}",
                    ua.get_default_value(variant),
                    variant,
                )
            made.append(await get_event_obj_from_type_node(kind))
        alarm = made[1]
        alarm.add_property("NodeId", None, ua.VariantType.NodeId)  # the ConditionId
        return cls(*made)


class LineNodes:
    """The nodes of one line, and its events."""

    def __init__(self, server: UaServer, line: BridgedLine, index: int, types: EventTypes) -> None:
        if line.ends.line is None:
            raise ValueError("the line's name is not known: its node ids are made of it")
        self._server, self._line, self._index, self._types = server, line, index, types
        self._name = line.ends.line
        self._nodes: dict[str, ua.NodeId] = {}
        self._written: dict[str, tuple[Any, bool]] = {}
        self._sent: dict[int, int] = {}
        """Last revision sent, by event number."""
        self.node = self._id()
        self.alarms = Alarms(types.alarm, self._name, self.node, line.ask)

    def _id(self, *path: str) -> ua.NodeId:
        return ua.NodeId(".".join((self._name, *path)), self._index)

    async def make(self) -> None:
        """Add the nodes to the server's address space."""
        index, objects = self._index, self._server.nodes.objects
        system = await objects.add_object(self.node, f"{index}:{self._name}")
        folders: dict[tuple[str, ...], Any] = {(): system}
        for name in ("VisionStateMachine", "ResultManagement"):
            folders[name,] = await system.add_object(self._id(name), f"{index}:{name}")
        variables: list[tuple[tuple[str, ...], str, Any, ua.VariantType]] = [
            ((), "Line", self._name, ua.VariantType.String),
            (
                ("VisionStateMachine",),
                "CurrentState",
                ua.LocalizedText("Preoperational", "en"),
                ua.VariantType.LocalizedText,
            ),
            (("ResultManagement",), "Results", "[]", ua.VariantType.String),
        ]
        variables += [((), _camel(each), 0, _variant(each)) for each in NODE]
        for path, name, value, variant in variables:
            node = self._id(*path, name)
            await folders[path].add_variable(node, f"{index}:{name}", value, variant)
            self._nodes[name] = node
        await system.set_event_notifier([ua.EventNotifier.SubscribeToEvents])
        server = self._server.get_node(SERVER)
        await server.add_reference(system, ua.ObjectIds.HasNotifier)
        for kind in (self._types.result, self._types.alarm):
            await system.add_reference(kind.EventType, ua.ObjectIds.GeneratesEvent)

    async def refresh(self, now_ns: int) -> None:
        """Update all variables and send events for new revisions."""
        values, records = decode(self._line.registers.words(now_ns))
        state = ua.LocalizedText(VISION_STATES[VisionWord(values["state"])], "en")
        await self._write("CurrentState", state, ua.VariantType.LocalizedText)
        shown = json.dumps([each for each in records if each["seq"]])
        await self._write("Results", shown, ua.VariantType.String)
        for register in NODE:
            value = values[register.name]
            known = register.name not in _UNKNOWN or value != _UNKNOWN[register.name]
            await self._write(_camel(register), value, _variant(register), known=known)
        events = self._line.watch.known()
        for event in events:
            if event.alert.revision > self._sent.get(event.seq, 0):
                self._sent[event.seq] = event.alert.revision
                subscriptions = self._server.iserver.subscription_service
                await subscriptions.trigger_event(self._result_ready(event))
                await subscriptions.trigger_event(self.alarms.revise(event))
        seqs = {event.seq for event in events}
        self._sent = {seq: sent for seq, sent in self._sent.items() if seq in seqs}
        self.alarms.forget(seqs)

    async def _write(
        self, name: str, value: Any, variant: ua.VariantType, *, known: bool = True
    ) -> None:
        if self._written.get(name) == (value, known):
            return
        self._written[name] = (value, known)
        code = ua.StatusCodes.Good if known else UNKNOWN_STATUS
        data = ua.DataValue(
            ua.Variant(value, variant),
            StatusCode=ua.StatusCode(code),
            SourceTimestamp=datetime.now(UTC),
        )
        await self._server.write_attribute_value(self._nodes[name], data)

    def _result_ready(self, event: Event) -> UaEvent:
        alert = event.alert
        sent = new_event(self._types.result, self.node, self._name)
        sent.CreationTime = datetime.fromtimestamp(alert.t_capture_utc_ns / 1e9, UTC)
        sent.IsPartial = event.in_view  # further revisions may follow
        sent.ResultId, sent.ResultContent = result_id(alert), alert.model_dump_json()
        sent.AlarmState, sent.Hazard, sent.Seq = str(alert.state), str(alert.hazard), event.seq
        sent.Severity = SEVERITY[alert.priority]
        sent.Message = ua.LocalizedText(f"{alert.hazard} {alert.kind} {alert.event_id}")
        return sent


def _camel(register: Register) -> str:
    return "".join(part.capitalize() for part in register.name.split("_"))


def _variant(register: Register) -> ua.VariantType:
    return ua.VariantType.UInt32 if register.kind == "uint32" else ua.VariantType.UInt16
