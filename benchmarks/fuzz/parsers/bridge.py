"""Frames at the real sockets of a bridge process: Modbus TCP and OPC UA."""

from __future__ import annotations

import contextlib
import socket
import struct
from pathlib import Path
from random import Random
from typing import Any, Self

from asyncua import ua
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.common.utils import Buffer
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.ua.ua_binary import (
    header_from_binary,
    nodeid_to_binary,
    struct_from_binary,
    struct_to_binary,
    uatcp_to_binary,
)
from pymodbus.client import ModbusTcpClient

from benchmarks.bridge_process import BridgeProcess
from benchmarks.fuzz.changes.of_bytes import changed_bytes
from benchmarks.fuzz.parser import Parser, UnsoundError
from benchmarks.fuzz.parsers.messages import packed, unpacked
from detector.bridge.register_map import INPUT_WORDS

NO_LINE = [("tcp://127.0.0.1:9", "tcp://127.0.0.1:10")]
TIMEOUT_S = 10.0
GROWN_MOST = 64 << 20
"""Memory that a bridge may need for what it was sent, bytes."""


class BridgeParser(Parser):
    """A bridge without a line. Its memory is looked at after each case."""

    options: tuple[str, ...] = ()
    small_bytes = 1 << 20

    def __enter__(self) -> Self:
        self._bridge = BridgeProcess(NO_LINE, *self.options).__enter__()
        self._started_bytes: int | None = None
        return self

    def __exit__(self, *raised: object) -> None:
        self._bridge.__exit__(*raised)

    def check_alive(self) -> None:
        """Raises `UnsoundError`: the bridge has ended, or its memory grows."""
        if not self._bridge.running:
            self._bridge.__exit__()
            self._bridge.__enter__()
            raise UnsoundError("the bridge has ended")
        statm = Path(f"/proc/{self._bridge.process.pid}/statm").read_text()
        resident = int(statm.split()[1]) * 4096
        if self._started_bytes is None:
            self._started_bytes = resident
        if resident - self._started_bytes > GROWN_MOST:
            self._started_bytes = resident
            raise UnsoundError(f"the bridge has grown to {resident >> 20} MiB")


class Modbus(BridgeParser):
    """Modbus TCP frames, many on one connection; after them a valid read."""

    messages_per_case = 200

    def valid(self) -> list[bytes]:
        bodies = (
            *(b"\x04\0\0\0\x3c", b"\x03\0\x64\0\x06", b"\x10\0\x64\0\x02\x04\0\1\0\2"),
            *(b"\x06\0\x64\0\1", b"\x16\0\x64\0\xf2\0\x25", b"\x2b\x0e\1\0", b"\x08\0\0\xa5\x37"),
            *(b"\x17\0\0\0\6\0\x64\0\1\2\0\xff", b"\x01\0\0\0\x08", b"\x0f\0\0\0\x08\1\xff"),
            *(b"\x18\0\0", b"\x14\x07\x06\0\4\0\1\0\2", b"\x15\x09\x06\0\4\0\7\0\1\0\1"),
        )
        return [bytes(body) for body in bodies]

    def changed(self, rng: Random) -> bytes:
        frames = [self._frame(rng) for _ in range(self.messages_per_case - 1)]
        last = self._frame(rng, length=rng.randrange(0x10000))
        return packed(
            [*frames, last if rng.random() < 0.5 else rng.randbytes(rng.randrange(1, 30))]
        )

    def _frame(self, rng: Random, length: int | None = None) -> bytes:
        """A frame with a right header, unless a length is given: the bytes after a frame with a
        wrong one are read as its rest."""
        if rng.random() < 0.2:
            body = bytes((rng.randrange(256),)) + rng.randbytes(rng.randrange(24))
        else:
            body = changed_bytes(rng, self.seeds, most=2)[:253] or b"\x04"
        head = rng.randrange(0x10000), 0, len(body) + 1 if length is None else length
        return struct.pack(">HHHB", *head, rng.choice((0, 1, 1, 1, 2, 255))) + body

    def parse(self, case: bytes) -> None:
        with socket.create_connection(self._address, timeout=TIMEOUT_S) as client:
            client.sendall(b"".join(unpacked(case)))
            client.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while client.recv(65536):
                    pass
        with ModbusTcpClient(self._bridge.host, port=self._bridge.port, timeout=TIMEOUT_S) as plc:
            sound = plc.read_input_registers(0, count=INPUT_WORDS, device_id=1)
        self.check_alive()
        if sound.isError():
            raise UnsoundError("a valid read was refused")

    @property
    def _address(self) -> tuple[str, int]:
        return self._bridge.host, self._bridge.port


_AUTHENTICATION = b"\x5a" * 16
"""Stands in a case for the token of the session in which it is sent."""
_TOKEN = bytes(nodeid_to_binary(ua.NodeId(_AUTHENTICATION, 0, ua.NodeIdType.ByteString)))


def _header() -> Any:
    header = ua.RequestHeader()
    header.AuthenticationToken = ua.NodeId(_AUTHENTICATION, 0, ua.NodeIdType.ByteString)
    return header


class OpcUa(BridgeParser):
    """OPC UA messages in an activated session, at last one with a changed header; before that a
    valid read must be answered."""

    messages_per_case = 40

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self._port = int(taken.getsockname()[1])
        self._url = f"opc.tcp://127.0.0.1:{self._port}/vigitri"
        self.options = ("--opcua", self._url, "--name", "fuzzed")
        super().__init__()

    def valid(self) -> list[bytes]:
        objects = ua.NodeId(ua.ObjectIds.ObjectsFolder)
        read, browse, path = (
            ua.ReadRequest(),
            ua.BrowseRequest(),
            ua.TranslateBrowsePathsToNodeIdsRequest(),
        )
        value = ua.ReadValueId(NodeId=objects, AttributeId=ua.AttributeIds.BrowseName)
        read.Parameters.NodesToRead = [value]
        browse.Parameters.NodesToBrowse = [ua.BrowseDescription(NodeId=objects)]
        element = ua.RelativePathElement(TargetName=ua.QualifiedName("Server", 0))
        path.Parameters.BrowsePaths = [ua.BrowsePath(objects, ua.RelativePath([element]))]
        write, create = ua.WriteRequest(), ua.CreateSubscriptionRequest()
        write.Parameters.NodesToWrite = [
            ua.WriteValue(NodeId=objects, Value=ua.DataValue(ua.Variant([1, 2])))
        ]
        create.Parameters.RequestedPublishingInterval = 100
        watch, call = ua.CreateMonitoredItemsRequest(), ua.CallRequest()
        asked = ua.MonitoredItemCreateRequest(ItemToMonitor=value)
        asked.RequestedParameters.Filter = ua.EventFilter()
        watch.Parameters.SubscriptionId, watch.Parameters.ItemsToCreate = 1, [asked]
        called = ua.CallMethodRequest(objects, objects, [ua.Variant("x"), ua.Variant(1.5)])
        call.Parameters.MethodsToCall = [called]
        others = (ua.GetEndpointsRequest(), ua.FindServersRequest(), ua.PublishRequest())
        more = (ua.RegisterNodesRequest(), ua.SetPublishingModeRequest(), ua.RepublishRequest())
        requests = [read, browse, path, write, create, watch, call, *others, *more]
        for request in requests:
            request.RequestHeader = _header()
        return [struct_to_binary(request) for request in requests]

    def changed(self, rng: Random) -> bytes:
        bodies = []
        for _ in range(self.messages_per_case - 1):
            body = bytearray(rng.choice(self.seeds))
            start = body.index(_AUTHENTICATION) + 16
            if rng.random() < 0.9:  # behind what every request has
                body[start:] = changed_bytes(rng, [bytes(body[start:])], most=3)
            else:
                body = bytearray(changed_bytes(rng, [bytes(body)], most=2))
            bodies.append(bytes(body[:8000]))
        return packed([*bodies, rng.randbytes(24)])

    def parse(self, case: bytes) -> None:
        *bodies, last = unpacked(case)
        while bodies:
            with _Channel(self._port, self._url) as channel:
                # The server ends the connection at a message without a readable header: the others
                # go over the next one.
                ended_at = len(bodies) + 1 - channel.unread(bodies)
                bodies = bodies[ended_at + 1 :]
        with _Channel(self._port, self._url) as channel, contextlib.suppress(OSError):
            channel.send_raw(_with_changed_header(channel, last))
        self.check_alive()


def _with_changed_header(channel: _Channel, noise: bytes) -> bytes:
    frame = bytearray(channel.frame(_read_of_server()))
    for at, value in zip(noise[:4], noise[4:8], strict=False):
        frame[at % 24] = value
    return bytes(frame)


def _read_of_server() -> bytes:
    request = ua.ReadRequest()
    request.RequestHeader = _header()
    state = ua.NodeId(ua.ObjectIds.Server_ServerStatus_State)
    request.Parameters.NodesToRead = [ua.ReadValueId(NodeId=state, AttributeId=13)]
    return bytes(struct_to_binary(request))


class _Channel:
    """A client's connection with an activated session, kept by hand: asyncua's own client reads
    each answer before it sends on."""

    def __init__(self, port: int, url: str) -> None:
        self._url = url
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self._file = self._socket.makefile("rb")
        self._connection = SecureConnection(SecurityPolicyNone(), TransportLimits())
        self._number = 0
        self._token = _TOKEN

    def __enter__(self) -> Self:
        hello = ua.Hello()
        hello.EndpointUrl = self._url
        self.send_raw(uatcp_to_binary(ua.MessageType.Hello, hello))
        self._receive()
        opening = ua.OpenSecureChannelRequest()
        opening.Parameters.RequestedLifetime = 3_600_000
        opening.Parameters.SecurityMode = ua.MessageSecurityMode.None_
        opened = self._ask(opening, ua.MessageType.SecureOpen).Parameters
        kind = ua.SecurityTokenRequestType.Issue
        self._connection.set_channel(opened, kind, opening.Parameters.ClientNonce)
        creating = ua.CreateSessionRequest()
        creating.Parameters.EndpointUrl = self._url
        creating.Parameters.RequestedSessionTimeout = 3_600_000
        token = self._ask(creating).Parameters.AuthenticationToken
        activating = ua.ActivateSessionRequest()
        activating.RequestHeader.AuthenticationToken = token
        activating.Parameters.UserIdentityToken = ua.AnonymousIdentityToken()
        self._ask(activating)
        self._token = bytes(nodeid_to_binary(token))
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def frame(self, body: bytes, kind: ua.MessageType = ua.MessageType.SecureMessage) -> bytes:
        """A message with the right headers; its request id is the next number."""
        self._number += 1
        body = body.replace(_TOKEN, self._token)
        return bytes(self._connection.message_to_binary(body, kind, self._number))

    def unread(self, bodies: list[bytes]) -> int:
        """Send messages and, behind them, a valid read; returns how many were not read, because the
        server ended the connection. Raises `UnsoundError` if it does neither."""
        self.send_raw(b"".join(self.frame(body) for body in bodies))
        self.send_raw(self.frame(_read_of_server()))
        last, seen = self._number, self._number - len(bodies)
        try:
            while True:
                message = self._receive()
                if isinstance(message, ua.Message):
                    seen = max(seen, message.request_id())
                if seen == last:
                    return 0
        except TimeoutError:
            raise UnsoundError("a valid read was not answered") from None
        except (OSError, EOFError):
            return last - seen

    def _ask(self, request: Any, kind: ua.MessageType = ua.MessageType.SecureMessage) -> Any:
        self.send_raw(self.frame(struct_to_binary(request), kind))
        answers = {
            ua.OpenSecureChannelRequest: ua.OpenSecureChannelResponse,
            ua.CreateSessionRequest: ua.CreateSessionResponse,
            ua.ActivateSessionRequest: ua.ActivateSessionResponse,
        }
        return struct_from_binary(answers[type(request)], self._receive().body())

    def _receive(self) -> Any:
        """The next message. Raises `EOFError`, `OSError`."""
        while True:
            head = self._file.read(8)
            if len(head) < 8:
                raise EOFError
            (size,) = struct.unpack_from("<I", head, 4)
            buffer = Buffer(head + self._file.read(size - 8))
            header = header_from_binary(buffer)
            message = self._connection.receive_from_header_and_body(header, buffer)
            if message is not None:
                return message
