#!/usr/bin/env bash
# pyzmq 27.3.0 (PyPI wheel, Linux x86-64; libzmq 4.3.5 inside): a CURVE client that is refused once
# never tries again, and its socket does not say so.
#
# Expected: a socket connects again by itself, each ZMQ_RECONNECT_IVL (0.1 s by default), until it is
#   let in: as it does while the server is away, or while the server's ZAP handler answers 300.
# Seen: after one answer of 400 ("authentication failure") the client gives up for good. Nothing
#   raises; send() goes on queueing. So where a client starts before its key has been entered at the
#   server, entering the key does not help. Two ways out: disconnect() and connect() on the same
#   socket, told by a monitor (HANDSHAKE_FAILED_AUTH); or a handler that answers 300 ("temporary
#   error"), with a short ZMQ_HANDSHAKE_IVL: until that has run out, 30 s by default, a client so
#   answered can wait for more.
#
# Output seen (Python 3.11): 5 clients at a time, refused for 2 s, then allowed for 6 s more
#   answer 400: after 8 s heard from 0 of 5; each had asked 1 time
#   answer 400: monitors of 5 of 5 tell HANDSHAKE_FAILED_AUTH 400
#   answer 400: after disconnect() and connect() heard from 5 of 5
#   answer 300: after 8 s heard from 5 of 5
#
# Exits 0 while this is so, else 1. Takes about 20 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check pyzmq==27.3.0

cat > show.py <<'PY'
import os
import sys
import threading
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

CLIENTS = 5

def heard(server, count, patience_s):
    """Names of the clients from whom something has come: all `count`, or those in the time."""
    names = set()
    end_s = time.monotonic() + patience_s
    while len(names) < count and server.poll(max(0, int(1000 * (end_s - time.monotonic())))):
        names.add(server.recv_multipart()[-1])
    return len(names)

def trial(refusal):
    context = zmq.Context()
    allowed = threading.Event()
    asked = []
    handler = context.socket(zmq.REP)
    handler.bind("inproc://zeromq.zap.01")

    def decide():
        while True:
            version, request, *_, key = handler.recv_multipart()
            asked.append(key)
            status = b"200" if allowed.is_set() else refusal
            handler.send_multipart([version, request, status, b"", b"", b""])

    threading.Thread(target=decide, daemon=True).start()
    public, secret = zmq.curve_keypair()
    server = context.socket(zmq.ROUTER)
    server.curve_server, server.curve_secretkey, server.zap_domain = True, secret, b"finding"
    server.handshake_ivl = 1000
    endpoint = f"tcp://127.0.0.1:{server.bind_to_random_port('tcp://127.0.0.1')}"
    clients, monitors = [], []
    for number in range(CLIENTS):
        client = context.socket(zmq.DEALER)
        client.curve_publickey, client.curve_secretkey = zmq.curve_keypair()
        client.curve_serverkey = public
        client.handshake_ivl = 1000
        monitors.append(client.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH))
        client.connect(endpoint)
        client.send(b"%d" % number)
        clients.append(client)
    time.sleep(2)
    allowed.set()
    found = [heard(server, CLIENTS, 6)]
    title = f"answer {refusal.decode()}:"
    after = f"{title} after 8 s heard from {found[0]} of {CLIENTS}"
    if refusal == b"300":
        print(after)
        return found
    most = max(asked.count(key) for key in asked)
    print(f"{after}; each had asked {most} time{'s' * (most > 1)}")
    told = sum(monitor.poll(0) > 0 and recv_monitor_message(monitor)["value"] == 400
               for monitor in monitors)
    print(f"{title} monitors of {told} of {CLIENTS} tell HANDSHAKE_FAILED_AUTH 400")
    for number, client in enumerate(clients):
        client.disconnect(endpoint)
        client.connect(endpoint)
        client.send(b"%d" % number)
    found += [most, told, heard(server, CLIENTS, 5)]
    print(f"{title} after disconnect() and connect() heard from {found[-1]} of {CLIENTS}")
    return found

as_described = [trial(b"400"), trial(b"300")] == [[0, 1, CLIENTS, CLIENTS], [CLIENTS]]
sys.stdout.flush()
os._exit(not as_described)  # without waiting for what the refused clients still have to send
PY
if venv/bin/python show.py; then exit 0; fi
echo 'CHANGED: not as described above'
exit 1
