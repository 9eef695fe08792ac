"""The page where an audit notice is acknowledged: recorded when shown, good for one person alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from tests.portal.portal_world import OTHERS, RULE, Office, header

from sluiceway.audit.notice import version
from sluiceway.types import Identity, Page

BROWSER = "text/html,*/*;q=0.8"


def notice_path(office: Office) -> str:
    return office.notices.due(office.alice.principal)[0].path


def token(page: Page) -> str:
    found = re.search(r'name="token" value="([0-9a-f]{64})"|token=([0-9a-f]{64})', page.body.decode())
    assert found
    return found[1] or found[2]


def shown(office: Office, who: Identity | None = None) -> tuple[str, bytes]:
    path = notice_path(office)
    return path, f"token={token(office.ask(path, who, accept=BROWSER))}".encode()


def records(office: Office, kind: str) -> list[dict[str, object]]:
    with office.store.audit.snapshot() as snapshot:
        return [dict(each) for each in snapshot.records(kind)]


def test_showing_the_notice_is_a_disclosure_and_is_recorded_once(audited: Office) -> None:
    path = notice_path(audited)
    assert audited.ask(path, method="HEAD").status == 200
    assert records(audited, "disclosure") == []
    for _ in range(3):
        page = audited.ask(path, accept=BROWSER)
    (disclosed,) = records(audited, "disclosure")
    assert (disclosed["person"], disclosed["channel"]) == ("alice", "portal")
    assert "Finding out how customer data left" in page.body.decode()
    assert "<b>2026" not in page.body.decode()
    assert records(audited, "acknowledgement") == []


def test_acknowledging_is_recorded_and_says_what_happens_next(audited: Office) -> None:
    path, body = shown(audited)
    assert json.loads(audited.ask("/api/me").body)["audit"]["state"] == "off"
    page = audited.ask(path, method="POST", body=body, origin="http://sluiceway.internal", accept=BROWSER)
    assert page.status == 200
    assert "Send your request again" in page.body.decode()
    (said,) = records(audited, "acknowledgement")
    assert said["person"] == "alice"
    assert audited.notices.due(audited.alice.principal) == ()
    assert json.loads(audited.ask("/api/me").body)["audit"]["state"] == "redacted"


def test_acknowledging_twice_adds_nothing(audited: Office) -> None:
    path, body = shown(audited)
    for _ in range(2):
        assert audited.ask(path, method="POST", body=body).status == 200
    assert len(records(audited, "acknowledgement")) == 1
    assert "Send your request again" in audited.html(path)
    assert len(records(audited, "disclosure")) == 1


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": "http://evil.example"}, id="another origin"),
        pytest.param({"origin": "null"}, id="a sandboxed frame"),
        pytest.param({"origin": "http://sluiceway.internal.evil.example"}, id="a longer origin"),
        pytest.param({"origin": "http://sluiceway.internal:81"}, id="another port"),
        pytest.param({"referer": "http://evil.example/http://sluiceway.internal/"}, id="another referer"),
        pytest.param({"sec_fetch_site": "cross-site"}, id="cross-site"),
        pytest.param(
            {"sec_fetch_site": "same-site", "origin": "http://sluiceway.internal"}, id="only the same site"
        ),
    ],
)
def test_a_form_from_elsewhere_is_not_taken(audited: Office, headers: dict[str, str]) -> None:
    path, body = shown(audited)
    page = audited.ask(path, method="POST", body=body, **headers)
    assert page.status == 403
    assert "nothing was recorded" in page.body.decode()
    assert records(audited, "acknowledgement") == []


@pytest.mark.parametrize(
    "body",
    [b"", b"token=", b"token=" + b"0" * 64, b"token=%ff", b"\xff\xfe", b"token=a&token=b", b"&" * 60_000],
    ids=["none", "empty", "made up", "escaped", "bytes", "two", "many"],
)
def test_a_form_without_the_right_token_is_not_taken(audited: Office, body: bytes) -> None:
    path, _ = shown(audited)
    assert audited.ask(path, method="POST", body=body).status == 403
    assert records(audited, "acknowledgement") == []


def test_a_token_is_good_for_its_person_alone(audited: Office) -> None:
    path, of_alice = shown(audited)
    shown(audited, audited.bob)
    assert audited.ask(path, audited.bob, method="POST", body=of_alice).status == 403
    assert records(audited, "acknowledgement") == []


def test_what_was_never_shown_cannot_be_acknowledged(audited: Office) -> None:
    assert audited.ask(notice_path(audited), method="POST", body=b"token=" + b"0" * 64).status == 403


def test_a_changed_promise_asks_anew(open_office: Callable[..., Office]) -> None:
    rules = [RULE]
    office = open_office(notices_of=rules)
    path, body = shown(office)
    rules[0] = RULE.model_copy(update={"keep_days": 31})
    assert office.ask(path, method="POST", body=body).status == 404
    assert notice_path(office) != path


def test_a_notice_for_somebody_else_is_not_shown(open_office: Callable[..., Office]) -> None:
    office = open_office(notices_of=(RULE, OTHERS))
    of_others = next(iter(_versions(office) - {office.notices.due(office.alice.principal)[0].version}))
    assert office.ask(f"/audit/notice/{of_others}").status == 404
    assert records(office, "disclosure") == []


def _versions(office: Office) -> set[str]:
    return {version(rule) for rule in office.notices_of}


@pytest.mark.parametrize("number", ["", "x", "../etc", "0" * 32, "%2e", "A" * 32])
def test_there_is_no_other_notice(audited: Office, number: str) -> None:
    assert audited.ask(f"/audit/notice/{number}").status == 404


def test_on_a_command_line_the_page_is_text_with_the_command_to_run(audited: Office) -> None:
    path = notice_path(audited)
    page = audited.ask(path, accept="*/*")
    assert header(page, "content-type") == "text/plain; charset=utf-8"
    assert (
        f'curl -x "$HTTPS_PROXY" -d token={token(page)} http://sluiceway.internal{path}' in page.body.decode()
    )
    done = audited.ask(path, method="POST", body=f"token={token(page)}".encode(), accept="*/*")
    assert "goes through now" in done.body.decode()


def test_the_form_lets_its_own_site_know_where_it_came_from(audited: Office) -> None:
    page = audited.ask(notice_path(audited), accept=BROWSER)
    assert header(page, "referrer-policy") == "same-origin"
    assert "form-action 'self'" in (header(page, "content-security-policy") or "")


def test_every_reading_is_shown_to_whom_it_was_about(audited: Office) -> None:
    path, body = shown(audited)
    audited.ask(path, method="POST", body=body)
    audited.read_by_carol()
    (reading,) = json.loads(audited.ask("/api/me").body)["audit"]["readings"]
    assert (reading["requester"], reading["approved_by"]) == ("carol", ["dave"])
    assert len(reading["opened_at"]) == 1
    page = audited.html("/")
    assert "Incident 4711" in page and "<script" not in page
    assert json.loads(audited.ask("/api/me", audited.bob).body)["audit"]["readings"] == []


def test_a_due_notice_is_the_first_thing_on_the_page(audited: Office) -> None:
    page = audited.html("/")
    assert page.index("You have not acknowledged the audit notice") < page.index("Paid by the company")
    assert notice_path(audited) in page


def test_without_an_audit_the_page_says_so(office: Office) -> None:
    assert "No text of your requests or answers is kept" in office.html("/")
    assert office.ask("/audit/notice/" + "0" * 32).status == 404
