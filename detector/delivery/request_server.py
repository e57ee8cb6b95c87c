"""The way in: the ROUTER at which a line is asked things, and operators' answers come in.

Frames: `[body]` from a DEALER, `["", body]` from a REQ; replies come back in the same shape. What
the requests are: `detector.wire.requests`.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from dataclasses import dataclass
from types import TracebackType
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
"""The longest request that is read; an answer has some 200 bytes."""
MAX_FRAME_BYTES = 1024 * 1024
"""Beyond this libzmq hangs up on the sender (MAXMSGSIZE); up to it we can still say why."""
REQUESTS_AT_ONCE = 16
"""Requests looked at per poll, some 10 µs each, so that a flood of them can't hold up a frame."""
ANSWERS_REMEMBERED = 256
"""Replies kept, so that an answer that comes again is not carried out again."""
REMEMBERED_NS = 600_000_000_000
"""But so long only: who asks anew after no reply does so within seconds, and one whose numbers
begin anew with each of its starts means something new by the same number."""


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request that waits for its reply."""

    request: AnyRequest
    sender: tuple[bytes, ...]
    """The routing frames that bring the reply back."""


@dataclass(frozen=True, slots=True)
class PendingAnswer:
    """An operator's answer that waits for its reply."""

    answer: AnswerRequest
    sender: tuple[bytes, ...]


class RequestServer:
    """Owns the ROUTER socket of one line; a context manager, used in the thread that enters it.

    Nothing that comes in raises: what can't be read is answered with an error and counted in
    `refused`. Nothing blocks: a sender that has gone loses its reply. Raises EndpointError where
    the endpoint is wrong or taken. `guard`: who may come in at all.
    """

    def __init__(self, endpoint: str = REQUESTS_ENDPOINT, guard: Guard | None = None) -> None:
        bind_address(endpoint, keys=guard is not None)
        self._wanted_endpoint, self._guard = endpoint, guard
        self._endpoint = ""
        self._socket: zmq.Socket[bytes] | None = None
        self._limit = RateLimit()
        self._answered: OrderedDict[AnswerRequest, tuple[int, Reply | None]] = OrderedDict()
        """By the answer with its request_id: when it came, and the reply, once there is one."""
        self.refused = 0
        """Requests that could not be read."""
        self.throttled = 0
        """Requests that were dropped unread, because their sender asks too much."""
        self.repeated = 0
        """Answers that came again and were not carried out again."""

    def __enter__(self) -> Self:
        self._context = zmq.Context()
        try:
            if self._guard is not None:
                self._guard.start(self._context)
            socket = self._context.socket(zmq.ROUTER)
            socket.set(zmq.LINGER, 0)
            socket.set(zmq.MAXMSGSIZE, MAX_FRAME_BYTES)
            # Per sender: bounds what a flood, or somebody who reads no replies, can pile up.
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open_socket().close()
        self._socket = None
        self._stop()

    @property
    def strangers(self) -> int:
        """Connections refused for their key, at any of the line's sockets."""
        return 0 if self._guard is None else self._guard.strangers

    @property
    def endpoint(self) -> str:
        """The endpoint really bound, with the port that the system chose; "" before entering."""
        return self._endpoint

    def poll(self) -> list[PendingRequest | PendingAnswer]:
        """What has come in, at once; each is to be given to `reply`."""
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
        """Whether it came before; then its reply goes out again, or will when it is there.

        By all that it says: two programs may number their answers alike.
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
        """Tell the sender whether its answer was carried out, and if not, why."""
        request_id = pending.answer.request_id
        reply = Reply(ok=ok, reason=reason, request_id=request_id)
        if (known := self._answered.get(pending.answer)) is not None:
            self._answered[pending.answer] = known[0], reply
        self.send(pending.sender, reply)

    def send(self, receiver: tuple[bytes, ...], message: BaseModel | bytes) -> None:
        """Send something to somebody who has asked."""
        body = message if isinstance(message, bytes) else message.model_dump_json().encode()
        # Without ROUTER_MANDATORY what has nowhere to go is dropped, and never blocks.
        self._open_socket().send_multipart([*receiver, body], zmq.NOBLOCK)

    def _stop(self) -> None:
        if self._guard is not None:
            self._guard.stop(self._context)
        self._context.destroy(linger=0)

    def _open_socket(self) -> zmq.Socket[bytes]:
        if self._socket is None:
            raise RuntimeError("a RequestServer is used inside `with RequestServer(…) as desk:`")
        return self._socket


def _request_id(body: list[bytes]) -> str | None:
    """Which of its sender's requests can't be read, if that much can be."""
    if len(body) != 1 or len(body[0]) > REQUEST_BYTES:
        return None
    try:
        return Request(request_id=json.loads(body[0])["request_id"]).request_id
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _read(body: list[bytes]) -> AnyRequest:
    """The request in a body; ValueError with one line for its sender."""
    if len(body) != 1:
        raise ValueError(f"a request is one frame, not {len(body)}")
    if len(body[0]) > REQUEST_BYTES:
        raise ValueError(f"a request is {REQUEST_BYTES} bytes at most, not {len(body[0])}")
    try:
        said = json.loads(body[0])
    except (ValueError, RecursionError):
        raise ValueError("a request is JSON in UTF-8; this one is not") from None
    if not isinstance(said, dict):
        raise ValueError("a request is a JSON object")
    kind = said.get("request")
    if not isinstance(kind, str) or kind not in {"answer", *OTHER}:
        known = ", ".join(repr(each) for each in ("answer", *OTHER))
        raise ValueError(
            f"request {str(kind)[:40]!r} is not known here; this version knows {known}"
        )
    try:
        if kind == "answer":
            return ANSWER.validate_json(body[0], strict=True)
        return OTHER[kind].model_validate_json(body[0], strict=True)
    except ValidationError as error:
        raise ValueError(one_line(error)) from None
