"""The way in: what operators answer, and whether the detector took it.

Each request is one JSON object with a field `request` (this version knows `answer`; snapshot and
replay get names of their own), each gets one reply. Frames: `[body]` from a DEALER, `["", body]`
from a REQ; replies come back in the same shape.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import zmq
from pydantic import ValidationError

from detector.wire.endpoints import ANSWERS_ENDPOINT, bind, bind_address
from detector.wire.requests import (
    ANSWER,
    Acknowledge,
    Reply,
    ReportOutcome,
    Shelve,
    one_line,
)

REQUEST_BYTES = 16 * 1024
"""The longest request that is read; an answer has some 200 bytes."""
MAX_FRAME_BYTES = 1024 * 1024
"""Beyond this libzmq hangs up on the sender (MAXMSGSIZE); up to it we can still say why."""
ANSWERS_AT_ONCE = 16
"""Requests looked at per poll, some 10 µs each, so that a flood of them can't hold up a frame."""


@dataclass(frozen=True, slots=True)
class PendingAnswer:
    """An answer that waits for its reply."""

    answer: Acknowledge | ReportOutcome | Shelve
    sender: tuple[bytes, ...]
    """The routing frames that bring the reply back."""


class AnswerDesk:
    """Owns the ROUTER socket of one line; a context manager, used in the thread that enters it.

    Nothing that comes in raises: what can't be read is answered with an error and counted in
    `refused`. Nothing blocks: a sender that has gone loses its reply. Raises EndpointError where
    the endpoint is wrong or taken.
    """

    def __init__(self, endpoint: str = ANSWERS_ENDPOINT) -> None:
        bind_address(endpoint)
        self._wanted_endpoint = endpoint
        self._endpoint = ""
        self._socket: zmq.Socket[bytes] | None = None
        self.refused = 0
        """Requests that could not be read."""

    def __enter__(self) -> Self:
        self._context = zmq.Context()
        socket = self._context.socket(zmq.ROUTER)
        try:
            socket.set(zmq.LINGER, 0)
            socket.set(zmq.MAXMSGSIZE, MAX_FRAME_BYTES)
            # Per sender, and people send one at a time: bounds what a flood can pile up.
            socket.set(zmq.RCVHWM, 32)
            socket.set(zmq.SNDHWM, 32)
            self._endpoint = bind(socket, self._wanted_endpoint)
        except BaseException:
            self._context.destroy(linger=0)
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
        self._context.term()

    @property
    def endpoint(self) -> str:
        """The endpoint really bound, with the port that the system chose; "" before entering."""
        return self._endpoint

    def poll(self) -> list[PendingAnswer]:
        """The answers that have come in, at once; each is to be given to `reply`."""
        socket = self._open_socket()
        pending: list[PendingAnswer] = []
        for _ in range(ANSWERS_AT_ONCE):
            if not socket.poll(0, zmq.POLLIN):
                break
            frames = socket.recv_multipart(zmq.NOBLOCK)
            # A REQ puts an empty frame before the body, a DEALER does not.
            envelope = 2 if len(frames) > 2 and not frames[1] else 1
            sender, body = tuple(frames[:envelope]), frames[envelope:]
            try:
                pending.append(PendingAnswer(_read(body), sender))
            except ValueError as error:
                self.refused += 1
                self._send(sender, Reply(ok=False, reason=str(error)))
        return pending

    def reply(self, pending: PendingAnswer, ok: bool, reason: str | None = None) -> None:
        """Tell the sender whether its answer was carried out, and if not, why."""
        self._send(pending.sender, Reply(ok=ok, reason=reason))

    def _send(self, sender: tuple[bytes, ...], reply: Reply) -> None:
        # Without ROUTER_MANDATORY a reply that has nowhere to go is dropped, and never blocks.
        self._open_socket().send_multipart([*sender, reply.model_dump_json().encode()], zmq.NOBLOCK)

    def _open_socket(self) -> zmq.Socket[bytes]:
        if self._socket is None:
            raise RuntimeError("an AnswerDesk is used inside `with AnswerDesk(…) as desk:`")
        return self._socket


def _read(body: list[bytes]) -> Acknowledge | ReportOutcome | Shelve:
    """The answer in a request's body; ValueError with one line for its sender."""
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
    if said.get("request") != "answer":
        asked = str(said.get("request"))[:40]
        raise ValueError(f"request {asked!r} is not known here; this version knows 'answer'")
    try:
        return ANSWER.validate_json(body[0], strict=True)
    except ValidationError as error:
        raise ValueError(one_line(error)) from None
