"""Listen to a line, and answer it: what a bridge, a station or your own program uses.

    from detector import client

    with client.Line("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5557", consumer="mes-1") as line:
        for event in line:
            match event:
                case client.Received(payload=client.Alert() as alert):
                    print(alert.kind, alert.hazard, alert.place)
                case client.SightChanged(sight=sight, reason=reason):
                    print(sight, reason)  # all but WATCHING: what the belt carries is unknown

and the same with asyncio:

    async with client.AsyncLine("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5557") as line:
        async for event in line:
            ...

What it does for you:

- *Subscribe, then snapshot*: what was open before you came arrives as `Received` with `how` =
  `snapshot`. Each revision of an alert comes exactly once, whichever way it came
  (`published`, `snapshot`, `replay`, `delivery`).
- *Gaps*: messages that were lost are told (`Gap`); alerts among them are fetched and come with
  `how` = `replay`, then `Healed` says that nothing is missing any more, or what is. An alert
  that has ended meanwhile and whose last revision can't be had any more is told as `Vanished`.
- *Blind is never clear*: `SightChanged` as soon as nobody watches: no heartbeat for
  `blind_after_s`, the connection cut, the detector saying so itself. `line.sight` can be
  asked at any moment.
- *Restarts*: a new `boot_id` is told as `Restarted`; alerts that were open then come again under
  the ids that they had.
- *At least once*: with a `consumer` name the detector sends each alert again until this program has
  confirmed it, across reconnects and restarts of either. An event counts as dealt with when the
  next is asked for. `line.position` is what has been; keep it, and give it back as `after`, where
  this program must go on after its own restart without the detector's memory of it.
- *Keys* (CURVE): `keys=client.load_keys("keys/mes.secret.toml", "hall2.public.toml")`.
- *Answers*: `acknowledge`, `report_outcome`, `shelve`; sent again with the same id until a reply
  comes, carried out once.
- *The belt*: `report_belt` tells an encoder's counts, where no PLC does.

Without the second endpoint it only listens: gaps are told and not healed, nothing is answered.
"""

from detector.client.events import (
    Event,
    Gap,
    Healed,
    Received,
    Restarted,
    Sight,
    SightChanged,
    Vanished,
)
from detector.client.lines import AsyncLine, Line
from detector.wire.endpoints import EndpointError
from detector.wire.keys import ClientKeys, KeyFileError, load_keys
from detector.wire.messages import Alert, FrameDetections, Heartbeat, LineState, Metrics
from detector.wire.requests import Position, Reply

__all__ = [
    "Alert",
    "AsyncLine",
    "ClientKeys",
    "EndpointError",
    "Event",
    "FrameDetections",
    "Gap",
    "Healed",
    "Heartbeat",
    "KeyFileError",
    "Line",
    "LineState",
    "Metrics",
    "Position",
    "Received",
    "Reply",
    "Restarted",
    "Sight",
    "SightChanged",
    "Vanished",
    "load_keys",
]
