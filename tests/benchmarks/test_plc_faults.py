from __future__ import annotations

import socket

from benchmarks.cut_proxy import CutProxy
from benchmarks.plc_faults import PollingPlc, Tally, Truth, fuzz, injure
from detector.bridge.register_map import INPUT_WORDS
from tests.small_line import PATIENCE_S


def test_no_register_reads_clear_when_it_must_not_whatever_is_injured() -> None:
    tally = injure(9)
    assert tally.wrong_clear == []
    assert tally.crashes == 0
    assert sum(tally.injuries.values()) == 9
    assert len(tally.injuries) == 7
    assert tally.watched > 0


def test_malformed_frames_crash_no_bridge() -> None:
    tally = fuzz(2000)
    assert (tally.crashes, tally.fuzzed_frames) == (0, 2000)


def test_a_clear_word_that_is_wrong_is_noticed() -> None:
    words = [0] * INPUT_WORDS
    words[5] = words[6] = 1
    second = 1_000_000_000
    tally, truth = Tally(), Truth(gas_since_ns=second, last_look_ns=second)
    judge = PollingPlc(0, truth, tally)._judge
    judge(words, second + 100_000_000)
    assert tally.wrong_clear == []
    judge(words, 3 * second)
    assert len(tally.wrong_clear) == 2


def test_a_proxy_forwards_until_it_is_cut_and_again_when_it_is_mended() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        CutProxy("127.0.0.1", server.getsockname()[1]) as proxy,
    ):

        def exchange() -> bytes:
            with socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S) as ours:
                ours.sendall(b"ping")
                with server.accept()[0] as theirs:
                    theirs.sendall(theirs.recv(4) + b"!")
                    return ours.recv(5, socket.MSG_WAITALL)

        assert exchange() == b"ping!"
        proxy.cut()
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S) as ours:
            assert ours.recv(1) == b""
        proxy.mend()
        assert exchange() == b"ping!"
