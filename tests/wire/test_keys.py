from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import zmq

from detector import client
from detector.delivery.publisher import Publisher
from detector.delivery.request_server import PendingAnswer, RequestServer
from detector.wire import samples
from detector.wire.keys import (
    AllowList,
    ClientKeys,
    Guard,
    KeyFileError,
    check_unknown_key_refused,
    line_guard,
    load_keys,
    new_key_pair,
    read_key_pair,
    write_key_pair,
)
from tests.small_line import PATIENCE_S

ANY_PORT = "tcp://127.0.0.1:*"
OURS, LINE = new_key_pair("station"), new_key_pair("line")
KEYS = ClientKeys(OURS.public, OURS.secret, LINE.public)
NOW = {"t_capture_utc_ns": 1, "t_capture_mono_ns": 2}


@pytest.fixture
def guard() -> Guard:
    return Guard(LINE, [OURS.public])


def test_a_client_with_an_allowed_key_receives_messages(guard: Guard) -> None:
    with (
        Publisher(ANY_PORT, line="l", boot_id="b", guard=guard) as publisher,
        client.Line(publisher.endpoint, keys=KEYS) as line,
    ):
        assert publisher.wait_for_subscriber("alert", 20)
        publisher.publish(samples.ALERT, **NOW)
        received = next(event for event in line if isinstance(event, client.Received))
        assert received.payload == samples.ALERT


def test_unknown_and_missing_keys_are_refused(guard: Guard) -> None:
    stranger = new_key_pair("stranger")
    keys = ClientKeys(stranger.public, stranger.secret, LINE.public)
    with (
        RequestServer(ANY_PORT, guard=guard) as server,
        client.Line(None, server.endpoint, keys=keys) as refused,
        client.Line(None, server.endpoint) as keyless,
    ):
        for line in (refused, keyless):
            with pytest.raises(TimeoutError):
                line.ask(samples.ANSWERS[0], timeout_s=0.3)
        assert server.poll() == []
        with client.Line(None, server.endpoint, keys=KEYS) as ours, ThreadPoolExecutor() as pool:
            reply = pool.submit(ours.ask, samples.ANSWERS[0], PATIENCE_S)
            while not reply.done():
                for pending in server.poll():
                    assert isinstance(pending, PendingAnswer)
                    server.reply(pending, ok=True)
            assert reply.result().ok


class OpenGuard(Guard):
    """Admits any key, as a socket without an allow-list does."""

    def callback(self, domain: str, key: bytes) -> bool:  # noqa: ARG002
        return True


def test_the_self_test_passes_guarded_sockets_and_fails_open_ones(guard: Guard) -> None:
    with RequestServer(ANY_PORT, guard=guard) as server:
        check_unknown_key_refused(server.endpoint, guard, "requests")
    with Publisher(ANY_PORT, line="l", boot_id="b", guard=guard) as publisher:
        check_unknown_key_refused(publisher.endpoint, guard, "publish")
    assert guard.keys_refused == 0  # its own attempts are not counted
    opened = OpenGuard(LINE, [])
    with (
        RequestServer(ANY_PORT, guard=opened) as server,
        Publisher(ANY_PORT, line="l", boot_id="b", guard=opened) as publisher,
    ):
        with pytest.raises(KeyFileError, match="unknown key was not refused"):
            check_unknown_key_refused(server.endpoint, opened, "answers")
        with pytest.raises(KeyFileError, match="it was admitted"):
            check_unknown_key_refused(publisher.endpoint, opened, "publish")


def test_a_refused_client_gets_the_reason_and_connects_once_its_key_is_allowed(
    guard: Guard,
) -> None:
    stranger = new_key_pair("stranger")
    keys = ClientKeys(stranger.public, stranger.secret, LINE.public)
    with ExitStack() as all_along, ExitStack() as at_first:
        refuses = at_first.enter_context(Publisher(ANY_PORT, line="l", boot_id="b", guard=guard))
        refuses_too = at_first.enter_context(RequestServer(ANY_PORT, guard=guard))
        ends = refuses.endpoint, refuses_too.endpoint
        line = all_along.enter_context(client.Line(*ends, keys=keys))

        def until(wanted: Callable[[client.Event], bool]) -> client.Event:
            for event in line:
                if wanted(event):
                    return event
            raise AssertionError

        until(lambda event: "refuses this key" in getattr(event, "reason", ""))
        assert line.vision is client.VisionState.UNKNOWN
        with pytest.raises(TimeoutError, match="refuses this key"):
            line.ask(samples.ANSWERS[0], timeout_s=0.5)
        while guard.keys_refused < 2:  # at each of the two sockets
            line.receive(0.1)
        at_first.close()
        let_in = Guard(LINE, [stranger.public])
        with (
            Publisher(ends[0], line="l", boot_id="c", guard=let_in) as publisher,
            RequestServer(ends[1], guard=let_in),
        ):
            while line.refusal is not None:
                line.receive(0.1)
            assert publisher.wait_for_subscriber("alert", 30)
            publisher.publish(samples.ALERT, **NOW)
            until(lambda event: getattr(event, "payload", None) == samples.ALERT)


def test_a_client_without_keys_or_with_a_wrong_line_key_gets_the_reason(guard: Guard) -> None:
    wrong = ClientKeys(OURS.public, OURS.secret, OURS.public)
    with Publisher(ANY_PORT, line="l", boot_id="b", guard=guard) as publisher:
        for keys, why in ((None, "the line may need keys"), (wrong, "is this its public key")):
            with client.Line(publisher.endpoint, keys=keys) as line:
                while line.refusal is None:
                    line.receive(0.1)
                assert why in line.vision_reason


def test_key_files_are_private_and_loose_permissions_are_refused(tmp_path: Path) -> None:
    secret, public = write_key_pair(OURS, tmp_path / "keys")
    assert secret.stat().st_mode & 0o777 == 0o600
    assert read_key_pair(secret) == OURS
    assert "secret" not in public.read_text()
    with pytest.raises(KeyFileError, match="exists already"):
        write_key_pair(OURS, tmp_path / "keys")
    secret.chmod(0o640)
    with pytest.raises(KeyFileError, match="others have access"):
        read_key_pair(secret)
    secret.chmod(0o600)
    assert load_keys(secret, LINE.public) == KEYS
    assert load_keys(secret, public).server == OURS.public
    secret.write_text(secret.read_text().replace(OURS.public, LINE.public))
    with pytest.raises(KeyFileError, match="do not match"):
        read_key_pair(secret)
    assert OURS.secret not in repr(OURS) + repr(KEYS)


def test_new_public_keys_do_not_start_like_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter([f"{first}{OURS.public[1:]}".encode() for first in "-#a"])
    monkeypatch.setattr(zmq, "curve_keypair", lambda: (next(made), OURS.secret.encode()))
    assert new_key_pair("mes").public == f"a{OURS.public[1:]}"


def test_characters_that_are_not_a_key_are_refused_before_libzmq(tmp_path: Path) -> None:
    no_key = "#" * 40  # characters of Z85, but a group over 32 bits
    with pytest.raises(KeyFileError, match="not a public key"):
        AllowList(tmp_path / "allowed").allow("other", no_key)
    secret, _ = write_key_pair(OURS, tmp_path)
    with pytest.raises(KeyFileError):
        load_keys(secret, no_key)
    secret.write_text(secret.read_text().replace(OURS.secret, no_key))
    with pytest.raises(KeyFileError, match="secret is not a key of 40 characters"):
        read_key_pair(secret)


def test_an_existing_public_key_leaves_no_new_secret_key(tmp_path: Path) -> None:
    secret, _ = write_key_pair(OURS, tmp_path)
    secret.unlink()
    with pytest.raises(KeyFileError, match=r"public\.toml exists already"):
        write_key_pair(OURS, tmp_path)
    assert not secret.exists()


def test_keys_are_added_to_and_removed_from_the_allow_list(tmp_path: Path) -> None:
    allowed = AllowList(tmp_path / "allowed")
    with pytest.raises(KeyFileError, match="no such folder"):
        allowed.keys()
    allowed.allow("station", OURS.public)
    assert allowed.keys() == {"station": OURS.public}
    with pytest.raises(KeyFileError, match="not a public key"):
        allowed.allow("other", "short")
    with pytest.raises(KeyFileError, match="not a key name"):
        allowed.allow("../other", OURS.public)
    secret, _ = write_key_pair(LINE, tmp_path)
    guard = line_guard(secret, allowed.folder)
    assert guard is not None
    assert guard.public == LINE.public
    allowed.revoke("station")
    with pytest.raises(KeyFileError, match="not on the list"):
        allowed.revoke("station")
    with pytest.raises(KeyFileError, match="the allow-list is empty"):
        line_guard(secret, allowed.folder)
    assert line_guard(None, None) is None


def test_a_key_file_that_is_nested_too_deeply_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bridge.secret.toml"
    path.touch(0o600)
    path.write_text(f"public = {'[' * 3000}", encoding="utf-8")
    with pytest.raises(KeyFileError, match="recursion") as error:
        read_key_pair(path)
    assert "\n" not in str(error.value)
