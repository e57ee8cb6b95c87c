#!/usr/bin/env bash
# asyncua 2.1.0 (PyPI): an event of an object reaches neither who monitors the Server object nor who
# filters by OfType of a supertype; both get Good, and then nothing.
#
# Expected: the Server object (i=2253) is the root notifier: "all Events shall be accessible" there
#   (OPC 10000-3, 4.7 and OPC 10000-5, 6.3.1), also without HasNotifier references between; SCADA
#   clients monitor it alone. OfType is true for the type "or one of its subtypes" (OPC 10000-4,
#   Table 119).
# Seen: the server compares the event's source with the monitored node, and its type with the
#   operand, for equality.
#
# Output seen (Python 3.11), one event of a subtype of BaseEventType at an object, which has a
# HasNotifier reference from the Server object:
#   at the object, no filter:                created Good, 1 event
#   at the object, OfType its own type:      created Good, 1 event
#   at the object, OfType BaseEventType:     created Good, 0 events
#   at the Server object, no filter:         created Good, 0 events
# Exits 0 while this is so, else 1. Takes about 20 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check asyncua==2.1.0

cat > show.py <<'PY'
import asyncio
import logging
import sys

from asyncua import Client, Server, ua

logging.disable()

class Heard:
    def __init__(self):
        self.events = 0

    def event_notification(self, event):
        self.events += 1

def of(kind):
    """A filter: the field Message, of all events or of those OfType `kind`."""
    base = ua.NodeId(ua.ObjectIds.BaseEventType)
    field = ua.SimpleAttributeOperand(base, [ua.QualifiedName("Message", 0)], ua.AttributeIds.Value)
    elements = []
    if kind is not None:
        operand = ua.LiteralOperand(ua.Variant(kind))
        elements = [ua.ContentFilterElement(ua.FilterOperator.OfType, [operand])]
    return ua.EventFilter([field], ua.ContentFilter(elements))

async def main():
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:finding")
    source = await server.nodes.objects.add_object(index, "source")
    kind = await server.create_custom_event_type(index, "OurEventType")
    await server.nodes.server.add_reference(source, ua.ObjectIds.HasNotifier)
    generator = await server.get_event_generator(kind, source)
    await server.start()
    base, root = ua.NodeId(ua.ObjectIds.BaseEventType), server.nodes.server
    seen = []
    async with Client(f"opc.tcp://127.0.0.1:{server.bserver.port}/") as client:
        trials = (
            ("at the object, no filter:", source, None),
            ("at the object, OfType its own type:", source, kind.nodeid),
            ("at the object, OfType BaseEventType:", source, base),
            ("at the Server object, no filter:", root, None),
        )
        heard = []
        for title, node, wanted in trials:
            heard.append(Heard())
            subscription = await client.create_subscription(50, heard[-1])
            at = client.get_node(node.nodeid)
            await subscription.subscribe_events(at, evfilter=of(wanted))  # raises unless Good
        await generator.trigger(message="it happened")
        await asyncio.sleep(2)
        for (title, _, _), each in zip(trials, heard):
            plural = "" if each.events == 1 else "s"
            print(f"{title:40} created Good, {each.events} event{plural}")
            seen.append(each.events)
    await server.stop()
    if seen != [1, 1, 0, 0]:
        print("CHANGED: not as described above")
        sys.exit(1)

asyncio.run(main())
PY
venv/bin/python show.py
