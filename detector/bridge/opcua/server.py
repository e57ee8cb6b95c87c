"""The OPC UA server: the registers' content as variables, and events and alarms of the lines.

Names follow OPC 40100-1 (machine vision) where it defines them: each line is a vision system with a
VisionStateMachine whose CurrentState is Preoperational, Operational, Error or Halted; alerts are
reported as ResultReadyEventType with ResultId, CreationTime and ResultContent, and as alarm
conditions. The types are not those of the specification, of which asyncua has no node set.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Self

from asyncua import ua
from asyncua.common.events import get_event_obj_from_type_node

from detector import __version__
from detector.bridge.bridge import BridgedLine
from detector.bridge.modbus_server import ListenError
from detector.bridge.opcua.alarms import ACKNOWLEDGE, REFRESH, REFRESH_ITEM, new_event
from detector.bridge.opcua.line_nodes import EventTypes, LineNodes
from detector.bridge.opcua.security import Anonymous, SecurityFolder, application_uri
from detector.bridge.opcua.sessions import Session, Sessions, UaServer
from detector.bridge.opcua.subscriptions import SERVER
from detector.wire.keepalive import keep_alive

NAMESPACE = "urn:vigitri:opcua"
"""Always the namespace with index 2."""
CLIENTS_MAX = 64
"""asyncua's default of 1000 nearly equals the usual limit of open files (1024) and could leave none
for the PLC's connection."""
PRODUCT_URI, NAME, MANUFACTURER = "urn:vigitri:bridge", "Vigitri bridge", "Vigitri"
SECURE = [
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Basic256Sha256_Sign,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_Sign,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_Sign,
]


class OpcUaServer:
    """An OPC UA server for lines; an async context manager. Call `refresh` often.

    Every line needs its name. `security`: certificates and users; None: neither encryption nor
    users, everybody reads. Raises ListenError and KeyFileError.
    """

    def __init__(
        self,
        endpoint: str,
        lines: Sequence[BridgedLine],
        security: SecurityFolder | None = None,
    ) -> None:
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # it logs every client that leaves
        self.endpoint = endpoint
        self._lines, self._security = lines, security

    async def __aenter__(self) -> Self:
        users = self._security or Anonymous()
        self._sessions = Sessions(users, self._security)
        self._server = server = UaServer(iserver=self._sessions)
        server.name, server.manufacturer_name, server.product_uri = NAME, MANUFACTURER, PRODUCT_URI
        server.application_type = ua.ApplicationType.Server
        await server.init()
        await server.set_build_info(
            PRODUCT_URI, MANUFACTURER, NAME, __version__, "0", datetime.now(UTC)
        )
        server.set_endpoint(self.endpoint)
        await self._secure()
        index = await server.register_namespace(NAMESPACE)
        types = await EventTypes.make(server, index)
        self._shown = [LineNodes(server, line, index, types) for line in self._lines]
        for each in self._shown:
            await each.make()
        self._refresh_events = [
            await get_event_obj_from_type_node(server.get_node(ua.NodeId(kind)))
            for kind in (ua.ObjectIds.RefreshStartEventType, ua.ObjectIds.RefreshEndEventType)
        ]
        self._sessions.methods = {
            ACKNOWLEDGE: self._acknowledge,
            REFRESH: self._refresh_conditions,
            REFRESH_ITEM: self._refresh_conditions,
        }
        self._sessions.max_connections = CLIENTS_MAX
        try:
            await server.start()
        except OSError as error:
            raise ListenError(f"{self.endpoint}: {error.strerror or error}") from None
        # asyncua supervises sessions, not whether the peer of a connection is still there.
        for listening in server.bserver._server.sockets:
            keep_alive(listening)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop()

    async def _secure(self) -> None:
        if self._security is None:
            self._server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            self._server.set_identity_tokens([ua.AnonymousIdentityToken])
            await self._server.set_application_uri(application_uri())
            return
        await self._server.set_application_uri(self._security.own_uri())
        await self._server.load_certificate(self._security.certificate)
        await self._server.load_private_key(self._security.key)
        self._server.set_security_policy(SECURE)
        self._server.set_identity_tokens([ua.AnonymousIdentityToken, ua.UserNameIdentityToken])

    async def refresh(self, now_ns: int) -> None:
        """Update all variables and send events for new revisions."""
        for each in self._shown:
            await each.refresh(now_ns)

    async def _acknowledge(self, session: Session, method: ua.CallMethodRequest) -> ua.StatusCode:
        arguments = method.InputArguments or []
        found = (each.alarms for each in self._shown if each.alarms.has(method.ObjectId))
        alarms = next(found, None)
        if alarms is None:
            return ua.StatusCode(ua.StatusCodes.BadNodeIdUnknown)
        return ua.StatusCode(await alarms.acknowledge(session.user, method.ObjectId, arguments))

    async def _refresh_conditions(
        self, session: Session, method: ua.CallMethodRequest
    ) -> ua.StatusCode:
        numbers = [each.Value for each in method.InputArguments or []]
        if len(numbers) != (1 if method.MethodId == REFRESH else 2):
            return ua.StatusCode(ua.StatusCodes.BadArgumentsMissing)
        subscriptions = self._sessions.subscription_service
        of_session = subscriptions.of_session(session.session_id)
        if all(each.data.SubscriptionId != numbers[0] for each in of_session):
            return ua.StatusCode(ua.StatusCodes.BadSubscriptionIdInvalid)
        start, end = (self._refresh_event(each) for each in self._refresh_events)
        retained = [event for each in self._shown for event in each.alarms.retained()]
        await subscriptions.refresh(numbers[0], [*numbers, None][1], start, *retained, end)
        return ua.StatusCode(ua.StatusCodes.Good)

    def _refresh_event(self, template: Any) -> Any:
        event = new_event(template, SERVER, "Server")
        event.Severity, event.Message = 1, ua.LocalizedText("condition refresh")
        event.of_refresh = True
        return event
