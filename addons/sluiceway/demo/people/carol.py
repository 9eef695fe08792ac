"""Carol, data: Gemini and embeddings, an e-mail address that stays in the house, and a chat site."""

from __future__ import annotations

import os
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import urlsplit

import openai
from google import genai

from sluiceway.demo.people.asking import WORD, Step

GEMINI = "gemini-2.5-flash"
MIRRORED = "gpt-4.1-mini"
COMMENTS = (
    "The new form is quicker.",
    "I could not find the button.",
    "It took three days to get an answer.",
)
ADDRESS = "bob@example.com"


def work() -> Iterator[Step]:
    """Answers and streams, an address to be masked, many embeddings, and a site that nobody meters."""
    gemini, client = genai.Client(api_key=WORD), openai.OpenAI(api_key=WORD)
    yield "an e-mail address", lambda: _with_address(client)
    for question in ("Name three outliers.", "Draft the mail about them."):
        yield "Gemini", lambda question=question: _ask(gemini, question)
        yield "Gemini, stream", lambda question=question: _stream(gemini, question)
    for comment in COMMENTS:
        yield "GPT, mirrored", lambda comment=comment: _mirrored(client, comment)
    yield "embeddings", lambda: _embed(client)
    yield "a chat site", _chat_site


def _with_address(client: openai.OpenAI) -> str | None:
    asked = [{"role": "user", "content": f"Repeat after me: I shall write to {ADDRESS}"}]
    answer = client.chat.completions.create(model="gpt-5-mini", messages=asked)
    return answer.choices[0].message.content


def _ask(gemini: genai.Client, question: str) -> None:
    gemini.models.generate_content(model=GEMINI, contents=question)


def _stream(gemini: genai.Client, question: str) -> None:
    for _ in gemini.models.generate_content_stream(model=GEMINI, contents=question):
        pass


def _mirrored(client: openai.OpenAI, comment: str) -> str:
    asked = [{"role": "user", "content": f"Good or bad? {comment}"}]
    answer = client.chat.completions.with_raw_response.create(model=MIRRORED, messages=asked)
    return f"{answer.parse().model} by {answer.headers.get('x-sluiceway-route', '')}"


def _embed(client: openai.OpenAI) -> None:
    texts = [f"Customer comment number {n}: the new form is quicker." for n in range(40)]
    client.embeddings.create(model="text-embedding-3-small", input=texts)


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
