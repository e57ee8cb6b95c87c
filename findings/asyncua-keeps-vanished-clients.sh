#!/usr/bin/env bash
# asyncua 2.1.0 (PyPI, Linux): a server ends the session of a client that has vanished, but keeps
# its connection, which goes on taking one of the places of max_connections.
#
# Expected: when the time-out of a session has passed without a word, the server lets go of the
#   session and of the connection that carries nothing else.
# Seen: the session is closed in time, the TCP connection stays open and counted. A client that loses
#   power or its cable sends no FIN, and nothing else asks whether it is there: the server sets no
#   keepalive, and its limit for a connection without a session (30 s) looks once, when the session
#   is still there. Once as many have vanished as there are places, the server turns everybody away
#   until it is started again. With SO_KEEPALIVE set on the listening socket, from which Linux hands
#   it down to each connection, the kernel notices and the places are free.
#
# Output seen (Python 3.11): two places, two clients with sessions of 31 s that vanish
#   as it is,  after 20 s: 2 connections, 2 open sessions
#   as it is,  after 35 s: 2 connections, 0 open sessions
#   as it is,  after 61 s: 2 connections, 0 open sessions
#   as it is,  a new client: turned away
#   keepalive, after 20 s: 0 connections, 0 open sessions
#   keepalive, a new client: served
#
# A client vanishes by TCP_REPAIR: its kernel then forgets the connection without a packet. That
# needs CAP_NET_ADMIN, as root or in a namespace of one's own; without it this is skipped (exit 0).
# Exits 0 while this is so, else 1. Takes about 85 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

may='import socket; socket.socket().setsockopt(socket.IPPROTO_TCP, 19, 1)'
inside=()
if ! python3 -c "$may" 2> why; then
    inside=(unshare --user --map-root-user --net sh -ec 'ip link set lo up; exec "$@"' sh)
    if ! "${inside[@]}" python3 -c "$may" 2> why; then
        echo "SKIPPED: no client can be made to vanish here: $(tail -n 1 why)"
        exit 0
    fi
fi
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check asyncua==2.1.0

cat > vanish.py <<'PY'
import asyncio
import os
import socket
import sys

from asyncua import Client

TCP_REPAIR = 19

async def main(url, session_ms):
    client = Client(url)
    client.session_timeout = session_ms
    await client.connect()
    await asyncio.sleep(0.4)  # all that was sent has been acknowledged
    transport = client.uaclient.protocol.transport
    transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    os._exit(0)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
PY
cat > show.py <<'PY'
import asyncio
import logging
import socket
import sys

from asyncua import Client, Server

PLACES, SESSION_MS = 2, 31_000
logging.disable()

async def trial(title, keepalive, moments_s):
    """What is there at each of these times after the clients vanished, and a new client's fate."""
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/")
    server.iserver.max_connections = PLACES
    await server.start()
    if keepalive:
        for listening in server.bserver._server.sockets:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2)
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    url = f"opc.tcp://127.0.0.1:{server.bserver.port}/"
    command = [sys.executable, "vanish.py", url, str(SESSION_MS)]
    clients = [await asyncio.create_subprocess_exec(*command) for _ in range(PLACES)]
    for client in clients:
        assert await client.wait() == 0
    held = server.bserver.clients
    sessions = [connection.processor.session for connection in held]
    seen = [len(sessions)]
    passed_s = 0
    for moment_s in moments_s:
        await asyncio.sleep(moment_s - passed_s)
        passed_s = moment_s
        active = sum(session.is_activated() for session in sessions)
        seen.append((len(held), active))
        print(f"{title} after {moment_s} s: {len(held)} connections, {active} open sessions",
              flush=True)
    try:
        async with Client(url, timeout=3) as client:
            await client.nodes.server_state.read_value()
            seen.append("served")
    except (OSError, asyncio.TimeoutError):
        seen.append("turned away")
    print(f"{title} a new client: {seen[-1]}", flush=True)
    await server.stop()
    return seen

async def main():
    return await asyncio.gather(
        trial("as it is, ", False, [20, 35, 61]), trial("keepalive,", True, [20])
    )

seen = asyncio.run(main())
sys.exit(seen != [
    [2, (2, 2), (2, 0), (2, 0), "turned away"],
    [2, (0, 0), "served"],
])
PY
if "${inside[@]}" venv/bin/python show.py > said; then changed=0; else changed=1; fi
sort -s -k 1,1 said
if [ $changed = 1 ]; then echo 'CHANGED: not as described above'; fi
exit $changed
