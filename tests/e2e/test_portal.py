"""The portal through a running proxy: with curl, with hand-made bytes, and by the proxy's own port."""

from __future__ import annotations

import pytest

from tests.e2e.running import Running
from tests.e2e.test_front import curl, raw

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def alice(running: Running) -> str:
    return running.add("alice")


def test_trial(running: Running, alice: str) -> None:
    for path in ("/", "/api/me", "/help", "/proxy.pac", "/ca.pem", "/x"):
        got = curl(running, "-i", f"http://sluiceway.internal{path}", proxy=alice)
        print(path, got.stdout[:1500], got.stderr)
    print(raw(running, b"GET /proxy.pac HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\n\r\n"))
    print(raw(running, b"POST http://x.example/ HTTP/1.1\r\nHost: x.example\r\nContent-Length: 5000000\r\n\r\nabc"))
    print(raw(running, b"CONNECT sluiceway.internal:443 HTTP/1.1\r\n\r\n"))
    assert 0
