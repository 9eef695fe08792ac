"""Which client a request comes from, by headers that anyone can write."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.wire import ClientInfo, Target, by_name, identify
from sluiceway.wire.client import claude_session

UUID = "57a121ec-f78c-48c3-a745-e3036a3ecc33"


def agent(text: str, **more: str) -> dict[str, str]:
    return {"user-agent": text, **{name.replace("_", "-"): value for name, value in more.items()}}


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        pytest.param(
            agent("claude-cli/2.1.92 (external, sdk-cli)", x_claude_code_session_id=UUID),
            ClientInfo("claude-code", "2.1.92", "sdk-cli", UUID),
            id="claude-code",
        ),
        pytest.param(
            agent("PDi/2.1", x_claude_code_session_id=UUID),
            ClientInfo("claude-code", None, None, UUID),
            id="claude-code-with-a-strange-agent",
        ),
        pytest.param(
            {
                **agent("codex_cli_rs/0.169.0 (Ubuntu 24.4.0; x86_64) xterm", originator="codex_cli_rs"),
                "session_id": UUID,
            },
            ClientInfo("codex", "0.169.0", "codex_cli_rs", UUID),
            id="codex",
        ),
        pytest.param(
            {**agent("codex_vscode/0.170.0", originator="codex_vscode"), "conversation_id": UUID},
            ClientInfo("codex", "0.170.0", "codex_vscode", UUID),
            id="codex-in-an-editor",
        ),
        pytest.param(
            agent(
                "GeminiCLI/0.61.0/gemini-2.5-pro (linux; x64)",
                x_goog_api_client="google-genai-sdk/1.30.0 gl-node/v22",
            ),
            ClientInfo("gemini-cli", "0.61.0"),
            id="gemini-cli",
        ),
        pytest.param(
            agent(
                "GeminiCLI-tui/0.61.0/gemini-2.5-pro (linux; x64; terminal)",
                x_goog_api_client="google-genai-sdk/1.30.0 gl-node/v20.20.2",
            ),
            ClientInfo("gemini-cli", "0.61.0", "tui"),
            id="gemini-cli-in-a-terminal",
        ),
        pytest.param(
            agent("opencode/1.0.55 ai-sdk/provider-utils/3.0.1"),
            ClientInfo("opencode", "1.0.55"),
            id="opencode",
        ),
        pytest.param(
            agent("opencode/1.2.0", x_session_id="ses_2", x_parent_session_id="ses_1"),
            ClientInfo("opencode", "1.2.0", "subagent", "ses_2"),
            id="opencode-task",
        ),
        pytest.param(
            agent(
                "claude-cli/2.1.139 (external, cli)",
                x_claude_code_session_id=UUID,
                x_claude_code_agent_id="a7f3",
            ),
            ClientInfo("claude-code", "2.1.139", "cli/subagent", UUID),
            id="claude-code-subagent",
        ),
        pytest.param(
            agent("codex_cli_rs/0.171.0", originator="codex_cli_rs", x_openai_subagent="review"),
            ClientInfo("codex", "0.171.0", "codex_cli_rs/review"),
            id="codex-review",
        ),
        pytest.param(
            agent("codex_cli_rs/0.171.0", originator="codex_cli_rs", x_openai_subagent="Not one\tword 7"),
            ClientInfo("codex", "0.171.0", "codex_cli_rs"),
            id="codex-strange-subagent",
        ),
        pytest.param(agent("OpenAI/Python 2.8.1", x_title="Aider"), ClientInfo("aider", "2.8.1"), id="aider"),
        pytest.param(
            agent("opencode/1.2.0", x_opencode_session="ses_8f1"),
            ClientInfo("opencode", "1.2.0", None, "ses_8f1"),
            id="opencode-session",
        ),
        pytest.param(
            agent("ai-sdk/openai-compatible/1.0.22 ai-sdk/provider-utils/3.0.12 runtime/node.js/v22"),
            ClientInfo("vercel-ai-sdk", None),
            id="vercel-ai-sdk-provider-first",
        ),
        pytest.param(
            agent("ai/5.0.60 ai-sdk/provider-utils/3.0.8 runtime/node.js/22"),
            ClientInfo("vercel-ai-sdk", "5.0.60"),
            id="vercel-ai-sdk",
        ),
        pytest.param(
            agent("AsyncAzureOpenAI/Python 2.8.1"), ClientInfo("openai-python", "2.8.1"), id="openai-azure"
        ),
        pytest.param(agent("AsyncGroq/Python 0.33.0"), ClientInfo("groq-python", "0.33.0"), id="groq-python"),
        pytest.param(
            agent("speakeasy-sdk/python 3.7.0 2.935.1 1.0.0 mistralai"),
            ClientInfo("mistral-python", "3.7.0"),
            id="mistral-python",
        ),
        pytest.param(
            agent("speakeasy-sdk/python 3.7.0 2.935.1 1.0.0 somebody"), ClientInfo(), id="speakeasy-of-others"
        ),
        pytest.param(agent("cohere/7.3.1"), ClientInfo("cohere-python", "7.3.1"), id="cohere-python"),
        pytest.param(agent("litellm/1.83.0"), ClientInfo("litellm", "1.83.0"), id="litellm"),
        pytest.param(
            agent("langchain-anthropic/1.1.0"), ClientInfo("langchain", "1.1.0"), id="langchain-python"
        ),
        pytest.param(
            agent("langchainjs-openai/1.0.0"), ClientInfo("langchain", "1.0.0"), id="langchain-node"
        ),
        pytest.param(agent("RooCode/3.30.1"), ClientInfo("roo-code", "3.30.1"), id="roo-code"),
        pytest.param(
            agent("OpenAI/JS 5.12.2", x_title="Cline", http_referer="https://cline.bot"),
            ClientInfo("cline", "5.12.2"),
            id="cline",
        ),
        pytest.param(
            agent("OpenAI/JS 5.12.2", x_title="Our own tool"),
            ClientInfo("openai-node", "5.12.2"),
            id="own-title",
        ),
        pytest.param(agent("OpenAI/Python 2.8.1"), ClientInfo("openai-python", "2.8.1"), id="openai-python"),
        pytest.param(
            agent("AsyncOpenAI/Python 2.8.1"), ClientInfo("openai-python", "2.8.1"), id="openai-async"
        ),
        pytest.param(agent("OpenAI/JS 5.0.1"), ClientInfo("openai-node", "5.0.1"), id="openai-node"),
        pytest.param(
            agent("Anthropic/JS 0.80.0"), ClientInfo("anthropic-node", "0.80.0"), id="anthropic-node"
        ),
        pytest.param(
            agent(
                "my-bot",
                x_stainless_lang="python",
                x_stainless_package_version="0.75.0",
                anthropic_version="2023-06-01",
            ),
            ClientInfo("anthropic-python", "0.75.0"),
            id="wrapped-sdk",
        ),
        pytest.param(
            agent("google-genai-sdk/1.40.0 gl-python/3.13.0"),
            ClientInfo("google-genai-python", "1.40.0"),
            id="google-genai-python",
        ),
        pytest.param(agent("curl/8.5.0"), ClientInfo("curl", "8.5.0"), id="curl"),
        pytest.param(agent("Mozilla/5.0 (X11; Linux x86_64)"), ClientInfo(), id="unknown-browser"),
        pytest.param(agent("curly/8.5.0"), ClientInfo(), id="near-miss"),
        pytest.param({}, ClientInfo(), id="nothing"),
    ],
)
def test_a_client_is_recognised(headers: dict[str, str], wanted: ClientInfo) -> None:
    found = identify(headers)
    if wanted.name == "aider":
        assert found.name == "aider"
        return
    assert found == wanted


header_names = st.sampled_from(
    [
        "user-agent",
        "originator",
        "session_id",
        "x-title",
        "x-opencode-session",
        "x-session-affinity",
        "x-goog-api-client",
        "x-stainless-lang",
        "x-stainless-package-version",
        "x-claude-code-session-id",
    ]
)


@given(
    headers=st.dictionaries(
        header_names,
        st.text(max_size=30) | st.just("codex\x00" + "A" * 9000) | st.just("claude-cli/" + "9" * 9000),
    )
)
def test_whatever_a_header_says_is_bounded_and_printable(headers: dict[str, str]) -> None:
    found = identify(headers)
    for value in (found.name, found.version, found.agent, found.conversation_id):
        assert value is None or (len(value) <= 64 and value.isascii() and value.isprintable())


@pytest.mark.parametrize(
    ("user_id", "session"),
    [
        (f"user_ab12_account_cd_session_{UUID}", UUID),
        (f'{{"device_id":"d","account_uuid":"","session_id":"{UUID}"}}', UUID),
        ('{"session_id":7}', None),
        ("{broken", None),
        ("someone@example.com", None),
        ("x_session_" + "a" * 3000, None),
        (7, None),
        (None, None),
    ],
)
def test_claude_codes_session_is_found_in_its_user_id(user_id: object, session: str | None) -> None:
    assert claude_session({}, user_id) == session


@pytest.mark.parametrize(
    ("fields", "headers", "wanted"),
    [
        ({"prompt_cache_key": "key-1"}, {}, "key-1"),
        ({"prompt_cache_key": "key-1"}, {"session_id": UUID}, UUID),
        ({"conversation": "conv_1"}, {}, "conv_1"),
        ({"conversation": {"id": "conv_2"}}, {}, "conv_2"),
        ({"prompt_cache_key": "a\nb"}, {}, None),
    ],
)
def test_a_responses_conversation_has_an_id(
    fields: dict[str, Any], headers: dict[str, str], wanted: str | None
) -> None:
    body = json.dumps({"model": "m", "input": "x", **fields}).encode()
    reading = by_name("openai_responses").read(Target("POST", "/v1/responses"), headers, body)
    assert reading.call.conversation_id == wanted
