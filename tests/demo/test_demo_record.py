"""The provider's own count: what it keeps, what it must never keep, and that a kill cannot lose it."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
import websockets

from sluiceway.demo.providers import Providers

CLAUDE = {"x-api-key": "sk-secret-key", "anthropic-version": "2023-06-01"}
MESSAGE = {"model": "claude-sonnet-4-6", "max_tokens": 400, "messages": [{"role": "user", "content": "psst"}]}


async def test_credentials_are_kept_as_digests_and_prompts_not_at_all(
    http: httpx2.AsyncClient, providers: Providers
) -> None:
    headers = CLAUDE | {"proxy-authorization": "Basic leaked"}
    await http.post("/v1/messages?beta=true", json=MESSAGE, headers=headers)
    (served,) = providers.log
    assert served.credentials["x-api-key"] == sha256(b"sk-secret-key").hexdigest()
    assert "proxy-authorization" in served.credentials
    assert "proxy-authorization" in [name.lower() for name in served.header_names]
    for secret in ("sk-secret-key", "leaked", "psst"):
        assert secret not in served.line().decode()


async def test_asked_lengths_are_exact(http: httpx2.AsyncClient, providers: Providers) -> None:
    headers = CLAUDE | {"x-demo-output-tokens": "77", "x-demo-events": "11"}
    answer = await http.post("/v1/messages", json=MESSAGE | {"stream": True}, headers=headers)
    assert answer.content.count(b"event: content_block_delta") == 11
    (served,) = providers.billed
    assert served.usage is not None
    assert served.usage["output_tokens"] == 77
    assert served.events_sent == served.events == answer.content.count(b"\n\n")


async def test_a_body_beyond_the_limit_is_refused(http: httpx2.AsyncClient, providers: Providers) -> None:
    answer = await http.post("/v1/messages", content=b"x" * (32 * 2**20 + 1), headers=CLAUDE)
    assert answer.status_code == 413
    assert answer.json()["error"]["type"] == "request_too_large"


async def test_each_turn_on_the_socket_is_billed_by_itself(providers: Providers) -> None:
    context = ssl.create_default_context(cafile=str(providers.ca_file))
    url = f"wss://localhost:{providers.port}/v1/responses"
    async with websockets.connect(
        url, ssl=context, additional_headers={"Authorization": "Bearer k"}, proxy=None
    ) as socket:

        async def turn(**fields: Any) -> list[dict[str, Any]]:
            await socket.send(json.dumps({"type": "response.create", "model": "gpt-4o", **fields}))
            events = [json.loads(await socket.recv())]
            while events[-1]["type"] not in ("response.completed", "error"):
                events.append(json.loads(await socket.recv()))
            return events

        warm = await turn(input="hi", generate=False)
        assert warm[-1]["response"]["output"] == []
        after = await turn(input="and?", previous_response_id=warm[-1]["response"]["id"])
        assert after[-1]["response"]["output"][0]["content"][0]["text"]
        wrong = await turn(input="hi", previous_response_id="resp_none")
        assert wrong[-1]["error"]["code"] == "previous_response_not_found"
    assert [served.usage["output_tokens"] > 0 for served in providers.billed if served.usage] == [False, True]


def test_a_process_of_its_own_says_where_it_is_and_survives_a_kill_on_paper(tmp_path: Path) -> None:
    log = tmp_path / "served.jsonl"
    command = [sys.executable, "-m", "sluiceway.demo.providers", "--no-latency"]
    command += ["--folder", str(tmp_path), "--log", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        context = ssl.create_default_context(cafile=ready["ca_file"])
        base = f"https://localhost:{ready['port']}"
        with httpx2.Client(verify=context, base_url=base, trust_env=False) as http:
            whole = http.post("/v1/messages", json=MESSAGE, headers=CLAUDE)
            slow = CLAUDE | {"x-demo-fault": "slow;first=0;between=30"}
            with http.stream("POST", "/v1/messages", json=MESSAGE | {"stream": True}, headers=slow) as cut:
                pieces = cut.iter_bytes()
                next(pieces)
                process.send_signal(signal.SIGKILL)
                process.wait()
                with pytest.raises(httpx2.TransportError):
                    list(pieces)
    rows: dict[str, dict[str, Any]] = {}
    for line in log.read_text().splitlines():
        rows[json.loads(line)["request_id"]] = json.loads(line)
    assert list(rows) == [whole.headers["request-id"], cut.headers["request-id"]]
    assert [row["complete"] for row in rows.values()] == [True, False]
    assert rows[whole.headers["request-id"]]["usage"] == whole.json()["usage"]


async def test_a_restart_in_the_same_folder_keeps_the_trust_and_new_names_renew_it(tmp_path: Path) -> None:
    authorities = []
    for names in ((), (), ("llm.example.com",)):
        simulated = Providers(names=names)
        await simulated.start(tmp_path)
        authorities.append(simulated.ca_file.read_bytes())
        await simulated.stop()
    assert authorities[0] == authorities[1] != authorities[2]
