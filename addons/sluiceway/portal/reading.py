"""The page where an audit notice is read and acknowledged, in a browser or on a command line.

Why it is put on record when shown, see `notices.py`. A form is good for one person, one notice and the one
disclosure that was on record when it was shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sluiceway.audit.notice import PATH, Notice
from sluiceway.portal.forms import FIELD, ORIGIN, Forms, from_elsewhere
from sluiceway.portal.notices import Audited, Notices
from sluiceway.portal.pages import Pages
from sluiceway.types import Asked, Page, Principal

VERSION = re.compile(r"[0-9a-f]{32}")


class NoticePages:
    """Shows notices (GET) and takes acknowledgements (POST). Blocking; StoreError goes up."""

    def __init__(self, pages: Pages, notices: Callable[[], Notices], forms: Forms, contact: str) -> None:
        self._pages, self._notices, self._forms, self._contact = pages, notices, forms, contact

    def answer(self, version: str, asked: Asked, who: Principal) -> Page:
        """The page at PATH + version."""
        found = self._find(version, who)
        if found is None:
            text = f"Sluiceway: no audit notice of this number concerns you. What does is at {ORIGIN}/"
            return self._pages.text(text, 404)
        if asked.method == "HEAD":  # nobody reads it, so nobody was told
            return replace(self._pages.text(""), body=b"")
        as_text = prefers_text(asked)
        if asked.method == "GET":
            return self._show(found, who, as_text)
        return self._acknowledge(found, asked, who, as_text)

    def _find(self, version: str, who: Principal) -> Audited | None:
        if not VERSION.fullmatch(version):
            return None
        return next((each for each in self._notices().audited(who) if each.notice.version == version), None)

    def _show(self, found: Audited, who: Principal, as_text: bool) -> Page:
        notice = found.notice
        if found.told is not None and found.told.acknowledged_at is not None:
            return self._done(found, as_text)
        disclosure = self._notices().disclose(who.name, notice)
        token = self._forms.token(who.name, notice.version, disclosure)
        if as_text:
            return self._pages.text(_command(notice, token))
        return self._pages.html(
            "notice", form=True, audited=found, who=who, token=token, contact=self._contact
        )

    def _acknowledge(self, found: Audited, asked: Asked, who: Principal, as_text: bool) -> Page:
        notice = found.notice
        if from_elsewhere(asked.headers):
            return self._not_recorded("this form was sent from another site", notice)
        told = found.told
        if told is None or not self._forms.is_good(asked.body, who.name, notice.version, told.disclosure):
            return self._not_recorded("this form is not the one you were shown", notice)
        self._notices().acknowledge(who.name, notice.version)
        again = self._find(notice.version, who)
        return self._done(again or found, as_text)

    def _not_recorded(self, why: str, notice: Notice) -> Page:
        return self._pages.text(f"Sluiceway: {why}; nothing was recorded. Open {ORIGIN}{notice.path}", 403)

    def _done(self, found: Audited, as_text: bool) -> Page:
        assert found.told
        if as_text:
            return self._pages.text(
                f"{found.notice.text}\n\nYou acknowledged this notice on "
                f"{found.told.acknowledged_at:%Y-%m-%d %H:%M} UTC. What happens next: send your request "
                f"again; it goes through now. {ORIGIN}/ shows what is kept and who read it."
            )
        return self._pages.html("acknowledged", audited=found, contact=self._contact)


def prefers_text(asked: Asked) -> bool:
    """Browsers name HTML; curl and its like take anything."""
    return "text/html" not in asked.headers.get("accept", "")


def _command(notice: Notice, token: str) -> str:
    return (
        f"{notice.text}\n\nNothing was sent or kept yet. It is on record that you were shown this notice. To "
        f"acknowledge it and go on, run:\n\n"
        f'  curl -x "$HTTPS_PROXY" -d {FIELD}={token} {ORIGIN}{PATH}{notice.version}\n'
    )
