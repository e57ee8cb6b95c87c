"""Sessions and connections as OPC 10000-4 defines them, where asyncua 2.1.0 does not.

Sessions get random numbers: asyncua counts from the same number at each start, so that a client
from before a restart could continue in the session of another one.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession, SessionState
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import struct_from_binary

from detector.bridge.opcua.subscriptions import Subscriptions

_CREATE = ua.NodeId(ua.ObjectIds.CreateSessionRequest_Encoding_DefaultBinary)
_ACTIVATE = ua.NodeId(ua.ObjectIds.ActivateSessionRequest_Encoding_DefaultBinary)
_WITHOUT_SESSION = {
    ua.NodeId(each)
    for each in (
        ua.ObjectIds.CloseSessionRequest_Encoding_DefaultBinary,
        ua.ObjectIds.FindServersRequest_Encoding_DefaultBinary,
        ua.ObjectIds.GetEndpointsRequest_Encoding_DefaultBinary,
    )
}
_DISCOVERY_SERVER = {
    ua.NodeId(ua.ObjectIds.RegisterServerRequest_Encoding_DefaultBinary),
    ua.NodeId(ua.ObjectIds.RegisterServer2Request_Encoding_DefaultBinary),
}


ABANDONED_MAX = 64
"""Number of sessions without a connection that wait for their clients. asyncua keeps each that has
a subscription for up to ten minutes, and refuses everyone from the thousandth session on."""


class Admission(Protocol):
    """Decides which clients may open a session."""

    def check(self, certificate: bytes | None, application_uri: str, peer: str) -> None:
        """Raise ServiceError if a client with this certificate (DER) may not; `peer`: its host."""


class Session(InternalSession):
    """One client's session."""

    certificate: bytes | None = None
    """Of the channel in which it was created, DER."""
    taken_by: object = None
    """The connection in which it was activated last."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.iserver.unregister_external_session(self)
        self.session_id = ua.NodeId(uuid.uuid4(), 1, ua.NodeIdType.Guid)
        self.auth_token = ua.NodeId(secrets.token_bytes(32), 0, ua.NodeIdType.ByteString)
        self.iserver.register_external_session(self)

    def publish(
        self, acks: Iterable[ua.SubscriptionAcknowledgement] | None = None
    ) -> tuple[int, list[ua.StatusCode]]:
        # asyncua looks for a subscription of anyone; a client whose own has expired then waits for
        # ever.
        if not self.subscription_service.of_session(self.session_id):
            raise ServiceError(ua.StatusCodes.BadNoSubscription)
        return super().publish(acks)

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        self._own(params.SubscriptionId)
        return super().republish(params)

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        self._own(params.SubscriptionId)
        return await super().create_monitored_items(params)

    async def transfer_subscriptions(
        self, params: ua.TransferSubscriptionsParameters, callback: Callable[..., Any]
    ) -> list[ua.TransferResult]:
        for number in params.SubscriptionIds:
            held = self.subscription_service.subscriptions.get(number)
            owner = None if held is None else self.iserver.session(held.session_id)
            if owner is not None and (owner.user, owner.certificate) != (
                self.user,
                self.certificate,
            ):
                raise ServiceError(ua.StatusCodes.BadUserAccessDenied)
        return await super().transfer_subscriptions(params, callback)

    async def call(self, params: list[ua.CallMethodRequest]) -> list[ua.CallMethodResult]:
        results = []
        for method in params:
            own = self.iserver.methods.get(method.MethodId)
            if own is None:
                results += await super().call([method])
                continue
            result = ua.CallMethodResult()
            result.StatusCode = await own(self, method)
            results.append(result)
        return results

    def _own(self, subscription_id: int) -> None:
        mine = self.subscription_service.of_session(self.session_id)
        if all(each.data.SubscriptionId != subscription_id for each in mine):
            raise ServiceError(ua.StatusCodes.BadSubscriptionIdInvalid)


class Sessions(InternalServer):
    """The services behind all connections."""

    def __init__(self, user_manager: Any, admission: Admission | None) -> None:
        super().__init__(user_manager)
        self.admission = admission
        self.methods: dict[ua.NodeId, Callable[..., Awaitable[ua.StatusCode]]] = {}
        """Methods that are served for any object: those of alarms, which have no nodes."""
        self.allow_remote_admin = False
        self.subscription_service = Subscriptions(self.aspace, self)
        self.isession.subscription_service = self.subscription_service
        self._abandoned: dict[ua.NodeId, Session] = {}
        """By token, the longest abandoned first."""

    def create_session(
        self, name: str, user: User | None = None, external: bool = False
    ) -> Session:
        user = user or User(role=UserRole.Anonymous)
        return Session(self, self.aspace, self.subscription_service, name, user, external)

    def session(self, session_id: ua.NodeId) -> Session | None:
        held = self._external_sessions.values()
        return next((each for each in held if each.session_id == session_id), None)

    def taken(self, session: Session, processor: object) -> None:
        """A client has activated a session in this connection."""
        session.taken_by = processor
        self._abandoned.pop(session.auth_token, None)

    async def abandon(self, session: Session, processor: object) -> None:
        """The connection has ended; closes the longest abandoned sessions beyond the limit."""
        if session.taken_by is processor and session.state is not SessionState.Closed:
            self._abandoned[session.auth_token] = session
        for token, each in list(self._abandoned.items()):
            if each.state is SessionState.Closed:
                del self._abandoned[token]
        while len(self._abandoned) > ABANDONED_MAX:
            await self._abandoned.pop(next(iter(self._abandoned))).close_session(True)


class _Processor(UaProcessor):
    """The requests of one connection."""

    session: Any

    async def process(self, header: Any, body: Any) -> Any:
        # An asyncua client that reconnects sends a publish request before it opens the channel.
        # Answered by the end of the connection, it does so again at each of its attempts.
        early = header.MessageType == ua.MessageType.SecureMessage
        if early and not self._connection.is_open():
            return True
        return await super().process(header, body)

    async def _process_message(self, typeid: Any, requesthdr: Any, seqhdr: Any, body: Any) -> Any:
        token, policy = requesthdr.AuthenticationToken, self._connection.security_policy
        if typeid in _DISCOVERY_SERVER:
            raise ServiceError(ua.StatusCodes.BadServiceUnsupported)
        if typeid == _CREATE:
            self._admit(struct_from_binary(ua.CreateSessionParameters, body.copy()))
        elif typeid == _ACTIVATE:
            if self.session is not None and self.session.auth_token != token:
                self.session = None  # another session of this client is looked up
            known = self.iserver.lookup_external_session(token)
            if known is not None and known.certificate != policy.peer_certificate:
                raise ServiceError(ua.StatusCodes.BadSecurityChecksFailed)
        elif typeid not in _WITHOUT_SESSION:
            session = self.session
            if session is None or session.state is SessionState.Closed:
                raise ServiceError(ua.StatusCodes.BadSessionIdInvalid)
            if session.auth_token != token:
                raise ServiceError(ua.StatusCodes.BadSessionIdInvalid)
        done = await super()._process_message(typeid, requesthdr, seqhdr, body)
        if typeid == _CREATE:
            self.session.certificate = policy.peer_certificate
        elif typeid == _ACTIVATE:
            self.iserver.taken(self.session, self)
        return done

    async def close(self) -> None:
        await super().close()
        if self.session is not None:
            await self.iserver.abandon(self.session, self)

    def _admit(self, params: ua.CreateSessionParameters) -> None:
        policy = self._connection.security_policy
        # asyncua opens a channel without security for discovery, whatever the endpoints are.
        if not any(each.matches(policy.URI, policy.Mode) for each in self._connection._policies):
            raise ServiceError(ua.StatusCodes.BadSecurityPolicyRejected)
        if self.iserver.admission is not None:
            # The certificate of the channel, which has proved that it has the key.
            uri, peer = params.ClientDescription.ApplicationUri or "", str(self.name[0])
            self.iserver.admission.check(policy.peer_certificate, uri, peer)


class _Connection(OPCUAProtocol):
    processor: Any

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if self.processor is not None:
            self.processor = _Processor(self.iserver, self.transport, self.limits)
            self.processor.set_policies(self.policies)

    async def _process_one_msg(self, header: Any, buf: Any) -> bool:
        try:
            return bool(await super()._process_one_msg(header, buf))
        except Exception:  # unreadable, or out of sequence: OPC 10000-6 has the connection closed
            if self.transport is not None:
                self.transport.close()
            return False


class _Listener(BinaryServer):
    def _make_protocol(self) -> OPCUAProtocol:
        return _Connection(
            self.iserver, self._policies, self.clients, self.closing_tasks, self.limits
        )

    async def stop(self) -> None:
        # First, or clients come back while their connections are being closed, and the server
        # waits for them.
        if self._server is not None:
            self._server.close()
        await super().stop()


class UaServer(Server):
    """asyncua's server on these sessions. Raises OSError if the address is taken."""

    async def start(self) -> None:
        await self._setup_server_nodes()
        await self.iserver.start()
        self.bserver = _Listener(self.iserver, *self._get_bind_socket_info(), self.limits)
        self.bserver.set_policies(self._policies)
        try:
            await self.bserver.start()
        except OSError:
            await self.iserver.stop()
            raise
