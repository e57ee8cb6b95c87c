"""Restarts of the OPC UA bridge under real clients: do they get values again by themselves?

A publisher here reports a live line; the real `vigitri bridge` serves it at one port and is stopped
and killed in turn. An asyncua client (`auto_reconnect=True`) and a node-opcua client (from npm)
monitor variables and alarms, and nothing here helps them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from benchmarks.bridge_process import BridgeProcess
from benchmarks.faults.plc import ANY_PORT, PublishedState, PublishingLine
from benchmarks.report_out import write_json
from benchmarks.tcp_proxy import free_ports
from detector.wire import samples

NODE_OPCUA = "node-opcua-client@2.186.4"
SCRIPT = Path(__file__).with_name("opcua_client.js")
WITHIN_S = 10.0
"""Time after the bridge serves again in which a client has to get values."""
GOES_ON = 5
"""Good values of a variable that changes; one alone could be an initial value."""
START_S = 120.0


@dataclass
class Restarts:
    """Time from the bridge's return to the last of GOES_ON values, s; None: not in time."""

    seconds: dict[str, list[float | None]] = field(default_factory=dict)
    alarms: dict[str, int] = field(default_factory=dict)
    """Restarts after which the client also got an alarm event."""

    @property
    def sound(self) -> bool:
        return all(each is not None for of_client in self.seconds.values() for each in of_client)


class _Heard:
    """What a client has received since a moment."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.events: list[float] = []

    def value(self, *, good: bool) -> None:
        if good:
            self.values.append(time.monotonic())

    def event(self) -> None:
        self.events.append(time.monotonic())

    def clear(self) -> None:
        self.values, self.events = [], []


class NodeClient:
    """A node-opcua client in a process of its own; a context manager."""

    def __init__(self, modules: Path, endpoint: str, folder: Path, mode: str) -> None:
        self.heard, self._mode = _Heard(), mode
        self.certificate = folder / "own/certs/client_certificate.pem"
        arguments = [str(SCRIPT), endpoint, samples.LINE, str(folder), mode]
        environment = {**os.environ, "NODE_PATH": str(modules)}
        self._process = subprocess.Popen(
            ["node", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self._subscribed, self._certified = threading.Event(), threading.Event()
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._reader.start()
        if not self._certified.wait(START_S):
            raise RuntimeError("the node-opcua client made no certificate")
        return self

    def subscribe(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        self._process.stdin.flush()
        if not self._subscribed.wait(START_S):
            raise RuntimeError("the node-opcua client did not subscribe")

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            if not text.startswith(b"{"):
                continue
            said: dict[str, Any] = json.loads(text)
            if "certificate" in said:
                self._certified.set()
            elif said.get("state") == "subscribed":
                self._subscribed.set()
            elif said.get("name") == "Heartbeat":
                self.heard.value(good=said["status"] == "Good")
            elif "event" in said:
                self.heard.event()
            elif "failed" in said:
                raise RuntimeError(said["failed"])


class AsyncuaClient:
    """An asyncua client in a thread; a context manager."""

    def __init__(self, endpoint: str, folder: Path, mode: str) -> None:
        self.heard, self._endpoint, self._mode = _Heard(), endpoint, mode
        self.certificate, self._key = folder / "asyncua.der", folder / "asyncua.pem"
        self._over, self._subscribed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        from asyncua.crypto import cert_gen
        from cryptography.x509.oid import ExtendedKeyUsageOID

        made = cert_gen.setup_self_signed_certificate(
            self._key,
            self.certificate,
            "urn:bench:asyncua",
            "bench",
            [ExtendedKeyUsageOID.CLIENT_AUTH],
            {},
        )
        asyncio.run(made)
        return self

    def subscribe(self) -> None:
        self._thread.start()
        if not self._subscribed.wait(START_S):
            raise RuntimeError("the asyncua client did not subscribe")

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def datachange_notification(self, _node: Any, _value: Any, data: Any) -> None:
        self.heard.value(good=data.monitored_item.Value.StatusCode.is_good())

    def event_notification(self, _event: Any) -> None:
        self.heard.event()

    def status_change_notification(self, _status: Any) -> None: ...

    async def _run(self) -> None:
        from asyncua import Client, ua
        from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

        client = Client(self._endpoint, auto_reconnect=True, reconnect_max_delay=2.0)
        client.application_uri = "urn:bench:asyncua"
        if self._mode != "None":
            policy = SecurityPolicyBasic256Sha256
            await client.set_security(policy, str(self.certificate), str(self._key))
        async with client:
            subscription = await client.create_subscription(100, self)
            node = client.get_node(ua.NodeId(f"{samples.LINE}.Heartbeat", 2))
            await subscription.subscribe_data_change(node, sampling_interval=100)
            alarm = client.get_node(ua.NodeId(ua.ObjectIds.AlarmConditionType))
            await subscription.subscribe_events(evtypes=alarm)
            self._subscribed.set()
            while not self._over.is_set():
                await asyncio.sleep(0.1)


@contextlib.contextmanager
def node_modules(given: Path | None) -> Iterator[Path]:
    """A `node_modules` folder with node-opcua's client: the given one, or a temporary one."""
    if given is not None:
        yield given
        return
    npm = shutil.which("npm")
    if npm is None:
        raise ValueError("no npm here: install Node.js with npm, or name a folder with --node")
    with tempfile.TemporaryDirectory() as folder:
        quiet = ["--no-fund", "--no-audit", "--silent"]
        subprocess.run([npm, "install", *quiet, NODE_OPCUA], cwd=folder, check=True)
        yield Path(folder) / "node_modules"


def restart(
    times: int, *, seed: int, secure: bool, node: Path | None, progress: Any = None
) -> Restarts:
    """Restart the bridge `times` times, and measure when each client gets values again."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    rng, result, mode = random.Random(seed), Restarts(), "SignAndEncrypt" if secure else "None"
    (port,) = free_ports(1)
    endpoint = f"opc.tcp://127.0.0.1:{port}/vigitri"
    with contextlib.ExitStack() as stack:
        modules = stack.enter_context(node_modules(node))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        line = stack.enter_context(PublishingLine(PublishedState(), seed))
        clients: dict[str, AsyncuaClient | NodeClient] = {
            "asyncua": stack.enter_context(AsyncuaClient(endpoint, folder, mode)),
            "node-opcua": stack.enter_context(NodeClient(modules, endpoint, folder / "pki", mode)),
        }
        options = ["--opcua", endpoint, "--name", samples.LINE]
        if secure:
            from detector.bridge.opcua.security import SecurityFolder

            security = SecurityFolder(folder / "security")
            for each in clients.values():
                security.trust(each.certificate)
            options += ["--opcua-security", str(security.folder)]
        ends = [(line.endpoint, ANY_PORT.replace("*", "9"))]
        bridge = BridgeProcess(ends, *options, start_s=START_S)
        bridge.__enter__()
        stack.callback(lambda: bridge.end())  # noqa: PLW0108 - the last one of the loop below
        for each in clients.values():
            each.subscribe()
        for number in range(times):
            time.sleep(rng.uniform(1.0, 3.0))
            bridge.end(hung=number % 2 == 1)
            time.sleep(rng.choice((0.0, 1.0, 5.0)))
            bridge = BridgeProcess(ends, *options, start_s=START_S)
            bridge.__enter__()
            back_s = time.monotonic()
            for each in clients.values():
                each.heard.clear()
            end_s = back_s + WITHIN_S
            while time.monotonic() < end_s and any(
                len(each.heard.values) < GOES_ON or not each.heard.events
                for each in clients.values()
            ):
                time.sleep(0.05)
            for name, each in clients.items():
                values = each.heard.values
                took_s = round(values[GOES_ON - 1] - back_s, 2) if len(values) >= GOES_ON else None
                result.seconds.setdefault(name, []).append(took_s)
                result.alarms[name] = result.alarms.get(name, 0) + bool(each.heard.events)
            if progress is not None:
                progress(number + 1, times)
    return result


def run(times: int, seed: int, out: Path | None, *, secure: bool, node: Path | None) -> bool:
    """Print the table; returns whether each client got values after each restart."""
    from rich.console import Console
    from rich.table import Table

    from detector.cli_support.progress import progress_bar

    with progress_bar("restarts") as advance:
        result = restart(times, seed=seed, secure=secure, node=node, progress=advance)
    security = "Basic256Sha256, SignAndEncrypt" if secure else "no security"
    title = f"{times} restarts of the bridge, {security}, seed {seed}"
    table = Table(
        "client", "got values again", "alarm events", "median s", "longest s", title=title
    )
    for name, seconds in result.seconds.items():
        back = sorted(each for each in seconds if each is not None)
        median, longest = (back[len(back) // 2], back[-1]) if back else ("-", "-")
        of, alarms = f"{len(back)} of {times}", f"{result.alarms[name]} of {times}"
        table.add_row(name, of, alarms, str(median), str(longest))
    Console().print(table)
    document = {"seed": seed, "secure": secure, **vars(result)}
    write_json(document, out)
    return result.sound
