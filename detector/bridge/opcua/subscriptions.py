"""Subscriptions as OPC 10000-4 defines them, where asyncua 2.1.0 does not.

Clients of other makes depend on these: a node-opcua client whose server has restarted asks to
republish messages of its new subscription until the answer is that there are no more. asyncua
answers each request with an empty message and Good: the client asks for ever and reads nothing.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Callable
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.monitored_item_service import (
    MonitoredItemData,
    MonitoredItemService,
    MonitoredItemValues,
    WhereClauseEvaluator,
)
from asyncua.server.subscription_service import SubscriptionService

FASTEST_MS = 20.0
"""Shortest sampling and publishing interval: that at which the variables are refreshed."""
SLOWEST_MS = 3_600_000.0
SERVER = ua.NodeId(ua.ObjectIds.Server)


def revised_interval_ms(requested: float) -> float:
    """The interval that a client gets; not a number reads as the fastest."""
    if math.isnan(requested):
        return FASTEST_MS
    return min(max(requested, FASTEST_MS), SLOWEST_MS)


class Subscriptions(SubscriptionService):
    """All subscriptions of the server."""

    def __init__(self, aspace: Any, iserver: Any) -> None:
        super().__init__(aspace, iserver=iserver)
        # asyncua starts at 78 each time: a client from before a restart would take over the
        # subscription of another one.
        self._sub_id_counter = secrets.randbelow(2**30)

    async def create_subscription(
        self,
        params: ua.CreateSubscriptionParameters,
        callback: Callable[..., Any],
        session_id: ua.NodeId,
        request_callback: Callable[..., Any] | None = None,
    ) -> ua.CreateSubscriptionResult:
        # asyncua publishes at an interval of 0 with neither keepalive nor end.
        params.RequestedPublishingInterval = revised_interval_ms(params.RequestedPublishingInterval)
        keep_alive = params.RequestedMaxKeepAliveCount
        params.RequestedLifetimeCount = max(params.RequestedLifetimeCount, 3 * keep_alive)
        result = await super().create_subscription(params, callback, session_id, request_callback)
        subscription = self.subscriptions[result.SubscriptionId]
        subscription.monitored_item_srv = MonitoredItems(subscription, self.aspace)
        return result

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        subscription = self.subscriptions.get(params.SubscriptionId)
        if subscription is None:
            raise ServiceError(ua.StatusCodes.BadSubscriptionIdInvalid)
        sent = subscription._not_acknowledged_results.get(params.RetransmitSequenceNumber)
        if sent is None:
            raise ServiceError(ua.StatusCodes.BadMessageNotAvailable)
        return sent.NotificationMessage

    async def transfer_subscriptions(
        self,
        params: ua.TransferSubscriptionsParameters,
        session_id: ua.NodeId,
        callback: Callable[..., Any],
    ) -> list[ua.TransferResult]:
        results = await super().transfer_subscriptions(params, session_id, callback)
        for number, result in zip(params.SubscriptionIds, results, strict=True):
            if result.StatusCode.is_good():
                subscription = self.subscriptions[number]
                # asyncua goes on taking publish requests from the former connection.
                connection = callback.__self__  # type: ignore[attr-defined]
                subscription.pub_request_callback = connection.get_publish_request
                if params.SendInitialValues:
                    await subscription.monitored_item_srv.send_initial_values()
        return results

    def of_session(self, session_id: ua.NodeId) -> list[InternalSubscription]:
        return [each for each in self.subscriptions.values() if each.session_id == session_id]

    async def trigger_event(self, event: Any, subscription_id: int | None = None) -> None:
        for number, subscription in list(self.subscriptions.items()):
            if subscription_id in {None, number}:
                await subscription.monitored_item_srv.trigger_event(event)

    async def refresh(self, subscription_id: int, item: int | None, *events: Any) -> None:
        """Send `events` to one subscription, or to one of its monitored items."""
        items = self.subscriptions[subscription_id].monitored_item_srv
        for event in events:
            await items.trigger_event(event, item)


class _Sampled(MonitoredItemData):
    """A monitored item with its sampling interval."""

    interval_s = 0.0
    next_s = 0.0
    """Time of the event loop before which no further value is sampled."""
    timer: asyncio.TimerHandle | None = None


class MonitoredItems(MonitoredItemService):
    """The monitored items of one subscription."""

    def __init__(self, subscription: InternalSubscription, aspace: Any) -> None:
        super().__init__(subscription, aspace)
        self._sampling: set[asyncio.Task[None]] = set()

    def _interval_ms(self, requested: float) -> float:
        """The revised sampling interval; a negative one means the publishing interval."""
        if requested < 0:
            return float(self.isub.data.RevisedPublishingInterval)
        return revised_interval_ms(requested)

    def _make_monitored_item_common(
        self, params: ua.MonitoredItemCreateRequest
    ) -> tuple[ua.MonitoredItemCreateResult, MonitoredItemData]:
        result, plain = super()._make_monitored_item_common(params)
        item = _Sampled()
        item.__dict__.update(plain.__dict__)
        interval_ms = self._interval_ms(params.RequestedParameters.SamplingInterval)
        result.RevisedSamplingInterval, item.interval_s = interval_ms, interval_ms / 1000
        return result, item

    def _create_events_monitored_item(
        self, params: ua.MonitoredItemCreateRequest
    ) -> ua.MonitoredItemCreateResult:
        if not isinstance(params.RequestedParameters.Filter, ua.EventFilter):
            result = ua.MonitoredItemCreateResult()
            result.StatusCode = ua.StatusCode(ua.StatusCodes.BadEventFilterInvalid)
            return result
        result = super()._create_events_monitored_item(params)
        if result.StatusCode.is_good():
            item = self._monitored_items[result.MonitoredItemId]
            item.where_clause_evaluator = Filter(self.logger, self.aspace, item.filter.WhereClause)
        return result

    def _modify_monitored_item(
        self, params: ua.MonitoredItemModifyRequest
    ) -> ua.MonitoredItemModifyResult:
        result, item = (
            ua.MonitoredItemModifyResult(),
            self._monitored_items.get(params.MonitoredItemId),
        )
        if item is None:
            result.StatusCode = ua.StatusCode(ua.StatusCodes.BadMonitoredItemIdInvalid)
            return result
        wanted = params.RequestedParameters
        result.RevisedSamplingInterval = self._interval_ms(wanted.SamplingInterval)
        result.RevisedQueueSize = self._revise_queue_size(wanted.QueueSize)
        item.interval_s, item.queue_size = (
            result.RevisedSamplingInterval / 1000,
            result.RevisedQueueSize,
        )
        item.client_handle = wanted.ClientHandle
        if isinstance(wanted.Filter, ua.EventFilter | ua.DataChangeFilter):
            item.filter = wanted.Filter
            if isinstance(wanted.Filter, ua.EventFilter):
                where = wanted.Filter.WhereClause
                item.where_clause_evaluator = Filter(self.logger, self.aspace, where)
        return result

    async def datachange_callback(
        self, handle: int, value: ua.DataValue, error: ua.StatusCode | None = None
    ) -> None:
        """Sample at the interval that the item was promised: asyncua reports every change."""
        item = self._monitored_items.get(self._monitored_datachange.get(handle, 0))
        if error or not isinstance(item, _Sampled):
            await super().datachange_callback(handle, value, error)
            return
        loop = asyncio.get_running_loop()
        wait_s = item.next_s - loop.time()
        if wait_s > 0:
            if item.timer is None:
                item.timer = loop.call_later(wait_s, self._sample, handle, item)
            return
        if item.timer is not None:  # due, but this change was faster
            item.timer.cancel()
            item.timer = None
        item.next_s = loop.time() + item.interval_s
        await super().datachange_callback(handle, value)

    def _sample(self, handle: int, item: _Sampled) -> None:
        item.timer = None
        node = item.read_value_id
        if handle not in self._monitored_datachange or node is None:
            return
        item.next_s = 0.0
        sampling = self.trigger_datachange(handle, node.NodeId, node.AttributeId)
        task = asyncio.get_running_loop().create_task(sampling)
        self._sampling.add(task)
        task.add_done_callback(self._sampling.discard)

    def _delete_monitored_items(self, mid: int) -> ua.StatusCode:
        item = self._monitored_items.get(mid)
        if isinstance(item, _Sampled) and item.timer is not None:
            item.timer.cancel()
        return super()._delete_monitored_items(mid)

    async def send_initial_values(self) -> None:
        """Queue the current value of each variable once more."""
        for handle, mid in list(self._monitored_datachange.items()):
            item = self._monitored_items[mid]
            item.mvalue = MonitoredItemValues()
            if isinstance(item, _Sampled) and item.read_value_id is not None:
                item.next_s = 0.0
                node = item.read_value_id
                await self.trigger_datachange(handle, node.NodeId, node.AttributeId)

    async def trigger_event(self, event: Any, mid: int | None = None) -> bool:
        """Queue an event for the items at its source and at the Server object.

        asyncua reports it at its source alone; OPC 10000-3 makes the Server object the root
        notifier, where SCADA clients monitor.
        """
        nodes = dict.fromkeys((event.emitting_node, SERVER))
        items = [each for node in nodes for each in self._monitored_events.get(node, ())]
        # A refresh starts and ends at every item, whatever its filter says (OPC 10000-9, 5.5.7).
        if getattr(event, "of_refresh", False):
            items = [each for held in self._monitored_events.values() for each in held]
        if mid is not None:
            items = [each for each in items if each == mid]
        for each in items:
            await self._trigger_event(event, each)
        return bool(items)


class Filter(WhereClauseEvaluator):
    """An event filter's where clause; OfType includes subtypes, and a missing field is null."""

    def eval(self, event: Any) -> bool:
        return getattr(event, "of_refresh", False) or super().eval(event)

    def _eval_el(self, index: int, event: Any) -> Any:
        element = self.elements[index]
        if element.FilterOperator == ua.FilterOperator.OfType:
            return self._is_of(event.EventType, self._eval_op(element.FilterOperands[0], event))
        return super()._eval_el(index, event)

    def _eval_op(self, op: Any, event: Any) -> Any:
        if isinstance(op, ua.SimpleAttributeOperand) and op.BrowsePath:
            return getattr(event, "/".join(part.Name for part in op.BrowsePath), None)
        return super()._eval_op(op, event)

    def _is_of(self, kind: ua.NodeId | None, wanted: ua.NodeId) -> bool:
        subtype_of = ua.NodeId(ua.ObjectIds.HasSubtype)
        while kind is not None:
            if kind == wanted:
                return True
            node = self._aspace.get(kind)
            references = () if node is None else node.references
            parents = (
                each.NodeId
                for each in references
                if each.ReferenceTypeId == subtype_of and not each.IsForward
            )
            kind = next(parents, None)
        return False
