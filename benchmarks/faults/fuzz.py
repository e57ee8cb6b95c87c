"""Malformed messages to a detector's ROUTER and to a client's parser.

Valid messages are changed at random (bytes flipped, cut, doubled; fields of another type, missing,
nested, huge) and sent over a real socket, or passed to the client's `LineFeed`. An exception
counts as a crash, and so does a request server that no longer answers a valid request.
"""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import zmq

from detector.client.feed import LineFeed
from detector.delivery.journal import Journal
from detector.delivery.outbox import Outbox
from detector.delivery.publisher import Publisher
from detector.delivery.request_server import RequestServer
from detector.wire import samples

ANY_PORT = "tcp://127.0.0.1:*"
MESSAGES_PER_SENDER = 40
"""Messages per connection; of a sender with many more the request server drops them unread."""
SOUND = json.dumps({"request": "replay", "request_id": "sound"}).encode()
TIMEOUT_S = 60.0

_ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**63,
    1e308,
    "",
    "\x00",
    "\ud800",
    "x" * 5000,
    [],
    [[]],
    {},
    {"a": {"b": []}},
)


@dataclass
class FuzzResult:
    """Counts of what was sent and how it was handled."""

    requests: int = 0
    refused: int = 0
    """Requests answered with an error."""
    dropped: int = 0
    """Requests dropped unread because of their sender's rate."""
    published: int = 0
    replies: int = 0
    malformed: int = 0
    """Of `published` and `replies`, those that the client counted as unreadable."""
    crashes: int = 0

    @property
    def messages(self) -> int:
        return self.requests + self.published + self.replies


def mutated(body: bytes, rng: random.Random) -> bytes:
    """A valid message, changed at random; most results are malformed."""
    if rng.random() < 0.5:
        document = json.loads(body)
        for _ in range(rng.randint(1, 3)):
            _spoil(document, rng)
        return json.dumps(document).encode("utf-8", "surrogatepass")
    data = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data)) if data else 0
        match rng.randrange(4):
            case 0 if data:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at:]
            case 2:
                data[at:at] = rng.randbytes(rng.randint(1, 40))
            case _:
                data += data[at : at + 3000]
    return bytes(data)


def _spoil(document: Any, rng: random.Random) -> None:
    """Change one random field of a document, in place."""
    while isinstance(document, dict | list) and document:
        key: Any = rng.choice(
            list(document) if isinstance(document, dict) else range(len(document))
        )
        if isinstance(document[key], dict | list) and document[key] and rng.random() < 0.7:
            document = document[key]
            continue
        if isinstance(document, dict) and rng.random() < 0.3:
            del document[key]
        else:
            document[key] = copy.deepcopy(rng.choice(_ODD))
        return


def fuzz_router(messages: int, rng: random.Random, tally: FuzzResult) -> None:
    """Over a real socket, from many senders; after each a valid request must be answered."""
    sound = [each.model_dump_json().encode() for each in samples.ANSWERS]
    sound += [
        each.model_dump_json().encode()
        for name in ("snapshot", "replay", "consume")
        for each in samples.ROUTER[name]
    ]
    with (
        zmq.Context() as context,
        Journal(None) as journal,
        Publisher(ANY_PORT, line="l", boot_id="b") as publisher,
        RequestServer(ANY_PORT) as desk,
    ):
        post = Outbox(publisher, desk, journal)
        post.send([samples.ALERT])
        while tally.requests < messages:
            with context.socket(zmq.DEALER) as sender:
                sender.linger = 0
                sender.connect(desk.endpoint)
                for _ in range(MESSAGES_PER_SENDER):
                    frames = [
                        mutated(rng.choice(sound), rng) for _ in range(rng.choice((1, 1, 1, 2)))
                    ]
                    sender.send_multipart(frames)
                    tally.requests += 1
                with context.socket(zmq.DEALER) as other:
                    other.linger = 0
                    other.connect(desk.endpoint)
                    other.send(SOUND)
                    if not _answers(post, other, tally):
                        tally.crashes += 1
                        return
        tally.refused, tally.dropped = desk.refused, desk.throttled


def _answers(post: Outbox, sender: zmq.Socket[bytes], tally: FuzzResult) -> bool:
    """Serve all senders until this sender's valid request has its reply."""
    ends_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < ends_s:
        try:
            for pending in post.poll():
                post.reply(pending, ok=True)
        except Exception:
            tally.crashes += 1
        while sender.poll(0):
            if json.loads(sender.recv())["request_id"] == "sound":
                return True
    return False


def fuzz_client(messages: int, rng: random.Random, tally: FuzzResult) -> None:
    """To a client's parser: half as published messages, half as replies of the ROUTER."""
    header = samples.HEADER.model_dump_json(by_alias=True).encode()
    payloads = [
        (f"{kind}/l".encode(), each.model_dump_json().encode())
        for kind, sent in samples.PAYLOADS.items()
        for each in sent
    ]
    replies = [
        each.model_dump_json(by_alias=True).encode()
        for name, sent in samples.ROUTER.items()
        if name.endswith("reply") or name == "delivery"
        for each in sent
    ]
    feed = LineFeed(0, consumer="c")
    for number in range(messages):
        topic, payload = rng.choice(payloads)
        reply = mutated(rng.choice(replies), rng)
        frames = [topic, header, payload]
        spoilt = rng.randrange(3)
        frames[spoilt] = mutated(frames[spoilt], rng) if spoilt else rng.randbytes(9)
        try:
            if number % 2:
                feed.receive_published(frames if rng.random() < 0.9 else frames[:spoilt], number)
                tally.published += 1
            else:
                feed.receive_reply([reply], number)
                tally.replies += 1
            feed.tick(number)
            while feed.next_event() is not None:
                pass
            feed.to_send.clear()
        except Exception:
            tally.crashes += 1
    tally.malformed = feed.malformed


def fuzz(
    messages: int, seed: int = 1, advance: Callable[[int, int], object] = lambda *_: None
) -> FuzzResult:
    """Send `messages` malformed messages, half of them to each end."""
    tally, rng = FuzzResult(), random.Random(seed)
    fuzz_router(messages // 2, rng, tally)
    advance(messages // 2, messages)
    fuzz_client(messages - messages // 2, rng, tally)
    advance(messages, messages)
    return tally
