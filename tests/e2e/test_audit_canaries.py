"""Fifty secrets and personal details go through an audited proxy, and are in nothing it leaves behind."""

from __future__ import annotations

import json
import logging
import random
import string
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sluiceway.demo import answers
from sluiceway.demo.dialects import anthropic, chat, gemini, responses
from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.audited import Clients, Company
from tests.e2e.running import Running

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:.*end-of-life.*:DeprecationWarning"),
]

DICE = random.Random(50)
SYLLABLES = (
    "bran",
    "del",
    "fir",
    "gos",
    "hul",
    "kem",
    "lor",
    "mip",
    "nad",
    "pol",
    "rusk",
    "tev",
    "vam",
    "wil",
)
PLACES = ("system", "user", "tool result", "tool arguments", "answer")


def letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(DICE.choices(alphabet, k=count))


def secret(n: int) -> tuple[str, str]:
    kinds = (
        f"sk-ant-api03-{letters(93)}AA",
        f"ghp_{letters(36)}",
        f"AKIA{letters(16, string.ascii_uppercase + '234567')}",
        f"xoxb-{letters(12, string.digits)}-{letters(12, string.digits)}-{letters(24)}",
        f"hunter{letters(14)}",
    )
    value = kinds[n % 5]
    return value, f"password = {value}" if n % 5 == 4 else f"the key is {value} for now"


def name(n: int) -> tuple[str, str]:
    first, last = ("".join(DICE.choices(SYLLABLES, k=k)).capitalize() for k in (2, 3))
    sentences = ("Dear Ms {}, thank you.", "The patient is Mr {}.", "Regards, Dr. {}")
    return last, sentences[n % 3].format(f"{first} {last}")


def mail(n: int) -> tuple[str, str]:
    value = f"{letters(9, string.ascii_lowercase)}.{n}@{letters(7, string.ascii_lowercase)}.example.org"
    return value, f"write to {value} today"


def card(n: int) -> tuple[str, str]:
    digits = "4111" + letters(11, string.digits)
    doubled = [int(each) * (2 if at % 2 == 0 else 1) for at, each in enumerate(digits)]
    value = digits + str(-sum(each - 9 if each > 9 else each for each in doubled) % 10)
    return value, f"card number {' '.join(value[at : at + 4] for at in range(0, 16, 4))}"


def iban(n: int) -> tuple[str, str]:
    account = letters(18, string.digits)
    value = f"DE{98 - int(account + '131400') % 97:02d}{account}"
    return value, f"transfer it to IBAN {value}"


def phone(n: int) -> tuple[str, str]:
    rest = letters(7, string.digits[1:])
    return f"+49 30 {rest}", f"call +49 30 {rest} after ten"


KINDS = (secret,) * 10 + (name,) * 10 + (mail,) * 10 + (card,) * 7 + (iban,) * 7 + (phone,) * 6
CANARIES = [kind(n) for n, kind in enumerate(KINDS)]
AT: dict[str, str] = {
    place: "\n".join(sentence for _, sentence in CANARIES[number :: len(PLACES)])
    for number, place in enumerate(PLACES)
}


def spellings() -> Iterator[bytes]:
    for value, sentence in CANARIES:
        spaced = sentence.removeprefix("card number ") if sentence.startswith("card number") else value
        for text in {value, spaced, json.dumps(value)[1:-1]}:
            yield text.encode()
            yield text.encode("utf-16-le")
            yield text.encode().hex().encode()


SPELLINGS = tuple(spellings())


def found_in(*texts: bytes) -> list[bytes]:
    return [spelling for text in texts for spelling in SPELLINGS if spelling in text]


def files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def converse(clients: Clients) -> None:
    """The whole conversation in each dialect, as JSON and as a stream, and two that the provider breaks."""
    told, said = {"note": AT["tool arguments"]}, AT["tool result"]
    claude: list[Any] = [
        {"role": "user", "content": AT["user"]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "tu_1", "name": "note", "input": told}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "tu_1", "content": said}]},
    ]
    common: dict[str, Any] = {"model": "claude-sonnet-4-5", "max_tokens": 2000, "system": AT["system"]}
    clients.claude.messages.create(messages=claude, **common)
    with clients.claude.messages.stream(messages=claude, **common) as stream:
        assert AT["answer"] in "".join(stream.text_stream)
    call = {"name": "note", "arguments": json.dumps(told)}
    chat: list[Any] = [
        {"role": "system", "content": AT["system"]},
        {"role": "user", "content": AT["user"]},
        {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": call}]},
        {"role": "tool", "tool_call_id": "c1", "content": said},
    ]
    clients.openai.chat.completions.create(model="gpt-4.1-mini", messages=chat)
    list(clients.openai.chat.completions.create(model="gpt-4.1-mini", messages=chat, stream=True))
    items: list[Any] = [
        {"role": "user", "content": AT["user"]},
        {"type": "function_call", "call_id": "c1", **call},
        {"type": "function_call_output", "call_id": "c1", "output": said},
    ]
    clients.openai.responses.create(model="gpt-4.1-mini", input=items, instructions=AT["system"])
    list(clients.openai.responses.create(model="gpt-4.1-mini", input=items, stream=True))
    contents: list[Any] = [
        {"role": "user", "parts": [{"text": AT["user"]}]},
        {"role": "model", "parts": [{"function_call": {"name": "note", "args": told}}]},
        {"role": "user", "parts": [{"function_response": {"name": "note", "response": {"said": said}}}]},
    ]
    config: Any = {"system_instruction": AT["system"]}
    gemini = clients.gemini.models
    gemini.generate_content(model="gemini-2.5-flash", contents=contents, config=config)
    list(gemini.generate_content_stream(model="gemini-2.5-flash", contents=contents, config=config))
    for fault in ("500", "cut;after=6"):
        with pytest.raises(Exception):  # noqa: B017 - whatever this SDK makes of it
            clients.stream_claude(AT["user"], extra_headers={"x-demo-fault": fault})


def test_no_canary_is_in_any_file_log_metric_report_or_opened_record(
    fresh: type[Running], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(CANARIES) == 50
    monkeypatch.setattr(answers, "TEXTS", (AT["answer"],))
    for api in (anthropic, chat, gemini, responses):  # else an answer to a result would quote it
        monkeypatch.setattr(api, "quoted", lambda results: None)
    running = fresh(latency=NO_LATENCY)
    company = Company(running)
    with closing(Clients(running, running.add("alice"))) as clients:
        company.tell("alice")
        converse(clients)
        assert found_in(*files(running.folder)) == []  # with the write-ahead log as it is
    read = company.read()
    assert [each["content"] for each in read] == ["sealed"] * 10
    assert len([served for served in running.providers.log if served.usage]) >= 8
    out = running.folder / "report.html"
    assert company.type("report", "--out", str(out)).exit_code == 0
    said = [company.type("ledger", "export", "--format", form).stdout for form in ("jsonl", "csv")]
    said += [company.type("audit", *words).stdout for words in (("list",), ("export",), ("policy",))]
    metrics = running.service.gateway.parts.metrics.text()
    assert b"sluiceway_audit_sealed 10" in metrics and out.stat().st_size > 10_000
    formatter = logging.Formatter()
    ours = [formatter.format(each) for each in caplog.records if each.name.startswith(("sluiceway", "mitm"))]
    assert found_in(metrics, *(text.encode() for text in (*said, *ours))) == []
    for each in read:
        assert found_in(json.dumps(each).encode(), str(each).encode()) == []
    kept = json.dumps(read)
    assert all(f"<{kind}_1>" in kept for kind in ("SECRET", "PERSON", "EMAIL", "CARD", "IBAN", "PHONE"))
    running.stop = lambda: None  # type: ignore[method-assign]  # stopped here, for a look at what is left
    Running.stop(running)
    assert found_in(*files(running.folder)) == []
