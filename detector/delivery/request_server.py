"""The request server: a ROUTER socket for requests and operators' answers.

Frames: `[body]` from a DEALER, `["", body]` from a REQ; a reply has the shape of its request. The
requests are defined in `detector.wire.requests`.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Self

import zmq
from pydantic import BaseModel, ValidationError

from detector.delivery.rate_limit import COST, RateLimit
from detector.wire.endpoints import REQUESTS_ENDPOINT, bind, bind_address
from detector.wire.keys import Guard
from detector.wire.requests import (
    ANSWER,
    OTHER,
    AnswerRequest,
    AnyRequest,
    Reply,
    Request,
    one_line,
)

REQUEST_BYTES = 16 * 1024
"""Longest request that is parsed; an answer has some 200 bytes."""
MAX_FRAME_BYTES = 1024 * 1024
"""libzmq disconnects the sender of a longer frame (MAXMSGSIZE); up to this size the refusal gets a
reply with its reason."""
REQUESTS_AT_ONCE = 16
"""Requests handled per poll, some 10 µs each, so that a flood can't delay a frame."""
ANSWERS_REMEMBERED = 256
"""Replies kept, so that a repeated answer is not carried out again."""
REMEMBERED_NS = 600_000_000_000
"""How long a reply is kept: a client without a reply repeats its request within seconds, and one
whose ids restart with each of its starts means a new answer by the same id."""


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request to be replied to."""

    request: AnyRequest
    sender: tuple[bytes, ...]
    """Routing frames for the reply."""


@dataclass(frozen=True, slots=True)
class PendingAnswer:
    """An operator's answer to be replied to."""

    answer: AnswerRequest
    sender: tuple[bytes, ...]


class RequestServer:
    """Owns the ROUTER socket of one line; a context manager, used in the thread that enters it.

    No request can make it raise: an unreadable one gets an error reply and is counted in `refused`.
    It never blocks: a sender that has gone loses its reply. Raises EndpointError if the endpoint is
    invalid or in use. `guard`: the keys that may connect.
    """

    def __init__(self, endpoint: str = REQUESTS_ENDPOINT, guard: Guard | None = None) -> None:
        bind_address(endpoint, keys=guard is not None)
        self._wanted_endpoint, self._guard = endpoint, guard
        self._endpoint = ""
        self._socket: zmq.Socket[bytes] | None = None
        self._limit = RateLimit()
        self._answered: OrderedDict[AnswerRequest, tuple[int, Reply | None]] = OrderedDict()
        """By answer with its request_id: time of receipt, and the reply once it exists."""
        self.refused = 0
        """Requests that could not be read."""
        self.throttled = 0
        """Requests dropped by the rate limit."""
        self.repeated = 0
        """Repeated answers, not carried out again."""

    def __enter__(self) -> Self:
        self._context = zmq.Context()
        try:
            if self._guard is not None:
                self._guard.start(self._context)
            socket = self._context.socket(zmq.ROUTER)
            socket.set(zmq.LINGER, 0)
            socket.set(zmq.MAXMSGSIZE, MAX_FRAME_BYTES)
            # Per sender: bounds the queues of a flood and of a client that reads no replies.
            socket.set(zmq.RCVHWM, 64)
            socket.set(zmq.SNDHWM, 128)
            if self._guard is not None:
                self._guard.protect(socket)
            self._endpoint = bind(socket, self._wanted_endpoint, keys=self._guard is not None)
        except BaseException:
            self._stop()
            raise
        self._socket = socket
        return self

    def __exit__(self, *_: object) -> None:
        self._open_socket().close()
        self._socket = None
        self._stop()

    @property
    def keys_refused(self) -> int:
        """Connections refused because of their key, at all of the line's sockets."""
        return 0 if self._guard is None else self._guard.keys_refused

    @property
    def endpoint(self) -> str:
        """The endpoint actually bound, with the port that the system chose; "" before entering."""
        return self._endpoint

    def poll(self) -> list[PendingRequest | PendingAnswer]:
        """Received requests, without waiting; each PendingAnswer needs a `reply`."""
        socket = self._open_socket()
        pending: list[PendingRequest | PendingAnswer] = []
        for _ in range(REQUESTS_AT_ONCE):
            if not socket.poll(0, zmq.POLLIN):
                break
            frames = socket.recv_multipart(zmq.NOBLOCK)
            # A REQ puts an empty frame before the body, a DEALER does not.
            envelope = 2 if len(frames) > 2 and not frames[1] else 1
            sender, body = tuple(frames[:envelope]), frames[envelope:]
            now_ns = time.monotonic_ns()
            if not self._limit.allows(sender[0], 1, now_ns):
                self.throttled += 1
                continue
            try:
                request = _read(body)
            except ValueError as error:
                self.refused += 1
                request_id = _request_id(body)
                refusal = Reply(reply="error", request_id=request_id, ok=False, reason=str(error))
                self.send(sender, refusal)
                continue
            more = COST.get(request.request, 1) - 1
            if more and not self._limit.allows(sender[0], more, now_ns):
                self.throttled += 1
                continue
            if not isinstance(request, AnswerRequest):
                pending.append(PendingRequest(request, sender))
            elif self._is_repeated(request, sender, now_ns):
                self.repeated += 1
            else:
                pending.append(PendingAnswer(request, sender))
        return pending

    def _is_repeated(self, answer: AnswerRequest, sender: tuple[bytes, ...], now_ns: int) -> bool:
        """Whether the same answer was received before; then its reply is sent again if it exists.

        Compares all fields: two programs may use the same request_id.
        """
        if answer.request_id is None:
            return False
        came_ns, reply = self._answered.get(answer, (now_ns - REMEMBERED_NS, None))
        if now_ns - came_ns < REMEMBERED_NS:
            if reply is not None:
                self.send(sender, reply)
            return True
        self._answered.pop(answer, None)
        self._answered[answer] = now_ns, None
        if len(self._answered) > ANSWERS_REMEMBERED:
            self._answered.popitem(last=False)
        return False

    def reply(self, pending: PendingAnswer, ok: bool, reason: str | None = None) -> None:
        """Report to the sender whether its answer was carried out, and if not, the reason."""
        request_id = pending.answer.request_id
        reply = Reply(ok=ok, reason=reason, request_id=request_id)
        if (known := self._answered.get(pending.answer)) is not None:
            self._answered[pending.answer] = known[0], reply
        self.send(pending.sender, reply)

    def send(self, receiver: tuple[bytes, ...], message: BaseModel | bytes) -> None:
        """Send a message to a client that has sent a request; `receiver`: its routing frames."""
        body = message if isinstance(message, bytes) else message.model_dump_json().encode()
        # Without ROUTER_MANDATORY a message to a client that has gone is dropped and never blocks.
        self._open_socket().send_multipart([*receiver, body], zmq.NOBLOCK)

    def _stop(self) -> None:
        if self._guard is not None:
            self._guard.stop(self._context)
        self._context.destroy(linger=0)

    def _open_socket(self) -> zmq.Socket[bytes]:
        if self._socket is None:
            raise RuntimeError("use a RequestServer inside `with RequestServer(…) as server:`")
        return self._socket


def _request_id(body: list[bytes]) -> str | None:
    """The request_id of an unreadable request, if at least that can be read."""
    if len(body) != 1 or len(body[0]) > REQUEST_BYTES:
        return None
    try:
        return Request(request_id=json.loads(body[0])["request_id"]).request_id
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _read(body: list[bytes]) -> AnyRequest:
    """Parse a request; ValueError with one line for its sender."""
    if len(body) != 1:
        raise ValueError(f"a request must be one frame, not {len(body)}")
    if len(body[0]) > REQUEST_BYTES:
        raise ValueError(f"a request has at most {REQUEST_BYTES} bytes, not {len(body[0])}")
    try:
        document = json.loads(body[0])
    except (ValueError, RecursionError):
        raise ValueError("a request must be JSON in UTF-8") from None
    if not isinstance(document, dict):
        raise ValueError("a request must be a JSON object")
    kind = document.get("request")
    if not isinstance(kind, str) or kind not in {"answer", *OTHER}:
        known = ", ".join(repr(each) for each in ("answer", *OTHER))
        raise ValueError(f"unknown request {str(kind)[:40]!r}; this version knows {known}")
    try:
        if kind == "answer":
            return ANSWER.validate_json(body[0], strict=True)
        return OTHER[kind].model_validate_json(body[0], strict=True)
    except ValidationError as error:
        raise ValueError(one_line(error)) from None
