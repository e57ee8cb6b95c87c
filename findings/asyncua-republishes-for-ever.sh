#!/usr/bin/env bash
# asyncua 2.1.0 (PyPI) as server, node-opcua-client 2.186.4 (npm) as client: after a restart of the
# server the client never gets a value again, and asks thousands of times a second.
#
# Expected: the client makes a new session and a new subscription by itself, as its documentation
#   says, and asks to republish what its subscription may have missed. The server has nothing to
#   republish and answers Bad_MessageNotAvailable (OPC 10000-4, 5.13.6), whereupon the client goes on.
# Seen: the server answers each Republish request with Good and an empty message. The client takes it
#   for one that it had missed and asks for the next, for ever; its publishing waits for the end of
#   that. `InternalSubscription.republish` and `SubscriptionService.republish` return
#   `ua.NotificationMessage()` where there is nothing; raising the two service faults mends it.
#
# Output seen (Python 3.11, Node.js 20):
#   as it is: 19 values in 2 s before; after the restart 0 values in 5 s, 18455 Republish requests in 10 s
#   faults:   18 values in 2 s before; after the restart 49 values in 5 s, 1 Republish requests in 10 s
# Exits 0 while this is so, else 1; without npm it is skipped (exit 0). Takes about a minute.
set -euo pipefail

command -v npm >/dev/null || { echo "SKIPPED: no npm here"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check asyncua==2.1.0
npm install --silent --no-fund --no-audit node-opcua-client@2.186.4

cat > client.js <<'JS'
const opcua = require("node-opcua-client");
(async () => {
  const client = opcua.OPCUAClient.create({
    endpointMustExist: false,
    keepSessionAlive: true,
    connectionStrategy: { maxRetry: -1, initialDelay: 200, maxDelay: 1000 },
  });
  await client.connect(process.argv[2]);
  const session = await client.createSession();
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 100,
    requestedLifetimeCount: 100,
    requestedMaxKeepAliveCount: 10,
    publishingEnabled: true,
  });
  const item = await subscription.monitor(
    { nodeId: "ns=2;s=value", attributeId: opcua.AttributeIds.Value },
    { samplingInterval: 100, queueSize: 10, discardOldest: true },
    opcua.TimestampsToReturn.Both,
  );
  item.on("changed", () => console.log("value"));
})();
JS
cat > server.py <<'PY'
import asyncio
import logging
import sys

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.server.subscription_service import SubscriptionService

logging.disable()
original, asked = SubscriptionService.republish, 0

def republish(self, params):
    global asked
    asked += 1
    message = original(self, params)
    if sys.argv[2] == "faults" and not message.NotificationData:
        raise ServiceError(ua.StatusCodes.BadMessageNotAvailable)
    return message

SubscriptionService.republish = republish

async def main():
    server = Server()
    await server.init()
    server.set_endpoint(sys.argv[1])
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    await server.register_namespace("urn:finding")
    node = await server.nodes.objects.add_variable(ua.NodeId("value", 2), "value", 0)
    await server.start()
    print("ready", flush=True)
    loop, number = asyncio.get_running_loop(), 0
    over = loop.run_in_executor(None, sys.stdin.readline)
    while not over.done():
        number += 1
        await node.write_value(number)
        await asyncio.sleep(0.1)
    print(asked, flush=True)
    await server.stop()

asyncio.run(main())
PY
cat > show.py <<'PY'
import socket
import subprocess
import sys
import threading
import time

def start(command):
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)

def serve(url, mode):
    server = start([sys.executable, "server.py", url, mode])
    assert server.stdout.readline() == "ready\n"
    return server

def trial(title, mode):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"opc.tcp://127.0.0.1:{taken.getsockname()[1]}/"
    server = serve(url, mode)
    client = start(["node", "client.js", url])
    values = []

    def read():
        for line in client.stdout:
            if line == "value\n":
                values.append(time.monotonic())

    threading.Thread(target=read, daemon=True).start()
    while not values:
        time.sleep(0.1)
    values.clear()
    time.sleep(2)
    before = len(values)
    server.kill()
    server.wait()
    server = serve(url, mode)
    time.sleep(5)  # the client comes back
    values.clear()
    time.sleep(5)
    after = len(values)
    server.stdin.write("\n")
    server.stdin.flush()
    asked = int(server.stdout.readline())
    server.kill()
    client.kill()
    print(f"{title} {before} values in 2 s before; after the restart {after} values in 5 s, "
          f"{asked} Republish requests in 10 s", flush=True)
    return before > 5, after > 5, asked > 1000

seen = [trial("as it is:", "plain"), trial("faults:  ", "faults")]
if seen != [(True, False, True), (True, True, False)]:
    print("CHANGED: not as described above")
    sys.exit(1)
PY
venv/bin/python show.py
