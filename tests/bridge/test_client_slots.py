"""Replacement of clients at full slots, and its log line; no sockets, a manual clock."""

from __future__ import annotations

from detector.bridge.client_slots import (
    HOSTS_NAMED,
    IN_SERVICE_NS,
    REPORT_EVERY_NS,
    ClientSlot,
    ClientSlots,
)

SECOND_NS = 1_000_000_000


class Server:
    """Two slots, and the disconnected clients."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.gone: list[str] = []
        self.slots = ClientSlots(2, lambda: self.now_ns)

    def connect(self, host: str, port: int = 1) -> ClientSlot | None:
        return self.slots.acquire(host, port, lambda: self.gone.append(host))

    def poll(self, slot: ClientSlot | None) -> None:
        assert slot is not None
        for _ in range(2):
            self.slots.count_bytes(slot)
            self.slots.count_request(slot)


def test_a_client_with_one_request_is_replaced_and_a_polling_one_is_not() -> None:
    server = Server()
    plc, other = server.connect("plc"), server.connect("other")
    server.poll(plc)
    server.now_ns += SECOND_NS
    assert other is not None
    server.slots.count_bytes(other)
    server.slots.count_request(other)
    assert server.connect("newcomer") is not None
    assert server.gone == ["other"]


def test_a_client_whose_last_request_is_three_seconds_old_can_be_replaced() -> None:
    server = Server()
    server.poll(server.connect("one"))
    server.now_ns += 1
    server.poll(server.connect("two"))
    server.now_ns = IN_SERVICE_NS - 1
    assert server.connect("early") is None
    server.now_ns = IN_SERVICE_NS
    assert server.connect("late") is not None
    assert server.gone == ["one"]


def test_incomplete_requests_do_not_count_as_polling() -> None:
    server = Server()
    one, _ = server.connect("one"), server.connect("two")
    assert one is not None
    for _ in range(9):
        server.now_ns += 1
        server.slots.count_bytes(one)
    assert server.connect("newcomer") is not None
    assert server.connect("another") is not None
    assert server.gone == ["two", "one"]


def test_leaving_frees_a_place_and_may_be_repeated() -> None:
    server = Server()
    one, _ = server.connect("one"), server.connect("two")
    assert one is not None
    server.slots.leave(one)
    server.slots.leave(one)
    assert server.connect("three") is not None
    assert (server.gone, server.slots.line()) == ([], None)


def test_the_log_line_names_holders_by_host_and_the_replaced_client() -> None:
    server = Server()
    server.connect("10.0.0.9", 50112)
    server.now_ns = 320 * SECOND_NS
    server.poll(server.connect("10.0.0.5"))
    assert server.connect("fe80::7", 40112) is not None
    assert server.slots.line() == (
        "all 2 slots are in use, 1 by 10.0.0.9 (longest idle 320.0 s), 1 by 10.0.0.5 (longest "
        "idle 0.0 s); replaced by new clients: 1 of 10.0.0.9 (the last: 10.0.0.9:50112, idle for "
        "320.0 s, by [fe80::7]:40112)"
    )


def test_events_between_two_log_lines_are_counted_in_the_next_line() -> None:
    server = Server()
    server.poll(server.connect("plc"))
    server.poll(server.connect("panel"))
    assert server.connect("10.0.0.7", 7) is None
    assert "1 of 10.0.0.7 (the last: 10.0.0.7:7)" in (server.slots.line() or "")
    for _ in range(3):
        assert server.connect("10.0.0.8", 8) is None
    assert server.connect("10.0.0.7", 7) is None
    server.now_ns = REPORT_EVERY_NS - 1
    assert server.slots.line() is None
    server.now_ns = REPORT_EVERY_NS
    line = server.slots.line() or ""
    assert line.endswith(
        "turned away because all clients are polling: 3 of 10.0.0.8, "
        "1 of 10.0.0.7 (the last: 10.0.0.7:7)"
    )
    assert server.slots.line(at_once=True) is None


def test_unreported_events_are_reported_at_the_end() -> None:
    server = Server()
    server.poll(server.connect("plc"))
    server.poll(server.connect("panel"))
    server.connect("a")
    assert server.slots.line() is not None
    server.connect("b")
    assert server.slots.line() is None
    assert "1 of b" in (server.slots.line(at_once=True) or "")


def test_a_flood_from_many_hosts_is_counted_in_a_bounded_line() -> None:
    server = Server()
    server.poll(server.connect("plc"))
    server.poll(server.connect("panel"))
    for number in range(HOSTS_NAMED + 5):
        assert server.connect(f"host-{number}") is None
    line = server.slots.line() or ""
    assert "5 of other hosts" in line
    assert line.count("1 of host-") == HOSTS_NAMED
