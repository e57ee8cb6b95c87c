"""OPC UA with a real client; skipped if the extra `opcua` is not installed."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import Any

import pytest

asyncua = pytest.importorskip("asyncua", reason="the extra opcua is not installed")

from detector.bridge.bridge import BridgedLine, LineEnds  # noqa: E402
from detector.bridge.opcua.server import NAMESPACE, OpcUaServer  # noqa: E402
from detector.wire.messages import AlarmState, Outcome, Revision  # noqa: E402
from tests.accepted import accepted_socket, ends_by_itself  # noqa: E402
from tests.bridge.conftest import SimulatedLine  # noqa: E402
from tests.small_line import PATIENCE_S  # noqa: E402

ENDS = LineEnds("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5557", 1, "hall-2")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Events:
    def __init__(self) -> None:
        self.received: asyncio.Queue[Any] = asyncio.Queue()

    def event_notification(self, event: Any) -> None:
        self.received.put_nowait(event)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_a_client_reads_the_registers_content_and_receives_an_event_per_revision() -> None:
    async def run() -> None:
        simulated = SimulatedLine()
        line = BridgedLine(ENDS, 0)
        line.watch, line.registers = simulated.watch, simulated.registers
        endpoint = f"opc.tcp://127.0.0.1:{free_port()}/vigitri"
        async with OpcUaServer(endpoint, [line]) as server, asyncua.Client(endpoint) as client:
            index = await client.get_namespace_index(NAMESPACE)
            system = await client.nodes.objects.get_child(f"{index}:hall-2")

            async def read(*path: str) -> Any:
                await server.refresh(simulated.now_ns)
                node = await system.get_child([f"{index}:{name}" for name in path])
                return await node.read_data_value(raise_on_bad_status=False)

            boot = await read("VisionStateMachine", "CurrentState")
            assert boot.Value.Value.Text == "Preoperational"
            unknown = await read("Gas")
            assert (unknown.Value.Value, unknown.StatusCode.is_good()) == (0, False)

            simulated.inference()
            simulated.state()
            clear = await read("Gas")
            assert (clear.Value.Value, clear.StatusCode.is_good()) == (1, True)
            state = await read("VisionStateMachine", "CurrentState")
            assert state.Value.Value.Text == "Operational"

            events = Events()
            subscription = await client.create_subscription(10, events)
            kind = await client.nodes.base_event_type.get_child(f"{index}:ResultReadyEventType")
            await subscription.subscribe_events(system, kind)
            alert = simulated.alert()
            assert (await read("Gas")).Value.Value == 2
            (record,) = json.loads((await read("ResultManagement", "Results")).Value.Value)
            event = await asyncio.wait_for(events.received.get(), PATIENCE_S)
            assert event.ResultId == f"{alert.boot_id}/{alert.event_id}"
            assert event.Seq == record["seq"]
            assert json.loads(event.ResultContent)["event_id"] == alert.event_id
            simulated.alert(kind=Revision.UPDATED, state=AlarmState.LATCHED)
            await server.refresh(simulated.now_ns)
            event = await asyncio.wait_for(events.received.get(), PATIENCE_S)
            assert (event.AlarmState, event.Severity) == ("latched", 900)

            closed = {"state": AlarmState.NORMAL, "outcome": Outcome.REMOVED}
            simulated.alert(kind=Revision.CLEARED, **closed)
            await server.refresh(simulated.now_ns)
            assert (
                await asyncio.wait_for(events.received.get(), PATIENCE_S)
            ).AlarmState == "normal"

            simulated.later(1000)
            lost = await read("Gas")
            assert (lost.Value.Value, lost.StatusCode.is_good()) == (0, False)
            assert (await read("VisionStateMachine", "CurrentState")).Value.Value.Text == "Error"
            await subscription.delete()

    asyncio.run(run())


def test_the_kernel_closes_connections_of_vanished_clients() -> None:
    async def run() -> None:
        line = BridgedLine(ENDS, 0)
        port = free_port()
        endpoint = f"opc.tcp://127.0.0.1:{port}/vigitri"
        async with OpcUaServer(endpoint, [line]):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            url = endpoint.encode()
            hello = struct.pack("<5I", 0, 65536, 65536, 0, 0) + struct.pack("<I", len(url)) + url
            writer.write(b"HELF" + struct.pack("<I", 8 + len(hello)) + hello)
            assert await asyncio.wait_for(reader.readexactly(4), PATIENCE_S) == b"ACKF"
            with accepted_socket(writer.get_extra_info("sockname")) as accepted:
                assert ends_by_itself(accepted)
            writer.close()
            await writer.wait_closed()

    asyncio.run(run())
