"""The portal's front desk: which path is which page, for whom, by which method; its threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from sluiceway.audit.notice import PATH as NOTICE
from sluiceway.errors import StoreError
from sluiceway.policy import Policy
from sluiceway.portal.files import PUBLIC, Files
from sluiceway.portal.forms import ORIGIN, Forms
from sluiceway.portal.me import REFUSED_DAYS, as_json, gather
from sluiceway.portal.notices import Notices
from sluiceway.portal.pac import pac
from sluiceway.portal.pages import Pages
from sluiceway.portal.reading import NoticePages
from sluiceway.settings.config import Retention
from sluiceway.settings.portal import PortalSettings
from sluiceway.settings.providers import Providers
from sluiceway.store import Store
from sluiceway.types import Asked, Identity, Page, Rejected

PAC = "application/x-ns-proxy-autoconfig"
THREADS = 2
WAITING = 16
READ = ("GET", "HEAD")
PUBLIC_PATHS = frozenset((*PUBLIC, "/proxy.pac", "/help"))
REASONS = {
    "unknown_user": "your proxy credentials are not good: there is no employee or service named '{}'",
    "wrong_token": "your proxy credentials are not good: the token of '{}' is not right",
    "expired": "your proxy credentials are not good: the token of '{}' has expired",
    "revoked": "your proxy credentials are not good: the token of '{}' was revoked",
    "disabled": "the account '{}' is disabled",
    "port_source": "this port is a person's own and closed to your address",
    "port_released": "this port is nobody's own any more",
    "lease_expired": "the lease of your address has expired",
    "lease_revoked": "the lease of your address was revoked",
}
NOT_PROVED = (
    "Sluiceway: a notice is acknowledged by the person it concerns, so this page needs your own proxy "
    "credentials; a port of your own or a leased address is not enough."
)
# Another name or token may help, so a browser should ask for one; the others know theirs already.
MISTYPED = ("unknown_user", "wrong_token")


@dataclass(frozen=True, slots=True)
class PortalParts:
    """What the portal shows. `policy` and `providers` give what is in force at the moment. A person's month
    that takes longer than `patience_s` to add up is left out, and the page says so."""

    store: Store
    policy: Callable[[], Policy]
    providers: Callable[[], Providers]
    notices: Callable[[], Notices]
    certs: Path
    public_url: str
    contact: str
    zone: tzinfo
    key: bytes
    retention: Retention
    settings: PortalSettings
    patience_s: float = 2.0
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


class Portal:
    """Answers requests. `close` when no more will come."""

    def __init__(self, parts: PortalParts) -> None:
        self._parts = parts
        self._files = Files(parts.certs)
        self._pages = Pages(parts.zone)
        self._notices = NoticePages(self._pages, parts.notices, Forms(parts.key), parts.contact)
        self._threads = ThreadPoolExecutor(THREADS, "portal")
        self._waiting = 0

    def close(self) -> None:
        """Waits for pages under way, some seconds at most."""
        self._threads.shutdown(cancel_futures=True)

    def is_public(self, path: str) -> bool:
        """Whether anybody may have this, without credentials."""
        return path in PUBLIC_PATHS

    async def answer(self, asked: Asked) -> Page:
        """The page. Files and the store are read in a thread, never on the event loop."""
        if self._waiting >= WAITING:
            return self._pages.text(
                "Sluiceway: the portal is busy. Try again in a moment.", 503, retry_after="2"
            )
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._answer, asked)
        except StoreError:
            text = "Sluiceway: its records cannot be read or written at the moment. Try again."
            return self._pages.text(text, 503, retry_after="5")
        finally:
            self._waiting -= 1

    def _answer(self, asked: Asked) -> Page:
        path = "/help" if asked.direct and asked.path == "/" else asked.path
        personal = path in ("/", "/api/me") or path.startswith(NOTICE)
        allowed = (*READ, "POST") if path.startswith(NOTICE) else READ
        if path not in PUBLIC_PATHS and not personal:
            return self._pages.text(
                f"Sluiceway: there is no such page. Begin at {ORIGIN}/ or {ORIGIN}/help", 404
            )
        if asked.method not in allowed:
            return self._pages.text(
                f"Sluiceway: use {' or '.join(allowed)} here.", 405, allow=", ".join(allowed)
            )
        if not personal:
            return self._public(path)
        if asked.direct:
            text = f"Sluiceway: this page is personal. Open {ORIGIN}{path} through the proxy."
            return self._pages.text(text, 404)
        if not isinstance(asked.identity, Identity):
            return self._refused(asked.identity)
        return self._personal(path, asked, asked.identity)

    def _public(self, path: str) -> Page:
        parts = self._parts
        if path == "/help":
            return self._pages.html(
                "help",
                public_url=parts.public_url,
                at=parts.public_url.partition("://")[2],
                scheme=parts.public_url.partition("://")[0],
                no_proxy=",".join(("localhost", "127.0.0.1", "::1", *parts.settings.no_proxy)),
                contact=parts.contact,
                fingerprint=self._files.fingerprint(),
                scripts=[path for path in ("/enroll.sh", "/enroll.ps1") if self._files.has(path)],
            )
        if path == "/proxy.pac":
            return self._pages.file(pac(parts.public_url, parts.providers(), parts.settings).encode(), PAC)
        data = self._files.read(path)
        if data is None:
            text = f"Sluiceway: this deployment has no {path.removeprefix('/')}. Ask {parts.contact}."
            return self._pages.text(text, 404)
        return self._pages.file(data, PUBLIC[path][1])

    def _personal(self, path: str, asked: Asked, identity: Identity) -> Page:
        parts, now = self._parts, self._parts.clock()
        who = parts.store.directory.principal(identity.principal.id) or identity.principal
        if path.startswith(NOTICE):
            if identity.path != "token":
                return self._pages.text(NOT_PROVED, 403)
            return self._notices.answer(path.removeprefix(NOTICE), asked, who)
        me = gather(parts.store, parts.policy(), parts.notices(), parts.zone, identity, now, parts.patience_s)
        if path == "/api/me":
            return self._pages.json(as_json(me))
        return self._pages.html(
            "me",
            me=me,
            contact=parts.contact,
            retention=parts.retention,
            refused_days=REFUSED_DAYS,
            public_url=parts.public_url,
        )

    def _refused(self, identity: Rejected | None) -> Page:
        """Somebody who may not come in is told why. The name is made printable by whoever rejected it."""
        if identity is None:
            return self._pages.text("Sluiceway: this page needs your proxy credentials.", 407, **CHALLENGE)
        what = REASONS[identity.reason].format(identity.user)
        text = f"Sluiceway: {what}. Ask {self._parts.contact}."
        again = CHALLENGE if identity.reason in MISTYPED else {}
        return self._pages.text(text, 407 if again else 403, **again)


CHALLENGE = {"proxy_authenticate": 'Basic realm="Sluiceway", charset="UTF-8"'}
