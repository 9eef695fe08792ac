"""Bob, research: OpenAI by both APIs, a model nobody has a price for, and some that is not allowed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import openai

from sluiceway.demo.people.asking import WORD, Step

GPT = "gpt-5-mini"
# Shaped like a token of a code host, and nobody's.
SECRET = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"  # noqa: S105

ASKED = "gpt-5.1"
TASKS = {
    "creative": "Write a poem about the sea.",
    "coding": "Fix the off-by-one in this Python loop: for i in range(n+1): total += a[i]",
}


def work() -> Iterator[Step]:
    """Streams and answers, a poem and some code; an unknown price, a secret, a dear model, an image, curl."""
    client = openai.OpenAI(api_key=WORD)
    for question in ("Summarise the figures.", "Which team grew most?"):
        yield "GPT, stream", lambda question=question: _stream(client, question)
        yield "GPT, responses", lambda question=question: _responses(client, question)
    for task, words in TASKS.items():
        yield f"GPT, {task}", lambda words=words: _routed(client, words)
    yield "GPT, a preview model", lambda: _chat(client, "gpt-next-preview", "Are you new?")
    yield "a secret", lambda: _chat(client, GPT, f"Why is {SECRET} refused when I push?")
    yield "GPT, a dear model", lambda: _chat(client, "gpt-5-pro", "Think long about lunch.")
    yield "an image", lambda: _image(client)
    yield "curl", _curl


def _stream(client: openai.OpenAI, question: str) -> None:
    asked = [{"role": "user", "content": question}]
    for _ in client.chat.completions.create(model=GPT, messages=asked, stream=True):
        pass


def _routed(client: openai.OpenAI, words: str) -> str:
    asked = [{"role": "user", "content": words}]
    answer = client.chat.completions.with_raw_response.create(model=ASKED, messages=asked)
    return answer.headers.get("x-sluiceway-route", "")


def _responses(client: openai.OpenAI, question: str) -> None:
    client.responses.create(model=GPT, input=question)


def _chat(client: openai.OpenAI, model: str, question: str) -> None:
    client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}])


def _image(client: openai.OpenAI) -> None:
    client.images.generate(model="gpt-image-1", prompt="a sluice gate")


def _curl() -> None:
    asked = {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "From a shell."}]}
    subprocess.run(
        [
            *("curl", "-sS", "-f", "-m", "30", "--cacert", os.environ["SSL_CERT_FILE"]),
            *("https://api.openai.com/v1/chat/completions", "-H", f"authorization: Bearer {WORD}"),
            *("-H", "content-type: application/json", "-d", json.dumps(asked)),
        ],
        check=True,
        capture_output=True,
    )
