"""Clients in numbers: requests through the proxy from one event loop, and what came back of each."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

URLS = {
    "anthropic": "https://api.anthropic.com/v1/messages",
    "openai": "https://api.openai.com/v1/chat/completions",
}
MODELS = {"anthropic": "claude-sonnet-4-5", "openai": "gpt-4.1-mini"}
KEYS = {
    "anthropic": {"x-api-key": "sk-ant-api03-heavy", "anthropic-version": "2023-06-01"},
    "openai": {"authorization": "Bearer sk-heavy"},
}
ENDINGS = {"anthropic": b"event: message_stop", "openai": b"data: [DONE]"}
PROMPT = "What is a sluiceway?"


@dataclass(frozen=True, slots=True)
class Question:
    """One request. `output_tokens` and `fault` are what the simulated provider is asked to do."""

    provider: str = "anthropic"
    stream: bool = True
    output_tokens: int = 100
    max_tokens: int | None = 100
    events: int | None = None
    fault: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        asked: dict[str, object] = {
            "model": MODELS[self.provider],
            "messages": [{"role": "user", "content": PROMPT}],
        }
        if self.max_tokens is not None:
            asked["max_tokens"] = self.max_tokens
        if self.stream:
            asked["stream"] = True
            if self.provider == "openai":
                asked["stream_options"] = {"include_usage": True}
        return asked

    def fields(self) -> dict[str, str]:
        fields = {"x-demo-output-tokens": str(self.output_tokens), **KEYS[self.provider], **self.headers}
        if self.events is not None:
            fields["x-demo-events"] = str(self.events)
        if self.fault is not None:
            fields["x-demo-fault"] = self.fault
        return fields


@dataclass(frozen=True, slots=True)
class Answered:
    """What a client saw. `whole`: the provider's own ending came. `broken`: the class of what went wrong."""

    question: Question
    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    broken: str | None = None

    @property
    def whole(self) -> bool:
        if self.broken or self.status != 200:
            return False
        if self.question.stream:
            return ENDINGS[self.question.provider] in self.body
        return bool(json.loads(self.body))

    @property
    def refused(self) -> str | None:
        return self.headers.get("x-sluiceway-refused")

    @property
    def output_tokens(self) -> int:
        """As the provider told this client."""
        if not self.question.stream:
            usage = json.loads(self.body)["usage"]
            return int(usage.get("output_tokens", usage.get("completion_tokens")))
        told = 0
        for line in self.body.splitlines():
            if line.startswith(b"data: {"):
                usage = json.loads(line[6:]).get("usage") or {}
                told = usage.get("output_tokens") or usage.get("completion_tokens") or told
        return told


class Clients:
    """Any number of employees' clients. Every request has a connection of its own unless `pooled`."""

    def __init__(self, session: aiohttp.ClientSession, trust: ssl.SSLContext) -> None:
        self._session = session
        self._trust = trust

    async def ask(
        self,
        proxy: str,
        question: Question,
        began: Callable[[], None] | None = None,
        leave_before: bytes | None = None,
    ) -> Answered:
        """The answer, read to its end, or until `leave_before` is in it: then this client hangs up. `began`
        is called once the first byte of its body is there."""
        status, pieces, headers = 0, bytearray(), {}
        try:
            async with self._session.post(
                URLS[question.provider],
                json=question.body(),
                headers=question.fields(),
                proxy=proxy,
                ssl=self._trust,
            ) as response:
                status, headers = response.status, {k.lower(): v for k, v in response.headers.items()}
                async for piece in response.content.iter_any():
                    if began is not None and not pieces:
                        began()
                    pieces += piece
                    if leave_before is not None and leave_before in pieces:
                        response.close()
                        break
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return Answered(question, status, bytes(pieces), headers, type(error).__name__)
        return Answered(question, status, bytes(pieces), headers)


@asynccontextmanager
async def clients(anchor: str, *, pooled: bool = True, timeout_s: float = 100) -> AsyncIterator[Clients]:
    """Clients that trust the deployment's anchor and nothing else."""
    trust = ssl.create_default_context(cafile=anchor)
    connector = aiohttp.TCPConnector(limit=0, force_close=not pooled)
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session:
        yield Clients(session, trust)
    # aiohttp does not wait for its TLS transports; a loop that ended before them would leak their sockets.
    await asyncio.sleep(0.1)


async def together[T](work: Sequence[Coroutine[None, None, T]]) -> list[T]:
    """All of them at once, in order."""
    return list(await asyncio.gather(*work))
