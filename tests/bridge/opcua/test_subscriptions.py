"""Subscriptions, events and sessions, as clients of other makes expect them."""

from __future__ import annotations

import asyncio
import struct
from typing import Any
from unittest.mock import AsyncMock

import pytest
from asyncua import ua
from asyncua.ua.uaerrors import (
    BadMessageNotAvailable,
    BadNoSubscription,
    BadSessionIdInvalid,
    BadSubscriptionIdInvalid,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.bridge.opcua.subscriptions import FASTEST_MS, SLOWEST_MS, revised_interval_ms
from tests.bridge.opcua.conftest import LINE, Received, Served
from tests.small_line import PATIENCE_S

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.xdist_group("opcua"),  # one worker makes the servers
]
SERVER, SYSTEM = "i=2253", f"ns=2;s={LINE}"


def of_type(kind: int) -> ua.EventFilter:
    """A filter by OfType, as node-opcua and UaExpert make it, of this type's fields."""
    select = [
        ua.SimpleAttributeOperand(
            ua.NodeId(ua.ObjectIds.BaseEventType),
            [ua.QualifiedName(name, 0)],
            ua.AttributeIds.Value,
        )
        for name in ("EventType", "SourceName", "Message")
    ]
    operand = ua.LiteralOperand(ua.Variant(ua.NodeId(kind)))
    element = ua.ContentFilterElement(ua.FilterOperator.OfType, [operand])
    return ua.EventFilter(select, ua.ContentFilter([element]))


@pytest.mark.parametrize("source", [SERVER, SYSTEM])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ua.ObjectIds.BaseEventType, ["ResultReadyEventType", "HazardAlarmType"]),
        (ua.ObjectIds.ConditionType, ["HazardAlarmType"]),
        (ua.ObjectIds.SystemEventType, []),
    ],
)
def test_an_event_reaches_server_and_line_and_every_supertype_s_filter(
    at: Served, source: str, kind: int, expected: list[str]
) -> None:
    async def run() -> None:
        async with at.client() as client:
            received = Received()
            subscription = await client.create_subscription(20, received)
            await subscription.subscribe_events(client.get_node(source), evfilter=of_type(kind))
            plain = Received()
            other = await client.create_subscription(20, plain)
            await other.subscribe_events(client.get_node(SERVER))
            at.line.alert()
            await at.refresh()
            for name in expected:
                assert (await received.event()).EventType == ua.NodeId(name, 2)
            await plain.event()  # the one that is left out would have come by now
            assert received.events.empty()

    at.run(run)


def test_the_sampling_interval_that_is_asked_for_is_kept(at: Served) -> None:
    async def run() -> None:
        async with at.client() as client:
            received = Received()
            subscription = await client.create_subscription(20, received)
            node = client.get_node(f"{SYSTEM}.FrameAgeMs")
            started = asyncio.get_running_loop().time()
            await subscription.subscribe_data_change(node, queuesize=100, sampling_interval=200)
            at.line.inference()
            values = []
            while len(values) < 3:
                at.line.later(1)
                await at.refresh()
                await asyncio.sleep(0.01)
                while not received.values.empty():
                    values.append(await received.value())
            assert asyncio.get_running_loop().time() - started >= 0.4
            assert values[0] != values[1] != values[2]
            # The last value comes too, although nothing changes after it.
            at.line.later(1)
            await at.refresh()
            assert await received.value() != values[-1]

    at.run(run)


@settings(max_examples=50)
@given(st.floats())
def test_a_revised_interval_is_never_one_that_the_server_cannot_keep(requested: float) -> None:
    revised = revised_interval_ms(requested)
    assert FASTEST_MS <= revised <= SLOWEST_MS
    assert revised == requested or not FASTEST_MS <= requested <= SLOWEST_MS


def test_what_cannot_be_republished_is_refused_so_that_a_client_stops_asking(at: Served) -> None:
    async def run() -> None:
        async with at.client() as client, at.client() as other:
            subscription = await client.create_subscription(1000, Received())
            number = subscription.subscription_id
            with pytest.raises(BadMessageNotAvailable):
                await client.uaclient.session.republish(number, 1)
            with pytest.raises(BadSubscriptionIdInvalid):
                await client.uaclient.session.republish(number + 1, 1)
            with pytest.raises(BadSubscriptionIdInvalid):
                await other.uaclient.session.republish(number, 1)

    at.run(run)


def test_a_client_without_a_subscription_of_its_own_learns_it_when_it_publishes(
    at: Served,
) -> None:
    async def run() -> None:
        async with at.client() as client, at.client() as other:
            await client.create_subscription(1000, Received())
            with pytest.raises(BadNoSubscription):
                await other.uaclient.session.publish([])

    at.run(run)


def test_a_client_with_a_session_of_before_the_restart_is_asked_for_a_new_one(at: Served) -> None:
    async def run() -> None:
        async with at.client() as client, at.client() as other:
            token = other.uaclient.protocol.authentication_token
            client.uaclient.protocol.authentication_token = ua.NodeId(b"x" * 32, 0)
            with pytest.raises(BadSessionIdInvalid):
                await client.nodes.server_state.read_value()
            client.uaclient.protocol.authentication_token = token
            with pytest.raises(BadSessionIdInvalid):
                await client.nodes.server_state.read_value()

    at.run(run)


def test_an_event_item_without_a_filter_is_refused(at: Served) -> None:
    async def run() -> None:
        async with at.client() as client:
            subscription = await client.create_subscription(1000, Received())
            wanted = ua.MonitoredItemCreateRequest(
                ua.ReadValueId(ua.NodeId.from_string(SERVER), ua.AttributeIds.EventNotifier),
                ua.MonitoringMode.Reporting,
                ua.MonitoringParameters(ClientHandle=1),
            )
            params = ua.CreateMonitoredItemsParameters(
                subscription.subscription_id, ItemsToCreate=[wanted]
            )
            (result,) = await client.uaclient.session.create_monitored_items(params)
            assert result.StatusCode.name == "BadEventFilterInvalid"

    at.run(run)


def test_what_comes_before_the_channel_is_ignored_and_what_is_unreadable_ends_it(
    at: Served,
) -> None:
    """asyncua's client sends a publish request first when it reconnects with encryption."""

    async def run() -> None:
        port = int(at.endpoint.rpartition(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        url = at.endpoint.encode()
        hello = struct.pack("<6I", 0, 65536, 65536, 0, 0, len(url)) + url
        hello = b"HELF" + struct.pack("<I", 8 + len(hello)) + hello

        async def answer() -> bytes:
            head = await asyncio.wait_for(reader.readexactly(8), PATIENCE_S)
            await reader.readexactly(struct.unpack("<I", head[4:])[0] - 8)
            return head[:4]

        writer.write(hello)
        assert await answer() == b"ACKF"
        writer.write(b"MSGF" + struct.pack("<I", 40) + bytes(32) + hello)
        assert await answer() == b"ACKF"
        writer.write(b"OPNF" + struct.pack("<I", 40) + bytes([255]) * 32)
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        writer.close()

    at.run(run)


def test_a_transferred_subscription_sends_its_values_to_the_new_session(at: Served) -> None:
    async def run() -> None:
        async with at.client() as client, at.client() as other:
            subscription = await client.create_subscription(20, Received())
            node = client.get_node(f"{SYSTEM}.Line")
            await subscription.subscribe_data_change(node)
            arrived: asyncio.Queue[Any] = asyncio.Queue()
            session = other.uaclient.session
            number = subscription.subscription_id
            session._subscription_callbacks[number] = arrived.put_nowait
            transfer = ua.TransferSubscriptionsParameters([number], SendInitialValues=True)
            (result,) = await session.transfer_subscriptions(transfer)
            assert result.StatusCode.is_good()
            session.ensure_publish_loop()
            while True:
                message = await asyncio.wait_for(arrived.get(), PATIENCE_S)
                for data in message.NotificationMessage.NotificationData or ():
                    assert data.MonitoredItems[0].Value.Value.Value == LINE
                    return

    at.run(run)


def test_sessions_that_vanished_clients_leave_behind_do_not_keep_out_others(
    at: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with clients that start again and again: each has a subscription, and closes nothing."""
    monkeypatch.setattr("detector.bridge.opcua.sessions.ABANDONED_MAX", 2)

    async def run() -> None:
        held = at.server._sessions._external_sessions
        for _ in range(5):
            client = at.client()
            await client.connect()
            await client.create_subscription(20, Received())
            client.uaclient.session._publish_task.cancel()
            monkeypatch.setattr(client.uaclient, "close_session", AsyncMock())
            await client.disconnect()
        async with at.client() as client:
            while len(held) > 3:  # its own, and two
                await client.get_node(f"{SYSTEM}.Gas").read_value()
        for session in list(held.values()):
            await session.close_session(True)

    at.run(run)
