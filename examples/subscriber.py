"""Prints a line's alerts, and warns when the belt is not being watched. Needs pyzmq only."""

import json
import sys
import time

import zmq

socket = zmq.Context.instance().socket(zmq.SUB)
socket.connect(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5556")
for topic in ("alert/", "heartbeat/"):
    socket.subscribe(topic)

last_beat = time.monotonic()
blind = False
while True:
    if socket.poll(100):
        topic, header, payload = socket.recv_multipart()
        if topic.startswith(b"heartbeat/"):
            last_beat, blind = time.monotonic(), False
        else:
            alert = json.loads(payload)
            print(alert["kind"], alert["hazard"], alert["place"], alert["arrivals"], flush=True)
    if time.monotonic() - last_beat > 1 and not blind:
        blind = True  # from now on the state of the belt is unknown, never "clear"
        print("BLIND: no heartbeat for 1 s", flush=True)
