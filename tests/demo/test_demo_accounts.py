"""Google's client library gets a token from the simulated endpoint, and ours over checked ways alone."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from google.auth.exceptions import RefreshError
from google.oauth2 import service_account

from sluiceway.audit.service_account import SCOPE, read
from sluiceway.demo.pace import NO_LATENCY
from sluiceway.demo.providers import Providers
from sluiceway.gateway.minting import Google, NotMinted
from sluiceway.gateway.upstream import Upstream

EMAIL = "gateway@acme-1.iam.gserviceaccount.com"
VERTEX = {"host": "aiplatform.googleapis.com", "content-type": "application/json"}
COUNT = "/v1/publishers/google/models/gemini-2.5-flash:countTokens"
HI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


@pytest.fixture
async def providers(folder: Path) -> AsyncIterator[Providers]:
    """With a clock that goes: Google's library has none to set."""
    simulated = Providers(latency=NO_LATENCY, clock=time.time)
    await simulated.start(folder)
    yield simulated
    await simulated.stop()


async def refreshed(http: httpx2.AsyncClient, file: str) -> service_account.Credentials:
    """Google's library makes its request, which is then sent, and reads the answer."""
    asked: dict[str, Any] = {}

    def keep(url: str, method: str, headers: Mapping[str, str], body: bytes, **_: Any) -> Any:
        asked.update(url=url, method=method, headers=dict(headers), content=body)
        return asked["answer"] if "answer" in asked else SimpleNamespace(status=400, data=b"{}", headers={})

    credentials: service_account.Credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]  # theirs
        json.loads(file), scopes=[SCOPE]
    )
    with pytest.raises(RefreshError):
        credentials.refresh(keep)
    assert asked["url"] == "https://oauth2.googleapis.com/token"
    headers = asked["headers"] | {"host": "oauth2.googleapis.com"}
    answer = await http.post("/token", headers=headers, content=asked["content"])
    asked["answer"] = SimpleNamespace(
        status=answer.status_code, data=answer.content, headers=dict(answer.headers)
    )
    credentials.refresh(keep)
    return credentials


async def test_googles_library_gets_a_token_that_is_let_in_until_it_ends(
    providers: Providers, http: httpx2.AsyncClient
) -> None:
    credentials = await refreshed(http, providers.accounts.key_file(EMAIL))
    assert credentials.valid
    fields = VERTEX | {"authorization": f"Bearer {credentials.token}"}
    assert (await http.post(COUNT, headers=fields, json=HI)).status_code == 200
    providers.ahead_s = 3600.0
    ended = await http.post(COUNT, headers=fields, json=HI)
    assert (ended.status_code, ended.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("fault", ["unknown", "another key", "late clock", "early clock"])
async def test_googles_library_understands_each_no(
    providers: Providers, http: httpx2.AsyncClient, fault: str
) -> None:
    file = providers.accounts.key_file(EMAIL)
    if fault == "unknown":
        providers.accounts.keys.clear()
    elif fault == "another key":
        providers.accounts.key_file(EMAIL)
    else:
        providers.ahead_s = 7200.0 if fault == "late clock" else -7200.0
    with pytest.raises(RefreshError, match="invalid_grant"):
        await refreshed(http, file)


@pytest.mark.parametrize("way", ["not admitted", "certificate", "good"])
async def test_a_claim_goes_over_an_admitted_and_verified_way_alone(providers: Providers, way: str) -> None:
    async def lookup(host: str, port: int) -> tuple[tuple[str, int], ...] | str:
        assert (host, port) == ("oauth2.googleapis.com", 443)
        return "not from here" if way == "not admitted" else (("127.0.0.1", providers.port),)

    trusted = providers.ca_file if way == "good" else None
    upstream = Upstream(lookup, trusted_ca=trusted, proxy=None, connect_s=5, first_byte_s=5)
    account = read(providers.accounts.key_file(EMAIL))
    try:
        if way == "good":
            assert (await Google(upstream).mint(account)).token in providers.accounts.tokens
            return
        with pytest.raises(NotMinted, match="not_admitted" if way == "not admitted" else "bad_certificate"):
            await Google(upstream).mint(account)
        assert providers.log == []
    finally:
        await upstream.close()
