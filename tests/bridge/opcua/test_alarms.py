"""Alarm conditions (OPC 10000-9), with a real client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.uaerrors import (
    BadConditionBranchAlreadyAcked,
    BadEventIdUnknown,
    BadInvalidState,
    BadNodeIdUnknown,
    BadUserAccessDenied,
)

from detector.wire.messages import AlarmState, Outcome, Revision
from detector.wire.requests import Acknowledge
from tests.bridge.opcua.conftest import LINE, Received, Served
from tests.bridge.opcua.test_security import client_of, make_certificate

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.xdist_group("opcua"),  # one worker makes the servers
]
ALARM, CONDITION = ua.NodeId(ua.ObjectIds.AlarmConditionType), ua.NodeId(ua.ObjectIds.ConditionType)
ACKNOWLEDGE = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge)
REFRESH = ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh)


async def monitored(client: Any) -> tuple[Any, Received]:
    received = Received()
    subscription = await client.create_subscription(20, received)
    await subscription.subscribe_events(evtypes=client.get_node(ALARM))
    return subscription, received


def states(event: Any) -> tuple[Any, ...]:
    """Active, acknowledged, latched, suppressed or shelved, retained."""
    names = ("ActiveState/Id", "AckedState/Id", "LatchedState/Id", "SuppressedOrShelved", "Retain")
    return tuple(getattr(event, name) for name in names)


async def acknowledge(client: Any, event: Any, *, event_id: bytes | None = None) -> None:
    await client.get_node(event.NodeId).call_method(
        ACKNOWLEDGE,
        ua.Variant(event_id or event.EventId, ua.VariantType.ByteString),
        ua.Variant(ua.LocalizedText("seen"), ua.VariantType.LocalizedText),
    )


def test_each_revision_of_an_alarm_is_an_event_of_one_condition(at: Served) -> None:
    async def run() -> None:
        async with at.client() as client:
            _, received = await monitored(client)
            conditions = set()
            for changes, expected in (
                ({"state": AlarmState.UNACKNOWLEDGED}, (True, False, False, False, True)),
                ({"state": AlarmState.SHELVED}, (True, False, False, True, True)),
                ({"state": AlarmState.LATCHED}, (True, False, True, False, True)),
                (
                    {"state": AlarmState.LATCHED, "kind": Revision.ACKNOWLEDGED},
                    (True, True, True, False, True),
                ),
                ({"state": AlarmState.RETURNED_UNACKNOWLEDGED}, (False, True, False, False, True)),
                (
                    {"state": AlarmState.NORMAL, "outcome": Outcome.REMOVED},
                    (False, True, False, False, False),
                ),
            ):
                at.line.alert(**{"kind": Revision.UPDATED, **changes})
                await at.refresh()
                event = await received.event()
                assert states(event) == expected, changes
                assert (event.ConditionName, event.SourceName) == ("gas", LINE)
                assert event.Severity == 900
                conditions.add(event.NodeId)
            assert len(conditions) == 1

    at.run(run)


def test_condition_refresh_sends_what_is_retained_between_its_start_and_its_end(
    at: Served,
) -> None:
    async def run() -> None:
        at.line.alert("open", state=AlarmState.UNACKNOWLEDGED)
        at.line.alert("over", state=AlarmState.NORMAL, outcome=Outcome.REMOVED)
        await at.refresh()
        async with at.client() as client:
            subscription, received = await monitored(client)
            number = ua.Variant(subscription.subscription_id, ua.VariantType.UInt32)
            await client.get_node(CONDITION).call_method(REFRESH, number)
            start, alarm, end = [await received.event() for _ in range(3)]
            assert start.EventType == ua.NodeId(ua.ObjectIds.RefreshStartEventType)
            assert alarm.NodeId.Identifier.endswith("/open")
            assert end.EventType == ua.NodeId(ua.ObjectIds.RefreshEndEventType)
            wrong = ua.Variant(subscription.subscription_id + 1, ua.VariantType.UInt32)
            with pytest.raises(ua.UaStatusCodeError):
                await client.get_node(CONDITION).call_method(REFRESH, wrong)

    at.run(run)


def test_who_is_no_operator_cannot_acknowledge(at: Served) -> None:
    async def run() -> None:
        async with at.client() as client:
            _, received = await monitored(client)
            at.line.alert(state=AlarmState.UNACKNOWLEDGED)
            await at.refresh()
            with pytest.raises(BadUserAccessDenied):
                await acknowledge(client, await received.event())
            assert at.asked == []

    at.run(run)


def test_an_operator_s_acknowledgement_reaches_the_detector(secure: Served, tmp_path: Path) -> None:
    assert secure.security is not None
    certificate = make_certificate(tmp_path)
    secure.security.trust(certificate)
    user = ("anna", secure.security.add_user("anna", "operator"))

    async def run() -> None:
        async with await client_of(secure, certificate, user=user) as client:
            _, received = await monitored(client)
            alert = secure.line.alert(state=AlarmState.UNACKNOWLEDGED)
            await secure.refresh()
            event = await received.event()
            with pytest.raises(BadEventIdUnknown):
                await acknowledge(client, event, event_id=b"another")
            await acknowledge(client, event)
            assert secure.asked == [
                Acknowledge(operator="OPC UA, anna", boot_id=alert.boot_id, event_id=alert.event_id)
            ]
            secure.line.alert(state=AlarmState.ACKNOWLEDGED, kind=Revision.ACKNOWLEDGED)
            await secure.refresh()
            event = await received.event()
            assert (event.ClientUserId, event.Comment.Text) == ("anna", "seen")
            with pytest.raises(BadConditionBranchAlreadyAcked):
                await acknowledge(client, event)

            async def refuse(_: Any) -> str:
                return "no such alert"

            for each in secure.server._shown:
                each.alarms._ask = refuse
            secure.line.alert("b", state=AlarmState.UNACKNOWLEDGED)
            await secure.refresh()
            event = await received.event()
            with pytest.raises(BadInvalidState):
                await acknowledge(client, event)
            event.NodeId = ua.NodeId(f"{LINE}.nothing", 2)
            with pytest.raises(BadNodeIdUnknown):
                await acknowledge(client, event)

    secure.run(run)
