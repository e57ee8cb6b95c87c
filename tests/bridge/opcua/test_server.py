"""What a real client reads and hears; skipped if the extra `opcua` is not installed."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any

import pytest
from asyncua import ua

from detector.bridge.opcua.server import NAMESPACE
from detector.wire.messages import AlarmState, Outcome, Revision
from tests.accepted import accepted_socket, ends_by_itself
from tests.bridge.opcua.conftest import LINE, Received, Served
from tests.small_line import PATIENCE_S

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.xdist_group("opcua"),  # one worker makes the servers
]


def test_a_client_reads_the_registers_content_and_receives_an_event_per_revision(
    at: Served,
) -> None:
    async def run() -> None:
        async with at.client() as client:
            line = at.line
            assert await client.get_namespace_index(NAMESPACE) == 2

            async def read(name: str) -> Any:
                await at.refresh()
                node = client.get_node(f"ns=2;s={LINE}.{name}")
                return await node.read_data_value(raise_on_bad_status=False)

            async def state() -> str:
                return str((await read("VisionStateMachine.CurrentState")).Value.Value.Text)

            assert await state() == "Preoperational"
            unknown = await read("Gas")
            assert (unknown.Value.Value, unknown.StatusCode.name) == (0, "Uncertain")
            line.inference()
            line.state()
            clear = await read("Gas")
            assert (clear.Value.Value, clear.StatusCode.is_good()) == (1, True)
            assert await state() == "Operational"

            received = Received()
            subscription = await client.create_subscription(20, received)
            kind = client.get_node("ns=2;s=ResultReadyEventType")
            await subscription.subscribe_events(client.get_node(f"ns=2;s={LINE}"), kind)
            alert = line.alert()
            assert (await read("Gas")).Value.Value == 2
            (record,) = json.loads((await read("ResultManagement.Results")).Value.Value)
            event = await received.event()
            assert event.ResultId == f"{alert.boot_id}/{alert.event_id}"
            assert event.Seq == record["seq"]
            assert json.loads(event.ResultContent)["event_id"] == alert.event_id
            line.alert(kind=Revision.UPDATED, state=AlarmState.LATCHED)
            await at.refresh()
            event = await received.event()
            assert (event.AlarmState, event.Severity) == ("latched", 900)
            closed = {"state": AlarmState.NORMAL, "outcome": Outcome.REMOVED}
            line.alert(kind=Revision.CLEARED, **closed)
            await at.refresh()
            assert (await received.event()).AlarmState == "normal"

            line.later(1000)
            lost = await read("Gas")
            assert (lost.Value.Value, lost.StatusCode.name) == (0, "Uncertain")
            assert await state() == "Error"

    at.run(run)


def test_a_client_that_raises_on_uncertain_never_reads_clear_while_the_line_is_blind(
    at: Served,
) -> None:
    async def run() -> None:
        async with at.client() as client:
            gas = client.get_node(f"ns=2;s={LINE}.Gas")
            at.line.inference()
            at.line.state()
            await at.refresh()
            received = Received()
            subscription = await client.create_subscription(20, received)
            await subscription.subscribe_data_change(gas, sampling_interval=20)
            assert await received.value() == (1, "Good")
            at.line.later(1000)
            await at.refresh()
            assert await received.value() == (0, "Uncertain")
            with pytest.raises(ua.UaStatusCodeError, match="uncertain"):
                await gas.read_value()

    at.run(run)


def test_node_ids_name_the_line_and_not_its_place_in_the_command(at: Served) -> None:
    async def run() -> None:
        async with at.client() as client:
            for name in ("hall-2", "hall-3"):
                assert await client.get_node(f"ns=2;s={name}.Line").read_value() == name

    at.run(run)


def test_clients_see_our_names_and_may_not_write(at: Served) -> None:
    async def run() -> None:
        async with at.client() as client:
            (endpoint,) = await client.get_endpoints()
            application = endpoint.Server
            assert application.ApplicationUri.endswith(":vigitri:bridge")
            assert application.ApplicationName.Text == "Vigitri bridge"
            assert (await client.get_namespace_array())[1] == application.ApplicationUri
            build = await client.get_node(ua.ObjectIds.Server_ServerStatus_BuildInfo).read_value()
            assert build.ProductName == "Vigitri bridge"
            with pytest.raises(ua.UaStatusCodeError):
                await client.get_node(f"ns=2;s={LINE}.Gas").write_value(1, ua.VariantType.UInt16)
            with pytest.raises(ua.UaStatusCodeError):
                await client.nodes.objects.add_object(2, "another")

    at.run(run)


def test_the_kernel_closes_connections_of_vanished_clients(at: Served) -> None:
    async def run() -> None:
        port = int(at.endpoint.rpartition(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        url = at.endpoint.encode()
        hello = struct.pack("<5I", 0, 65536, 65536, 0, 0) + struct.pack("<I", len(url)) + url
        writer.write(b"HELF" + struct.pack("<I", 8 + len(hello)) + hello)
        assert await asyncio.wait_for(reader.readexactly(4), PATIENCE_S) == b"ACKF"
        with accepted_socket(writer.get_extra_info("sockname")) as accepted:
            assert ends_by_itself(accepted)
        writer.close()
        await writer.wait_closed()

    at.run(run)
