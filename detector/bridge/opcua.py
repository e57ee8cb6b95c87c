"""OPC UA server (asyncua): the registers' content as variables, and an event for each alert.

Names follow OPC 40100-1 (machine vision) where it defines them: each line is a vision system with a
VisionStateMachine whose CurrentState is Preoperational, Operational, Error or Halted; alerts are
reported as ResultReadyEventType with ResultId, CreationTime and ResultContent. The types are not
those of the specification (asyncua has no node set of it, nor alarms and conditions). An unknown
value has the status UncertainNoCommunicationLastUsableValue: the variable keeps its last value, so
a client must check the status.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Self

from asyncua import Server, ua

from detector.bridge.bridge import BridgedLine
from detector.bridge.events import Event
from detector.bridge.register_map import NODE, UNKNOWN_WORD, Register, decode
from detector.bridge.register_words import BeltWord, HazardWord, JamState, TopPriority, VisionWord
from detector.wire.keepalive import keep_alive
from detector.wire.messages import Priority

NAMESPACE = "urn:vigitri:opcua"
CLIENTS_MAX = 64
"""asyncua's default of 1000 nearly equals the usual limit of open files (1024) and could leave none
for the PLC's connection."""
VISION_STATES = {  # OPC 40100-1, 8.2.6
    VisionWord.UNKNOWN: "Preoperational",
    VisionWord.READY: "Operational",
    VisionWord.DEGRADED: "Operational",
    VisionWord.UNAVAILABLE: "Error",
    VisionWord.MAINTENANCE: "Halted",
}
SEVERITY = {Priority.HIGH: 900, Priority.MEDIUM: 600, Priority.LOW: 300}
"""OPC UA severities range from 1 to 1000."""
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
_EVENT = (
    ("ResultId", ua.VariantType.String),
    ("CreationTime", ua.VariantType.DateTime),
    ("IsPartial", ua.VariantType.Boolean),
    ("ResultContent", ua.VariantType.String),
    ("AlarmState", ua.VariantType.String),
    ("Hazard", ua.VariantType.String),
    ("Seq", ua.VariantType.UInt32),
)


class OpcUaServer:
    """An OPC UA server for lines; an async context manager. Call `refresh` often."""

    def __init__(self, endpoint: str, lines: Sequence[BridgedLine]) -> None:
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # it logs every client that leaves
        self.endpoint = endpoint
        self._lines = lines

    async def __aenter__(self) -> Self:
        self._server = Server()
        await self._server.init()
        self._server.set_endpoint(self.endpoint)
        self._server.set_server_name("Vigitri PLC bridge")
        self._server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        index = await self._server.register_namespace(NAMESPACE)
        kind = await self._server.create_custom_event_type(
            index, "ResultReadyEventType", ua.ObjectIds.BaseEventType, list(_EVENT)
        )
        self._shown = [_LineNodes(self._server, line, index, kind) for line in self._lines]
        for each in self._shown:
            await each.make()
        self._server.iserver.max_connections = CLIENTS_MAX
        await self._server.start()
        # asyncua supervises sessions, not whether the peer of a connection is still there.
        for listening in self._server.bserver._server.sockets:
            keep_alive(listening)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop()

    async def refresh(self, now_ns: int) -> None:
        """Update all variables and send events for new revisions."""
        for each in self._shown:
            await each.refresh(now_ns)


class _LineNodes:
    """The nodes of one line."""

    def __init__(self, server: Server, line: BridgedLine, index: int, kind: Any) -> None:
        self._server, self._line, self._index, self._kind = server, line, index, kind
        self._nodes: dict[str, Any] = {}
        self._written: dict[str, tuple[Any, bool]] = {}
        self._sent: dict[int, int] = {}
        """Last revision sent, by event number."""

    async def make(self) -> None:
        index, unit = self._index, self._line.ends.unit
        system = await self._server.nodes.objects.add_object(index, f"VisionSystem{unit}")
        machine = await system.add_object(index, "VisionStateMachine")
        results = await system.add_object(index, "ResultManagement")
        variables: dict[str, tuple[Any, Any, Any]] = {
            "Line": (system, "", ua.VariantType.String),
            "CurrentState": (machine, "Preoperational", ua.VariantType.String),
            "Results": (results, "[]", ua.VariantType.String),
        }
        for register in NODE:
            variables[_camel(register)] = (system, 0, _variant(register))
        for name, (parent, value, variant) in variables.items():
            self._nodes[name] = await parent.add_variable(index, name, value, variant)
        self._events = await self._server.get_event_generator(self._kind, system)

    async def refresh(self, now_ns: int) -> None:
        values, records = decode(self._line.registers.words(now_ns))
        state = VisionWord(values["state"])
        await self._write("Line", self._line.watch.line or "", ua.VariantType.String)
        await self._write("CurrentState", VISION_STATES[state], ua.VariantType.String)
        shown = json.dumps([each for each in records if each["seq"]])
        await self._write("Results", shown, ua.VariantType.String)
        for register in NODE:
            value = values[register.name]
            known = register.name not in _UNKNOWN or value != _UNKNOWN[register.name]
            await self._write(_camel(register), value, _variant(register), known=known)
        for event in self._line.watch.known():
            if event.alert.revision > self._sent.get(event.seq, 0):
                self._sent[event.seq] = event.alert.revision
                await self._send(event)
        known_seqs = {event.seq for event in self._line.watch.known()}
        self._sent = {seq: sent for seq, sent in self._sent.items() if seq in known_seqs}

    async def _write(
        self, name: str, value: Any, variant: ua.VariantType, *, known: bool = True
    ) -> None:
        if self._written.get(name) == (value, known):
            return
        self._written[name] = (value, known)
        code = (
            ua.StatusCodes.Good if known else ua.StatusCodes.UncertainNoCommunicationLastUsableValue
        )
        data = ua.DataValue(
            ua.Variant(value, variant), StatusCode=ua.StatusCode(code), SourceTimestamp=_now()
        )
        await self._server.write_attribute_value(self._nodes[name].nodeid, data)

    async def _send(self, event: Event) -> None:
        alert, sent = event.alert, self._events.event
        sent.ResultId = f"{alert.boot_id}/{alert.event_id}"
        sent.CreationTime = datetime.fromtimestamp(alert.t_capture_utc_ns / 1e9, UTC)
        sent.IsPartial = event.in_view  # further revisions may follow
        sent.ResultContent = alert.model_dump_json()
        sent.AlarmState, sent.Hazard, sent.Seq = str(alert.state), str(alert.hazard), event.seq
        sent.Severity = SEVERITY[alert.priority]
        await self._events.trigger(message=f"{alert.hazard} {alert.kind} {alert.event_id}")


def _camel(register: Register) -> str:
    return "".join(part.capitalize() for part in register.name.split("_"))


def _variant(register: Register) -> ua.VariantType:
    return ua.VariantType.UInt32 if register.kind == "uint32" else ua.VariantType.UInt16


def _now() -> datetime:
    return datetime.now(UTC)
