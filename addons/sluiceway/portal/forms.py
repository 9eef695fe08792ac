"""Whether a form that comes back is the one this person was shown, and was sent from our own page."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import parse_qs

HOST = "sluiceway.internal"
ORIGIN = f"http://{HOST}"
FIELD = "token"


class Forms:
    """Makes and checks the tokens of forms. They need no memory: a keyed hash over what they are bound to."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"sluiceway portal form", sha256)

    def token(self, *bound: str) -> str:
        """Bound to a person, a notice and the disclosure that was on record when the form was shown."""
        text = "".join(f"{len(part)}:{part}" for part in bound)
        return hmac.digest(self._key, text.encode(), sha256).hex()

    def is_good(self, body: bytes, *bound: str) -> bool:
        """Whether a form's body holds just this token."""
        try:
            given = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=8).get(FIELD, [])
        except ValueError:
            return False
        wanted = self.token(*bound).encode()
        return len(given) == 1 and hmac.compare_digest(given[0].encode("utf-8", "backslashreplace"), wanted)


def from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that another site sent this. Programs that say nothing need the token all the
    same. `null` is what a sandboxed frame or a page without referrer sends, never our form."""
    site, origin, referer = (headers.get(name) for name in ("sec-fetch-site", "origin", "referer"))
    if site is not None and site != "same-origin":
        return True
    if origin is not None:
        return origin != ORIGIN
    return referer is not None and not referer.startswith(f"{ORIGIN}/")
