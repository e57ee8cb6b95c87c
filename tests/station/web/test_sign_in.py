"""Who may do what: accounts, sessions, pairing, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from detector.station.web import accounts
from detector.station.web.accounts import AccountError, Accounts, Role
from tests.station.web.running_station import Browser, RunningStation
from tests.station.web.scripted_line import ScriptedLine

PASSWORD = "correct horse"
NOT_ANSWERED = {"line": "belt-1", "boot_id": "boot1", "event_id": "a9", "what": "seen"}


@pytest.fixture
def guarded(line: ScriptedLine, tmp_path: Path) -> Iterator[RunningStation]:
    """A station with accounts."""
    folder = tmp_path / "station"
    for name, role in (("ada", Role.OPERATOR), ("max", Role.MAINTAINER), ("eve", Role.READ_ONLY)):
        Accounts(folder).add(name, role, PASSWORD)
    with RunningStation(folder, [line.address]) as started:
        yield started


def test_without_accounts_the_machine_itself_may_do_everything(browser: Browser) -> None:
    me = browser.get("/api/me").json()
    assert (me["account"], me["role"], me["needs_login"]) == (None, "maintainer", False)
    assert browser.get("/api/audit").status_code == 200


def test_with_accounts_nothing_is_shown_before_the_sign_in(guarded: RunningStation) -> None:
    with Browser(guarded) as browser:
        assert browser.get("/api/me").json()["role"] is None
        for path in ("alarms", "events", "stream", "lines", "live/belt-1", "export/csv", "audit"):
            refused = browser.get(f"/api/{path}")
            assert (refused.status_code, "sign in" in refused.json()["error"]) == (401, True)
        assert browser.get("/metrics").status_code == 401
        assert browser.post("/api/answer", NOT_ANSWERED).status_code == 401
        assert browser.get("/health/live").status_code == 200


@pytest.mark.parametrize(
    ("account", "answer", "audit"), [("eve", 403, 403), ("ada", 409, 403), ("max", 409, 200)]
)
def test_each_role_may_do_its_own(
    guarded: RunningStation, account: str, answer: int, audit: int
) -> None:
    with Browser(guarded) as browser:
        assert browser.login(account, PASSWORD).json()["account"] == account
        assert browser.get("/api/alarms").status_code == 200
        assert browser.post("/api/answer", NOT_ANSWERED).status_code == answer
        assert browser.get("/api/audit").status_code == audit


def test_the_cookie_is_for_this_site_alone_and_unreadable_for_scripts(
    guarded: RunningStation,
) -> None:
    with Browser(guarded) as browser:
        cookie = browser.login("ada", PASSWORD).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_wrong_password_and_an_unknown_name_are_refused_alike_and_limited(
    guarded: RunningStation,
) -> None:
    with Browser(guarded) as browser:
        wrong = browser.login("ada", "wrong password")
        unknown = browser.login("ghost", PASSWORD)
        assert wrong.json() == unknown.json() == {"error": "wrong name or password"}
        answers = [browser.login("ada", "wrong password").status_code for _ in range(4)]
        assert answers == [401, 401, 401, 429]
        limited = browser.login("ada", PASSWORD)
        assert int(limited.headers["retry-after"]) <= 60
        assert "wait" in limited.json()["error"]


def test_a_session_ends_with_the_sign_out_and_with_the_account(
    guarded: RunningStation, tmp_path: Path
) -> None:
    with Browser(guarded) as ada, Browser(guarded) as eve:
        ada.login("ada", PASSWORD)
        eve.login("eve", PASSWORD)
        assert ada.post("/api/logout", {}).json()["role"] is None
        assert ada.get("/api/alarms").status_code == 401
        Accounts(tmp_path / "station").remove("eve")
        assert eve.get("/api/alarms").status_code == 401


def test_a_session_survives_a_restart_of_the_station(line: ScriptedLine, tmp_path: Path) -> None:
    folder = tmp_path / "station"
    Accounts(folder).add("ada", Role.OPERATOR, PASSWORD)
    with RunningStation(folder, [line.address]) as station, Browser(station) as browser:
        browser.login("ada", PASSWORD)
        cookies = dict(browser.http.cookies)
    with RunningStation(folder, [line.address]) as station, Browser(station) as again:
        again.http.cookies.update(cookies)
        assert again.get("/api/me").json()["account"] == "ada"


def test_a_copied_cookie_does_not_work_in_another_browser(guarded: RunningStation) -> None:
    with Browser(guarded) as ada, Browser(guarded, "another browser") as thief:
        ada.login("ada", PASSWORD)
        thief.http.cookies.update(dict(ada.http.cookies))
        assert thief.get("/api/alarms").status_code == 401


def test_a_page_with_the_cookie_of_another_session_is_refused_in_one_line(
    guarded: RunningStation,
) -> None:
    with Browser(guarded) as ada, Browser(guarded) as max_:
        ada.login("ada", PASSWORD)
        max_.login("max", PASSWORD)
        ada.http.cookies.clear()
        ada.http.cookies.update(dict(max_.http.cookies))
        refused = ada.post("/api/answer", NOT_ANSWERED)
    assert refused.status_code == 403
    assert refused.json() == {"error": "this page belongs to another session: load it again"}


def test_a_screen_is_paired_once_by_a_code_and_only_reads(guarded: RunningStation) -> None:
    with Browser(guarded) as ada, Browser(guarded) as wall, Browser(guarded) as other:
        ada.login("ada", PASSWORD)
        code = ada.post("/api/pairing-code", {}).json()["code"]
        paired = wall.post("/api/pair", {"code": f"{code[:4]} {code[4:]}"}).json()
        assert (paired["role"], paired["paired"]) == ("read-only", True)
        wall.csrf = paired["csrf"]
        assert wall.get("/api/alarms").status_code == 200
        assert wall.post("/api/answer", NOT_ANSWERED).status_code == 403
        assert wall.post("/api/pairing-code", {}).status_code == 403
        used = other.post("/api/pair", {"code": code})
    assert (used.status_code, "ask for a new one" in used.json()["error"]) == (401, True)


def test_requests_of_other_sites_are_refused(browser: Browser) -> None:
    body = {"account": "ada", "password": PASSWORD}
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = browser.post("/api/login", body, **headers)
        assert (refused.status_code, "another site" in refused.json()["error"]) == (403, True)
    form = browser.http.post("/api/login", data=body)
    assert form.status_code == 415
    elsewhere = browser.http.get("/api/me", headers={"Host": "evil.example"})
    assert elsewhere.status_code == 421


def test_a_body_that_is_no_json_or_too_long_is_refused(browser: Browser) -> None:
    json_type = {"Content-Type": "application/json", "X-CSRF-Token": browser.csrf}
    broken = browser.http.post("/api/answer", content=b"{", headers=json_type)
    assert (broken.status_code, broken.json()["error"]) == (400, "the body is not JSON")
    assert browser.post("/api/answer", {"line": "x" * 70_000}).status_code == 413


def test_every_response_has_the_security_headers(browser: Browser) -> None:
    for path in ("/", "/api/me", "/api/nothing", "/static/nothing.js"):
        headers = browser.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_an_account_needs_a_name_a_role_and_a_long_password(tmp_path: Path) -> None:
    known = Accounts(tmp_path)
    for name, password in ((" ada", PASSWORD), ("", PASSWORD), ("ada\n", PASSWORD), ("ada", "x")):
        with pytest.raises(AccountError):
            known.add(name, Role.OPERATOR, password)
    with pytest.raises(AccountError, match="is not a role"):
        Role.named("boss")
    assert not known


def test_the_file_of_accounts_is_private_and_has_no_password(tmp_path: Path) -> None:
    Accounts(tmp_path).add("ada", Role.OPERATOR, PASSWORD)
    path = tmp_path / accounts.FILE
    assert path.stat().st_mode & 0o077 == 0
    assert PASSWORD not in path.read_text(encoding="utf-8")
    path.chmod(0o644)
    with pytest.raises(AccountError, match="chmod 600"):
        Accounts(tmp_path).all()


def test_a_program_reads_metrics_by_name_and_password(guarded: RunningStation) -> None:
    with Browser(guarded) as prometheus:
        read = prometheus.http.get("/metrics", auth=("eve", PASSWORD))
        assert (read.status_code, "vigitri_vision" in read.text) == (200, True)
        assert prometheus.http.get("/metrics", auth=("eve", "wrong password")).status_code == 401
        assert prometheus.http.get("/api/alarms", auth=("eve", PASSWORD)).status_code == 401


def test_an_unreadable_file_of_accounts_is_one_line(
    guarded: RunningStation, tmp_path: Path
) -> None:
    (tmp_path / "station" / accounts.FILE).write_text("{", encoding="utf-8")
    refused = httpx.get(f"{guarded.url}/api/me", trust_env=False)
    assert refused.status_code == 503
    assert "can't be read; restore it or remove it" in refused.json()["error"]
