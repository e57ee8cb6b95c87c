from __future__ import annotations

import pytest

from detector.commands import answer
from detector.delivery.request_server import RequestServer
from tests.commands.conftest import Vigitri


@pytest.mark.parametrize("alert", ["a000001", "/a000001", "boot/", ""])
def test_an_alert_needs_both_boot_id_and_event_id(vigitri: Vigitri, alert: str) -> None:
    code, out, err = vigitri("answer", alert)
    assert (code, out, len(err)) == (2, [], 1)
    assert "BOOT/EVENT" in err[0]


def test_without_a_reply_the_result_is_unknown(
    vigitri: Vigitri, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "REPLY_TIMEOUT_S", 0.05)
    with RequestServer("tcp://127.0.0.1:*") as never_read:
        code, out, err = vigitri("answer", "boot/a000001", "--at", never_read.endpoint)
    assert (code, out, len(err)) == (1, [], 1)
    assert "is the detector running" in err[0]


def test_a_wrong_endpoint_is_refused(vigitri: Vigitri) -> None:
    code, _, err = vigitri("answer", "boot/a000001", "--at", "127.0.0.1")
    assert (code, len(err)) == (2, 1)
    assert "is not an endpoint" in err[0]


def test_an_operator_without_a_name_is_refused_in_one_line(vigitri: Vigitri) -> None:
    code, _, err = vigitri("answer", "boot/a000001", "--operator", "")
    assert (code, len(err)) == (2, 1)
    assert "operator" in err[0]


def test_an_unknown_outcome_is_refused(vigitri: Vigitri) -> None:
    code, _, err = vigitri("answer", "boot/a000001", "--outcome", "gone")
    assert code == 2
    assert "false_alarm" in "".join(err)


@pytest.mark.parametrize("minutes", [0, 61])
def test_shelving_for_zero_minutes_or_over_an_hour_is_refused(
    vigitri: Vigitri, minutes: int
) -> None:
    assert vigitri("shelve", "battery", "--minutes", minutes).code == 2
