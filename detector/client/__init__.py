"""Client library: subscribe to a line's messages, answer its alarms.

    from detector import client

    with client.Line("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5557", consumer="mes-1") as line:
        for event in line:
            match event:
                case client.Received(payload=client.Alert() as alert):
                    print(alert.kind, alert.hazard, alert.place)
                case client.VisionChanged(vision=vision, reason=reason):
                    print(vision, reason)  # not `vision.is_watching`: the belt's state is unknown

and the same with asyncio:

    async with client.AsyncLine("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5557") as line:
        async for event in line:
            ...

What it does:

- *Subscribe, then snapshot*: alerts opened before the connection arrive as `Received` with `how` =
  `snapshot`. Each revision of an alert is one event, however it arrived (`published`,
  `snapshot`, `replay`, `delivery`).
- *Gaps*: lost messages are reported (`Gap`). Lost alerts are requested and arrive with `how` =
  `replay`; then `GapFilled` reports whether any are still missing. An alert that has ended and
  whose last revision is no longer held is reported as `AlertVanished`.
- *Blind is never clear*: `VisionChanged` as soon as the belt is not watched: no heartbeat for
  `blind_after_s`, connection lost, or reported by the detector. `line.vision` gives the current
  value at any time.
- *Restarts*: a new `boot_id` is reported as `DetectorRestarted`; alerts that are still open
  arrive again with their ids.
- *At least once*: with a `consumer` name the detector resends each alert until this program has
  confirmed it, across reconnects and restarts of both sides. Requesting the next event confirms
  the one before. `line.position` is the confirmed position; store it and pass it as `after` to
  continue after a restart without relying on the detector's memory.
- *Keys* (CURVE): `keys=client.load_keys("keys/mes.secret.toml", "hall2.public.toml")`.
- *Answers*: `acknowledge`, `report_outcome`, `shelve`; repeated with the same id until a reply
  arrives, carried out once.
- *Images*: `EvidenceFeed` receives what was seen of each alert, and the running belt, from an
  endpoint of their own.
- *The belt*: `report_belt` sends an encoder's counts on lines without a PLC.

Without the second endpoint the client only listens: gaps are reported but not filled, and no
answers can be sent.
"""

from detector.client.events import (
    AlertVanished,
    DetectorRestarted,
    Event,
    Gap,
    GapFilled,
    Received,
    VisionChanged,
)
from detector.client.evidence import EvidenceFeed, ReceivedEvidence, ReceivedLive
from detector.client.lines import AsyncLine, Line
from detector.vocabulary import VisionState
from detector.wire.endpoints import EndpointError
from detector.wire.evidence import Evidence, LiveImage
from detector.wire.keys import ClientKeys, KeyFileError, load_keys
from detector.wire.messages import (
    Alert,
    FrameDetections,
    Heartbeat,
    LineFacts,
    LineState,
    Metrics,
)
from detector.wire.requests import Position, Reply

__all__ = [
    "Alert",
    "AlertVanished",
    "AsyncLine",
    "ClientKeys",
    "DetectorRestarted",
    "EndpointError",
    "Event",
    "Evidence",
    "EvidenceFeed",
    "FrameDetections",
    "Gap",
    "GapFilled",
    "Heartbeat",
    "KeyFileError",
    "Line",
    "LineFacts",
    "LineState",
    "LiveImage",
    "Metrics",
    "Position",
    "Received",
    "ReceivedEvidence",
    "ReceivedLive",
    "Reply",
    "VisionChanged",
    "VisionState",
    "load_keys",
]
