"""Who gives way where places run out, and what is said of it; no sockets, a clock by hand."""

from __future__ import annotations

from detector.bridge.places import HOSTS_NAMED, IN_SERVICE_NS, REPORT_EVERY_NS, Place, Places

SECOND_NS = 1_000_000_000


class Door:
    """Two places, and who was hung up on."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.gone: list[str] = []
        self.places = Places(2, lambda: self.now_ns)

    def comes(self, host: str, port: int = 1) -> Place | None:
        return self.places.take(host, port, lambda: self.gone.append(host))

    def polls(self, place: Place | None) -> None:
        assert place is not None
        for _ in range(2):
            self.places.count_bytes(place)
            self.places.count_request(place)


def test_a_client_that_has_asked_once_gives_way_and_one_that_polls_does_not() -> None:
    door = Door()
    plc, other = door.comes("plc"), door.comes("other")
    door.polls(plc)
    door.now_ns += SECOND_NS
    assert other is not None
    door.places.count_bytes(other)
    door.places.count_request(other)
    assert door.comes("newcomer") is not None
    assert door.gone == ["other"]


def test_a_client_whose_last_request_is_three_seconds_old_may_give_way() -> None:
    door = Door()
    door.polls(door.comes("one"))
    door.now_ns += 1
    door.polls(door.comes("two"))
    door.now_ns = IN_SERVICE_NS - 1
    assert door.comes("early") is None
    door.now_ns = IN_SERVICE_NS
    assert door.comes("late") is not None
    assert door.gone == ["one"]


def test_bytes_that_are_no_whole_request_put_no_client_in_service() -> None:
    door = Door()
    one, _ = door.comes("one"), door.comes("two")
    assert one is not None
    for _ in range(9):
        door.now_ns += 1
        door.places.count_bytes(one)
    assert door.comes("newcomer") is not None
    assert door.comes("another") is not None
    assert door.gone == ["two", "one"]


def test_a_place_that_is_left_is_free_and_may_be_left_again() -> None:
    door = Door()
    one, _ = door.comes("one"), door.comes("two")
    assert one is not None
    door.places.leave(one)
    door.places.leave(one)
    assert door.comes("three") is not None
    assert (door.gone, door.places.line()) == ([], None)


def test_the_line_names_the_holders_by_host_and_who_gave_way_to_whom() -> None:
    door = Door()
    door.comes("10.0.0.9", 50112)
    door.now_ns = 320 * SECOND_NS
    door.polls(door.comes("10.0.0.5"))
    assert door.comes("fe80::7", 40112) is not None
    assert door.places.line() == (
        "all 2 places are in use, 1 by 10.0.0.9 (longest idle 320.0 s), 1 by 10.0.0.5 (longest idle "
        "0.0 s); replaced by new clients: 1 of 10.0.0.9 (the last: 10.0.0.9:50112, idle for 320.0 s, "
        "by [fe80::7]:40112)"
    )


def test_what_happens_between_two_lines_is_counted_and_in_the_next() -> None:
    door = Door()
    door.polls(door.comes("plc"))
    door.polls(door.comes("panel"))
    assert door.comes("10.0.0.7", 7) is None
    assert "1 of 10.0.0.7 (the last: 10.0.0.7:7)" in (door.places.line() or "")
    for _ in range(3):
        assert door.comes("10.0.0.8", 8) is None
    assert door.comes("10.0.0.7", 7) is None
    door.now_ns = REPORT_EVERY_NS - 1
    assert door.places.line() is None
    door.now_ns = REPORT_EVERY_NS
    line = door.places.line() or ""
    assert line.endswith(
        "turned away because all clients are polling: 3 of 10.0.0.8, "
        "1 of 10.0.0.7 (the last: 10.0.0.7:7)"
    )
    assert door.places.line(at_once=True) is None


def test_what_was_not_reported_yet_is_reported_at_the_end() -> None:
    door = Door()
    door.polls(door.comes("plc"))
    door.polls(door.comes("panel"))
    door.comes("a")
    assert door.places.line() is not None
    door.comes("b")
    assert door.places.line() is None
    assert "1 of b" in (door.places.line(at_once=True) or "")


def test_a_flood_from_many_hosts_makes_no_endless_line_and_loses_no_count() -> None:
    door = Door()
    door.polls(door.comes("plc"))
    door.polls(door.comes("panel"))
    for number in range(HOSTS_NAMED + 5):
        assert door.comes(f"host-{number}") is None
    line = door.places.line() or ""
    assert "5 of other hosts" in line
    assert line.count("1 of host-") == HOSTS_NAMED
