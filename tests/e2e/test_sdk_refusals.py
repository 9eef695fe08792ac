"""The Python SDKs as they come, retries on: a final no is raised with its words, after one request."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors as gemini_errors
from google.genai import types as gemini_types

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.tunnel import Tunnel, claude
from tests.sdks import gemini_http

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:.*end-of-life.*:DeprecationWarning"),
]

# bob's 5 tokens of prompt and 600 of answer, at 3,000 and 15,000 nano-dollars, are a little over it.
POLICY = """\
version: 1
budgets: [{name: bobs-month, scope: {employee: bob}, limit_usd: 0.009, window: month}]
routes: [{name: not-carol, match: {employee: carol}, deny: {reason: not approved yet}}]
"""
NOES = [
    pytest.param(
        "bob", "budget_spent", r"'bobs-month' .* is used up.* resets at .* Ask #ai-platform", id="budget"
    ),
    pytest.param("carol", "denied", r"rule 'not-carol': not approved yet\. Ask #ai-platform", id="route"),
    pytest.param("alice", "credentials_wrong_token", r"'alice' is not right\. Ask #ai-platform", id="token"),
]
type Ask = Callable[[httpx2.Client, str, ssl.SSLContext], object]


def _anthropic(http: httpx2.Client, proxy: str, trust: ssl.SSLContext) -> object:
    sdk = anthropic.Anthropic(api_key="sk-ant-api03-test", http_client=http)
    with sdk.messages.stream(**claude("hi")) as stream:
        return stream.get_final_text()


def _chat(http: httpx2.Client, proxy: str, trust: ssl.SSLContext) -> object:
    sdk = openai.OpenAI(api_key="sk-test", http_client=http)
    asked = {"role": "user", "content": "hi"}
    return sdk.chat.completions.create(model="gpt-4.1-mini", messages=[asked])  # type: ignore[list-item]


def _responses(http: httpx2.Client, proxy: str, trust: ssl.SSLContext) -> object:
    return openai.OpenAI(api_key="sk-test", http_client=http).responses.create(
        model="gpt-4.1-mini", input="hi"
    )


def _gemini(http: httpx2.Client, proxy: str, trust: ssl.SSLContext) -> object:
    with gemini_http().Client(proxy=proxy, verify=trust) as own:
        sdk = genai.Client(api_key="AIza-test", http_options=gemini_types.HttpOptions(httpx_client=own))
        return sdk.models.generate_content(model="gemini-2.5-flash", contents="hi")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(tmp_path_factory.mktemp("strict"), latency=NO_LATENCY)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def proxies(strict: Running) -> dict[str, str]:
    """Everybody's proxy URL: bob has spent what he may, alice's token is not hers."""
    urls = {name: strict.add(name) for name in ("alice", "bob", "carol")}
    with Tunnel(strict, urls["bob"]) as tunnel:
        tunnel.ask("/v1/messages", claude("hi", max_tokens=600), x_demo_output_tokens="600")
    assert strict.rows(1)[0]["cost_nusd"] == 9_015_000
    (strict.deployment.settings.rules / "policy" / "10-test.yaml").write_text(POLICY)
    strict.on.call(strict.service.reload)
    return urls | {"alice": strict.url("alice", "swy_wrong")}


@pytest.mark.parametrize("ask", [_anthropic, _chat, _responses, _gemini], ids=lambda ask: ask.__name__[1:])
@pytest.mark.parametrize(("who", "code", "words"), NOES)
def test_a_final_no_is_raised_in_words_and_not_asked_again(
    strict: Running, proxies: dict[str, str], ask: Ask, who: str, code: str, words: str
) -> None:
    since, trust = Since(strict), ssl.create_default_context(cafile=strict.anchor)
    raised = (anthropic.APIStatusError, openai.APIStatusError, gemini_errors.ClientError)
    with (
        httpx2.Client(proxy=proxies[who], verify=trust) as http,
        pytest.raises(raised, match=words),
    ):
        ask(http, proxies[who], trust)
    row = since.row()
    assert (row["outcome"], row["refusal_code"]) == ("refused", code)
    assert since.served == []
