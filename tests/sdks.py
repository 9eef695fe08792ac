"""Which HTTP library the installed SDKs are given."""

from __future__ import annotations

from types import ModuleType

import httpx
import httpx2
from google.genai import _api_client


def gemini_http() -> ModuleType:
    """httpx2 like the others, except in the google-genai that Python 3.12 gets: it knows only httpx."""
    return httpx2 if hasattr(_api_client, "httpx2") else httpx
