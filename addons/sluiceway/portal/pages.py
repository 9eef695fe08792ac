"""The portal's pages as they leave: escaping templates, one style sheet, headers that allow nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sluiceway import content
from sluiceway.portal.words import filters
from sluiceway.types import Page

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


class Pages:
    """Renders; holds the templates, the style and the policy over it."""

    def __init__(self, zone: tzinfo) -> None:
        folder = content.folder("reports") / "portal"
        self._templates = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(filters(zone))
        css = (folder / "portal.css").read_text(encoding="utf-8").replace("\r\n", "\n")
        if "</" in css:
            raise ValueError("portal.css must not contain '</': it would end the style element")
        self._css = Markup(css)  # noqa: S704 - our own file, checked above; no request text is in it
        digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        )

    def html(self, template: str, status: int = 200, *, form: bool = False, **values: Any) -> Page:
        """A page. One with a form tells its own site, and no other, where it was sent from: with
        `no-referrer` browsers send `Origin: null`, which says nothing about who sent it."""
        text = self._templates.get_template(f"{template}.html.j2").render(css=self._css, **values)
        return self._page(
            status,
            HTML,
            text.encode(),
            {
                "content-security-policy": self._policy,
                "referrer-policy": "same-origin" if form else "no-referrer",
            },
        )

    def text(self, text: str, status: int = 200, **headers: str) -> Page:
        """Plain words."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._page(status, TEXT, f"{text}\n".encode(), fields)

    def json(self, value: object) -> Page:
        return self._page(200, JSON, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z), {})

    def file(self, data: bytes, media_type: str) -> Page:
        """A public file; five minutes old is good enough."""
        return self._page(200, media_type, data, {"cache-control": "max-age=300"})

    def _page(self, status: int, media_type: str, body: bytes, more: Mapping[str, str]) -> Page:
        headers = {
            "content-type": media_type,
            "cache-control": "no-store",
            "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            **more,
        }
        return Page(status, tuple(headers.items()), body)
