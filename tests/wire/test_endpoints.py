from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.wire.endpoints import (
    ALERTS_ENDPOINT,
    REQUESTS_ENDPOINT,
    EndpointError,
    bind,
    bind_address,
    connect_address,
)
from tests.accepted import accepted_socket, ends_by_itself
from tests.small_line import PATIENCE_S

OpenSocket = Callable[[int], zmq.Socket[bytes]]


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        (ALERTS_ENDPOINT, "tcp://127.0.0.1:5556"),
        (REQUESTS_ENDPOINT, "tcp://127.0.0.1:5557"),
        ("tcp://localhost:5556", "tcp://127.0.0.1:5556"),
        ("tcp://127.8.0.1:05556", "tcp://127.8.0.1:5556"),
        ("tcp://127.0.0.1:*", "tcp://127.0.0.1:*"),
        ("tcp://[::1]:5556", "tcp://[::1]:5556"),
        ("tcp://[0:0::1]:*", "tcp://[::1]:*"),
        ("ipc:///run/vigitri/line-1", "ipc:///run/vigitri/line-1"),
    ],
)
def test_loopback_and_ipc_endpoints_are_accepted(endpoint: str, address: str) -> None:
    assert bind_address(endpoint) == address


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp://0.0.0.0:5556",
        "tcp://192.168.1.20:5556",
        "tcp://[::]:5556",
        "tcp://[fe80::1]:5556",
    ],
)
def test_an_address_reachable_from_other_machines_is_refused_with_a_hint_at_keys(
    endpoint: str,
) -> None:
    with pytest.raises(EndpointError, match=r"vigitri keys new.*use tcp://127\.0\.0\.1:5556"):
        bind_address(endpoint)
    # A wildcard address can only be bound, with or without keys.
    every = re.match(r"tcp://(0\.0\.0\.0|\[::\]):", endpoint)
    with pytest.raises(EndpointError, match="can only be bound" if every else "give both keys"):
        connect_address(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "5556",
        "127.0.0.1:5556",
        "udp://127.0.0.1:5556",
        "inproc://alerts",
        "tcp://",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:٥٥٥٦",
        "tcp://127.0.0.1:5556;10.0.0.1:5556",
        "tcp://*:5556",
        "tcp://eth0:5556",
        "tcp://localhost.example.org:5556",
        "tcp://127.1:5556",
        "tcp://::1:5556",
        "tcp://[127.0.0.1]:5556",
        "tcp://[::ffff:127.0.0.1]:5556",
        "tcp://224.0.0.1:5556",
        "tcp://[::1%lo]:5556",
        "tcp://127.0.0.1:5556\n",
        " tcp://127.0.0.1:5556",
        "ipc://",
        "ipc://*",
        "ipc://@abstract",
        "ipc:///run/vigitri/",
        "ipc:///run/" + "x" * 200,
    ],
)
def test_invalid_endpoints_are_refused_in_one_line(endpoint: str) -> None:
    with pytest.raises(EndpointError) as refused:
        bind_address(endpoint)
    assert "\n" not in str(refused.value)


@settings(deadline=None)
@given(
    st.one_of(
        st.text(max_size=60),
        st.from_regex(r"(tcp|ipc)://.*", fullmatch=True),
        st.builds("tcp://{}:{}".format, st.text(max_size=20), st.integers(0, 70_000)),
    )
)
def test_any_text_is_a_local_endpoint_or_one_line_of_error(text: str) -> None:
    error = None
    try:
        address = bind_address(text)
    except EndpointError as refused:
        error = str(refused)
    if error is None:
        assert address.startswith(("tcp://127.", "tcp://[::1]:", "ipc://"))
        assert bind_address(address) == address
    else:
        assert error.isprintable()


@settings(deadline=None)
@given(st.ip_addresses(), st.integers(1, 65535))
def test_without_keys_exactly_loopback_addresses_are_accepted(ip: object, port: int) -> None:
    text = str(ip)
    endpoint = f"tcp://[{text}]:{port}" if ":" in text else f"tcp://{text}:{port}"
    loopback = text.startswith("127.") or text == "::1"
    try:
        bind_address(endpoint)
        assert loopback
    except EndpointError:
        assert not loopback


@pytest.mark.parametrize("endpoint", ["tcp://0.0.0.0:5556", "tcp://192.168.1.20:*", "tcp://[::]:1"])
def test_with_keys_any_address_can_be_bound(endpoint: str) -> None:
    assert bind_address(endpoint, keys=True) == endpoint


def test_a_wildcard_address_can_not_be_connected_to() -> None:
    assert connect_address("tcp://192.168.1.20:5556", keys=True) == "tcp://192.168.1.20:5556"
    with pytest.raises(EndpointError, match="can only be bound"):
        connect_address("tcp://0.0.0.0:5556", keys=True)


def test_a_wildcard_port_can_be_bound_but_not_connected_to(open_socket: OpenSocket) -> None:
    bound = bind(open_socket(zmq.XPUB), "tcp://localhost:*")
    assert int(bound.removeprefix("tcp://127.0.0.1:")) > 0
    with pytest.raises(EndpointError, match="name the port"):
        connect_address("tcp://localhost:*")


def test_a_port_in_use_is_reported_with_the_likely_cause(open_socket: OpenSocket) -> None:
    bound = bind(open_socket(zmq.XPUB), "tcp://127.0.0.1:*")
    with pytest.raises(EndpointError, match="is in use, perhaps by another detector"):
        bind(open_socket(zmq.XPUB), bound)


def test_ipv6_loopback_can_be_bound(open_socket: OpenSocket) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert bind(open_socket(zmq.XPUB), "tcp://[::1]:*").startswith("tcp://[::1]:")


def test_a_second_detector_can_not_take_over_an_ipc_socket(
    open_socket: OpenSocket, tmp_path: Path
) -> None:
    endpoint = f"ipc://{tmp_path}/line"
    bind(open_socket(zmq.XPUB), endpoint)
    with pytest.raises(EndpointError, match="is in use"):
        bind(open_socket(zmq.XPUB), endpoint)


def test_an_ipc_socket_left_by_a_killed_detector_is_reused(
    open_socket: OpenSocket, tmp_path: Path
) -> None:
    path = tmp_path / "line"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    assert bind(open_socket(zmq.XPUB), f"ipc://{path}") == f"ipc://{path}"


def test_a_file_that_is_not_a_socket_is_not_overwritten(
    open_socket: OpenSocket, tmp_path: Path
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("keep me")
    with pytest.raises(EndpointError, match="is not a socket"):
        bind(open_socket(zmq.XPUB), f"ipc://{path}")
    assert path.read_text() == "keep me"


def test_a_missing_folder_is_reported(open_socket: OpenSocket, tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match="create it first"):
        bind(open_socket(zmq.XPUB), f"ipc://{tmp_path}/missing/line")


@pytest.mark.parametrize("kind", [zmq.XPUB, zmq.ROUTER])
def test_the_kernel_closes_connections_of_vanished_clients(
    open_socket: OpenSocket, kind: int
) -> None:
    """Without keepalive an idle client, such as a DEALER without requests, would stay for ever."""
    endpoint = bind(open_socket(kind), "tcp://127.0.0.1:*")
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port)), PATIENCE_S) as client:
        assert client.recv(1) == b"\xff"  # libzmq's greeting: it has been accepted
        with accepted_socket(client.getsockname()) as accepted:
            assert ends_by_itself(accepted)
