"""The people of the demo: each a process of its own that uses official SDKs as anybody would.

`python -m sluiceway.demo.cast NAME`. Nothing here knows about Sluiceway: the way through the proxy comes from
HTTPS_PROXY and SSL_CERT_FILE in the environment, as on an employee's machine. Each answer or refusal is one
JSON line on standard output.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import anthropic
import openai
from google import genai

CLAUDE = "claude-sonnet-4-6"
GPT = "gpt-5-mini"
GEMINI = "gemini-2.5-flash"
HANDBOOK = "You are the assistant of a small company. " + "Keep answers short and name your sources. " * 140
READ_FILE: dict[str, object] = {
    "name": "read_file",
    "description": "Reads a file of the repository.",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
}
# What the simulated providers take as the wished length of an answer.
LONG = {"x-demo-output-tokens": "700"}

type Step = tuple[str, Callable[[], object]]


def alice() -> Iterator[Step]:
    """A coding agent: a cached handbook, tools, streams."""
    client = anthropic.Anthropic(api_key="sk-ant-api03-demo-key-of-alice")
    system = [{"type": "text", "text": HANDBOOK, "cache_control": {"type": "ephemeral"}}]
    for turn in (
        "Why does the build fail?",
        "Show me the test first.",
        "And the fix?",
        "Write the commit message.",
    ):
        yield "Claude, stream", lambda turn=turn: _claude_stream(client, system, turn)
    yield (
        "Claude, tools",
        lambda: client.messages.create(
            model=CLAUDE,
            max_tokens=400,
            tools=[READ_FILE],
            tool_choice={"type": "any"},
            messages=[{"role": "user", "content": "Use the tool to read setup.py"}],
        ),
    )
    yield (
        "Claude, count",
        lambda: client.messages.count_tokens(
            model=CLAUDE, messages=[{"role": "user", "content": "How long is this?"}]
        ),
    )


def _claude_stream(client: anthropic.Anthropic, system: object, turn: str) -> None:
    with client.messages.stream(
        model=CLAUDE, max_tokens=600, system=system, messages=[{"role": "user", "content": turn}]
    ) as stream:
        for _ in stream.text_stream:
            pass


def bob() -> Iterator[Step]:
    """Research: OpenAI by both APIs, and a model nobody has a price for."""
    client = openai.OpenAI(api_key="sk-proj-demo-key-of-bob")
    for question in ("Summarise the figures.", "Which team grew most?", "What would you ask next?"):
        message = [{"role": "user", "content": question}]
        yield (
            "GPT, stream",
            lambda message=message: list(
                client.chat.completions.create(model=GPT, messages=message, stream=True)
            ),
        )
        yield "GPT, responses", lambda question=question: client.responses.create(model=GPT, input=question)
    yield (
        "GPT, a preview model",
        lambda: client.chat.completions.create(
            model="gpt-next-preview", messages=[{"role": "user", "content": "Are you new?"}]
        ),
    )
    yield "an image", lambda: client.images.generate(model="gpt-image-1", prompt="a sluice gate")
    yield "curl", _curl


def _curl() -> None:
    subprocess.run(
        [
            *("curl", "-sS", "-f", "-m", "20", "--cacert", os.environ["SSL_CERT_FILE"]),
            *(
                "https://api.openai.com/v1/chat/completions",
                "-H",
                "authorization: Bearer sk-proj-demo-key-of-bob",
            ),
            *("-H", "content-type: application/json", "-d"),
            json.dumps({"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "From a shell."}]}),
        ],
        check=True,
        capture_output=True,
    )


def carol() -> Iterator[Step]:
    """Data: Gemini and embeddings, and a chat site that nobody meters."""
    gemini = genai.Client(api_key="AIza-demo-key-of-carol")
    client = openai.OpenAI(api_key="sk-proj-demo-key-of-carol")
    for question in ("Name three outliers.", "Explain the second.", "Draft the mail about it."):
        yield (
            "Gemini",
            lambda question=question: gemini.models.generate_content(model=GEMINI, contents=question),
        )
        yield (
            "Gemini, stream",
            lambda question=question: list(
                gemini.models.generate_content_stream(model=GEMINI, contents=question)
            ),
        )
    texts = [f"Customer comment number {n}: the new form is quicker." for n in range(40)]
    yield "embeddings", lambda: client.embeddings.create(model="text-embedding-3-small", input=texts)
    yield "a chat site", _chat_site


def _chat_site() -> None:
    """A browser's tunnel to an AI site that is not decrypted: seen by name, counted in bytes."""
    proxy = urlsplit(os.environ["HTTPS_PROXY"])
    secret = b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
    with socket.create_connection((proxy.hostname, proxy.port), timeout=10) as tunnel:
        tunnel.sendall(
            f"CONNECT chatgpt.com:443 HTTP/1.1\r\nHost: chatgpt.com:443\r\n"
            f"Proxy-Authorization: Basic {secret}\r\n\r\n".encode()
        )
        tunnel.recv(4096)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the simulation has no such site
        with context.wrap_socket(tunnel, server_hostname="chatgpt.com") as site:
            site.sendall(b"GET / HTTP/1.1\r\nHost: chatgpt.com\r\nConnection: close\r\n\r\n")
            site.recv(4096)


def dave() -> Iterator[Step]:
    """Support: long answers, until the budget is used up."""
    client = anthropic.Anthropic(api_key="sk-ant-api03-demo-key-of-dave")
    for n in range(12):
        yield (
            "Claude, long",
            lambda n=n: client.messages.create(
                model=CLAUDE,
                max_tokens=1000,
                extra_headers=LONG,
                messages=[{"role": "user", "content": f"Answer ticket {n} at length."}],
            ),
        )


CAST = {"alice": alice, "bob": bob, "carol": carol, "dave": dave}
TEAMS = {"alice": "platform", "bob": "research", "carol": "data", "dave": "support"}


def main() -> None:
    """Plays one part and tells how each step went."""
    warnings.simplefilter("ignore")  # the SDKs announce when models end; not what this is about
    for what, step in CAST[sys.argv[1]]():
        try:
            step()
            told: dict[str, object] = {"what": what, "ok": True}
        except (anthropic.APIStatusError, openai.APIStatusError) as error:
            told = {"what": what, "ok": False, "status": error.status_code, "said": _said(error.body)}
        except Exception as error:
            told = {
                "what": what,
                "ok": False,
                "status": None,
                "said": f"{type(error).__name__}: {error}"[:300],
            }
        print(json.dumps(told), flush=True)


def _said(body: object) -> str:
    """The words the provider's error form carries: what the SDK shows its user."""
    inner = body.get("error", body) if isinstance(body, dict) else body
    return str(inner.get("message", inner)) if isinstance(inner, dict) else str(inner)


if __name__ == "__main__":
    main()
