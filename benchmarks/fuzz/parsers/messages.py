"""Messages of the wire: requests at a line's socket, and all that a client receives."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Sequence
from contextlib import ExitStack
from random import Random
from typing import Self

import zmq
from pydantic import BaseModel

from benchmarks.fuzz.changes.of_documents import changed_json
from benchmarks.fuzz.parser import Parser, UnsoundError
from detector.client.evidence import _ImageFeed
from detector.client.feed import LineFeed
from detector.delivery.journal import Journal
from detector.delivery.outbox import Outbox
from detector.delivery.publisher import Publisher
from detector.delivery.request_server import PendingAnswer, RequestServer
from detector.wire import samples
from detector.wire.envelope import Message

ANY_PORT = "tcp://127.0.0.1:*"
PER_SENDER = 40
"""Messages per connection; of a sender with many more the request server drops them unread."""
SOUND = json.dumps({"request": "replay", "request_id": "sound"}).encode()
TIMEOUT_S = 10.0


def packed(frames: Sequence[bytes]) -> bytes:
    """Frames as one case."""
    return b"".join(struct.pack(">I", len(frame)) + frame for frame in frames)


def unpacked(case: bytes) -> list[bytes]:
    """The frames of a case."""
    frames, at = [], 0
    while at + 4 <= len(case):
        (length,) = struct.unpack_from(">I", case, at)
        frames.append(case[at + 4 : at + 4 + length])
        at += 4 + length
    return frames


class Requests(Parser):
    """Requests and answers to the real ROUTER socket of a line; after each sender's messages a
    valid request must be answered."""

    messages_per_case = PER_SENDER
    small_bytes = 1 << 22

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._context = stack.enter_context(zmq.Context())
            journal = stack.enter_context(Journal(None))
            publisher = stack.enter_context(Publisher(ANY_PORT, line="l", boot_id="b"))
            self._server = stack.enter_context(RequestServer(ANY_PORT))
            self._outbox = Outbox(publisher, self._server, journal)
            self._outbox.send([samples.ALERT])
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def valid(self) -> list[bytes]:
        messages: list[BaseModel] = [*samples.ANSWERS]
        for name in ("snapshot", "replay", "consume", "belt"):
            messages += samples.ROUTER.get(name, ())
        return [each.model_dump_json().encode() for each in messages]

    def changed(self, rng: Random) -> bytes:
        frames: list[bytes] = []
        for _ in range(PER_SENDER):
            frames.append(bytes((rng.choice((1, 1, 1, 2, 3)),)))
            frames += [changed_json(rng, self.seeds) for _ in range(frames[-1][0])]
        return packed(frames)

    def parse(self, case: bytes) -> None:
        frames = unpacked(case)
        with self._context.socket(zmq.DEALER) as sender:
            sender.linger = 0
            sender.connect(self._server.endpoint)
            while frames:
                count = frames.pop(0)[:1] or b"\1"
                body, frames = frames[: count[0] or 1], frames[count[0] or 1 :]
                sender.send_multipart(body or [b""])
            with self._context.socket(zmq.DEALER) as other:
                other.linger = 0
                other.connect(self._server.endpoint)
                other.send(SOUND)
                self._serve_until_answered(other)
            while sender.poll(0):
                json.loads(sender.recv_multipart()[-1])

    def _serve_until_answered(self, sender: zmq.Socket[bytes]) -> None:
        ends_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < ends_s:
            for pending in self._outbox.poll():
                assert isinstance(pending, PendingAnswer)
                self._outbox.reply(pending, ok=True)
            while sender.poll(0):
                if json.loads(sender.recv())["request_id"] == "sound":
                    return
        raise UnsoundError("a valid request was not answered")


def _frames(kind: str, payload: Message) -> list[bytes]:
    """Topic, header and payload of a published message."""
    header = samples.HEADER.model_copy(update={"schema_": f"{kind}/1"})
    frames = f"{kind}/l", header.model_dump_json(by_alias=True), payload.model_dump_json()
    return [each.encode() for each in frames]


class Published(Parser):
    """Published messages, to a client's feed."""

    def __enter__(self) -> Self:
        self._feed, self._number = LineFeed(0, consumer="c"), 0
        return self

    def valid(self) -> list[bytes]:
        return [
            packed(_frames(kind, each)) for kind, sent in samples.PAYLOADS.items() for each in sent
        ]

    def changed(self, rng: Random) -> bytes:
        frames = unpacked(rng.choice(self.seeds))
        at = 2 if rng.random() < 0.6 else int(rng.random() * len(frames))
        is_json = at in {1, 2}
        frames[at] = changed_json(rng, [frames[at]]) if is_json else rng.randbytes(9)
        if rng.random() < 0.05:
            frames = frames[: int(rng.random() * 4)] + [b""] * int(rng.random() * 3)
        return packed(frames)

    def parse(self, case: bytes) -> None:
        self._number += 1
        self._feed.receive_published(unpacked(case), self._number)
        self._handle_events()

    def _handle_events(self) -> None:
        self._feed.tick(self._number)
        while self._feed.next_event() is not None:
            pass
        self._feed.to_send.clear()
        reason = self._feed.malformed_reason
        if reason is not None and not reason.isprintable():
            raise UnsoundError(f"reason {reason!r}")


_ASKED = {"snapshot": b'"s-1"', "replay": b'"r-1"', "consume": b'"c-1"'}
"""The samples' request ids."""
SECOND_NS = 1_000_000_000


class Replies(Published):
    """Replies and deliveries of the ROUTER, to a client's feed that waits for each of them."""

    def __enter__(self) -> Self:
        super().__enter__()
        header = samples.HEADER.model_copy(update={"schema_": "heartbeat/1", "alert_seq": 10**9})
        self._behind = [
            b"heartbeat/l",
            header.model_dump_json(by_alias=True).encode(),
            samples.HEARTBEAT.model_dump_json().encode(),
        ]
        return self

    def valid(self) -> list[bytes]:
        return [
            each.model_dump_json(by_alias=True).encode()
            for name, sent in samples.ROUTER.items()
            if name.endswith("reply") or name == "delivery"
            for each in sent
        ]

    def changed(self, rng: Random) -> bytes:
        return changed_json(rng, self.seeds)

    def parse(self, case: bytes) -> None:
        self._number += SECOND_NS  # it asks once a second
        self._feed.receive_published(self._behind, self._number)
        self._feed.connection_made()
        self._feed.tick(self._number)
        for request in self._feed.to_send:
            asked = json.loads(request)
            name = _ASKED[asked["request"]]
            case = case.replace(name, json.dumps(asked["request_id"]).encode())
        self._feed.receive_reply([case], self._number)
        self._handle_events()


class EvidenceImages(Published):
    """Messages of the socket for images, to a client's feed."""

    def __enter__(self) -> Self:
        self._images = _ImageFeed()
        return self

    def valid(self) -> list[bytes]:
        jpeg = b"\xff\xd8\xff\xd9"
        return [
            packed([*_frames(kind, each), *[jpeg] * (2 if kind == "evidence" else 1)])
            for kind, sent in samples.EVIDENCE_PAYLOADS.items()
            for each in sent
        ]

    def parse(self, case: bytes) -> None:
        self._images.receive_published(unpacked(case), 0)
        self._images.received.clear()
        reason = self._images.malformed_reason
        if reason is not None and not reason.isprintable():
            raise UnsoundError(f"reason {reason!r}")
