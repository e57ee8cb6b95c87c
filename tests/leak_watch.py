"""Runs a command, and lists the packets it sends and the files it writes outside its own folders.

The command runs in its own network namespace, in which all routes end at the loopback interface:
packets to any address are captured there and go no further, and DNS queries go there too. If the
kernel allows no namespace, a small preloaded library replaces the C library's name look-up and
connect calls: it reports and refuses them.

Run as a program, this file is the part inside the namespace.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
NAMESPACE = ("unshare", "--user", "--map-root-user", "--net", "--mount")
PATIENCE_S = 90.0

_SET_UP = """
ip link set lo up
ip route add default dev lo
ip -6 route add default dev lo
mount --bind "$1" /etc/resolv.conf
"""

_HOOK = r"""
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void report(const char *what, const char *detail) {
    FILE *log = fopen(getenv("LEAK_LOG"), "a");
    if (log) { fprintf(log, "%s %s\n", what, detail ? detail : ""); fclose(log); }
}
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    unsigned char number[16];
    if (!node || inet_pton(AF_INET, node, number) == 1 || inet_pton(AF_INET6, node, number) == 1) {
        int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
            dlsym(RTLD_NEXT, "getaddrinfo");
        return real(node, service, hints, found);
    }
    report("look-up of", node);
    return EAI_FAIL;
}
int connect(int descriptor, const struct sockaddr *address, socklen_t length) {
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    int here = address->sa_family == AF_INET && (ntohl(four->sin_addr.s_addr) >> 24) == 127;
    if (!here && (address->sa_family == AF_INET || address->sa_family == AF_INET6)) {
        report("connection", "");
        errno = ENETUNREACH;
        return -1;
    }
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    return real(descriptor, address, length);
}
"""


@dataclass(frozen=True, slots=True)
class Leaks:
    """Packets that a command sent and files that it wrote."""

    code: int
    stderr: str
    sent: list[str]
    """Packets, name look-ups and connections, one line each."""
    written: list[str]
    """Files below the home folder that are not Vigitri's own, relative to it."""


@functools.cache
def namespace_allowed() -> bool:
    """Whether this kernel allows a network namespace, and `ip` is installed to set it up."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


@functools.cache
def hook_allowed() -> bool:
    """Whether a C compiler is installed to build the library that intercepts the calls."""
    return shutil.which("cc") is not None


def start(command: Sequence[str], folder: Path, *, namespace: bool) -> subprocess.Popen[str]:
    """Start `command` monitored, with an empty home below `folder`; `leaks_of` waits for it."""
    home = folder / "home"
    home.mkdir(parents=True)
    # CI=true would turn off the telemetry that this test is for. Its files are below the home.
    unwanted = ("CI", "ORT_", "XDG_", "HOME", "MPLCONFIGDIR")
    env = {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}
    env |= {"HOME": str(home), "PYTHONPATH": str(ROOT), "LEAK_LOG": str(folder / "sent.txt")}
    if namespace:
        command = [*NAMESPACE, sys.executable, __file__, str(folder), *command]
    else:
        env["LD_PRELOAD"] = str(_hook())
    return subprocess.Popen(
        command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder
    )


def leaks_of(process: subprocess.Popen[str], folder: Path) -> Leaks:
    """Wait for the process from `start`, and list its packets and files."""
    _, stderr = process.communicate(timeout=PATIENCE_S)
    log, home = folder / "sent.txt", folder / "home"
    ours = home / ".local" / "state" / "vigitri"
    return Leaks(
        process.returncode,
        stderr,
        log.read_text().splitlines() if log.is_file() else [],
        [
            str(path.relative_to(home))
            for path in sorted(home.rglob("*"))
            if path.is_file() and not path.is_relative_to(ours)
        ],
    )


@functools.cache
def _hook() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="leak-watch-"))
    (folder / "hook.c").write_text(_HOOK)
    library = folder / "hook.so"
    build = ["cc", "-shared", "-fPIC", "-o", str(library), str(folder / "hook.c"), "-ldl"]
    subprocess.run(build, check=True, capture_output=True)
    return library


def _described(packet: bytes) -> str | None:
    """An IP packet as `udp to 10.0.0.1:53 (www.example.org)`; None for packets of the kernel."""
    if packet[0] >> 4 == 4:
        head, protocol = (packet[0] & 15) * 4, packet[9]
        where = socket.inet_ntop(socket.AF_INET, packet[16:20])
    else:
        head, protocol = 40, packet[6]
        where = socket.inet_ntop(socket.AF_INET6, packet[24:40])
    if protocol not in {socket.IPPROTO_TCP, socket.IPPROTO_UDP}:  # router solicitations, ICMP
        return None
    (port,) = struct.unpack_from(">H", packet, head + 2)
    name = ""
    if protocol == socket.IPPROTO_UDP and port == 53:
        labels, at = [], head + 8 + 12
        while at < len(packet) and packet[at]:
            labels.append(packet[at + 1 : at + 1 + packet[at]].decode(errors="replace"))
            at += 1 + packet[at]
        name = f" ({'.'.join(labels)})"
    return f"{'tcp' if protocol == socket.IPPROTO_TCP else 'udp'} to {where}:{port}{name}"


def main(folder: Path, command: Sequence[str]) -> int:
    """Inside the namespace: run `command`, and write a line per packet to `folder`/sent.txt."""
    resolver = folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    subprocess.run(["sh", "-ec", _SET_UP, "sh", str(resolver)], check=True)
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
    sent: list[str] = []

    def listen() -> None:
        with suppress(OSError):
            while True:
                packet, address = tap.recvfrom(65536)
                line = _described(packet)
                if address[2] == socket.PACKET_OUTGOING and line is not None:
                    sent.append(line)

    threading.Thread(target=listen, daemon=True).start()
    code = subprocess.run(command, check=False).returncode
    # All packets of the command are in the tap's queue now; one packet of ours marks its end.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
        last.sendto(b"", ("127.0.0.1", 9))
    end = "udp to 127.0.0.1:9"
    while end not in sent:
        threading.Event().wait(0.005)
    (folder / "sent.txt").write_text("".join(f"{line}\n" for line in sent if line != end))
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
