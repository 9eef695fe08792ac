"""Bedrock through the proxy with AWS's own SDK: signatures hold, rows equal the provider's count, caps cut.

The simulated Bedrock checks every signature, so each answer shows that nothing signed was changed on its way.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import anthropic
import boto3
import httpx2
import openai
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, EventStreamError

from sluiceway.demo.sigv4 import SECRET_KEY
from sluiceway.types import to_usd
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.tunnel import claude as ask_claude

pytestmark = pytest.mark.e2e

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
GLOBAL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = f"arn:aws:bedrock:eu-central-1:123456789012:inference-profile/{CLAUDE}"
ASK: list[dict[str, Any]] = [{"role": "user", "content": [{"text": "What is a sluice?"}]}]
BODY = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 300,
    "messages": [{"role": "user", "content": "What is a sluice?"}],
}
# USD 3.30 and 16.50 a million tokens for the profile of a geography, in nano-dollars a token.
INPUT, OUTPUT = 3_300, 16_500
API_KEY = "ABSKexampleexampleexample"


CLIENTS: list[Any] = []


@pytest.fixture(autouse=True)
def clients_are_closed() -> Iterator[None]:
    yield
    while CLIENTS:
        CLIENTS.pop().close()


def aws(running: Running, proxy: str, attempts: int = 1, key_id: str = "AKIAEXAMPLE000000001") -> Any:
    """A runtime client as a developer has it: what HTTPS_PROXY and AWS_CA_BUNDLE say is said as arguments."""
    options = Config(proxies={"https": proxy}, retries={"total_max_attempts": attempts, "mode": "standard"})
    session = boto3.session.Session(
        aws_access_key_id=key_id, aws_secret_access_key=SECRET_KEY, region_name="eu-central-1"
    )
    CLIENTS.append(session.client("bedrock-runtime", config=options, verify=running.anchor))
    return CLIENTS[-1]


def wanting(client: Any, output_tokens: int) -> None:
    """From now on the simulated model writes so many tokens. The header is signed like any other."""
    client.meta.events.register(
        "before-sign",
        lambda request, **_: request.headers.__setitem__("x-demo-output-tokens", str(output_tokens)),
    )


def events_of(stream: Any) -> list[dict[str, Any]]:
    """All events of a stream, which is closed however it ends."""
    with closing(stream):
        return list(stream)


def texts(stream: Any) -> tuple[str, list[str]]:
    """The text of a converse stream, and the names of its events."""
    events = events_of(stream["stream"])
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    return "".join(delta.get("text", "") for delta in deltas), [next(iter(event)) for event in events]


@pytest.fixture(scope="module")
def alice(quick: Running) -> str:
    return quick.add("alice")


@pytest.fixture
def client(quick: Running, alice: str) -> Any:
    return aws(quick, alice)


@pytest.fixture
def since(quick: Running) -> Since:
    return Since(quick)


@pytest.mark.parametrize("model", [CLAUDE, ARN], ids=["profile", "ARN"])
def test_converse(client: Any, since: Since, model: str) -> None:
    answer = client.converse(modelId=model, messages=ASK, inferenceConfig={"maxTokens": 300})
    assert answer["output"]["message"]["content"][0]["text"]
    row = since.matching()
    assert (row["provider"], row["dialect"], row["model_requested"]) == ("bedrock", "bedrock_converse", model)
    assert row["cost_nusd"] == row["input_tokens"] * INPUT + row["output_tokens"] * OUTPUT
    assert row["client_name"] == "boto3"


def test_converse_stream(client: Any, since: Since) -> None:
    text, names = texts(client.converse_stream(modelId=GLOBAL, messages=ASK))
    assert text
    assert (names[0], names[-2:]) == ("messageStart", ["messageStop", "metadata"])
    row = since.matching()
    # Without a geography: 3 and 15 USD a million tokens.
    assert row["cost_nusd"] == row["input_tokens"] * 3_000 + row["output_tokens"] * 15_000


def test_converse_with_tools_and_a_cache(client: Any, quick: Running) -> None:
    schema = {"json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
    tools = {"tools": [{"toolSpec": {"name": "weather", "inputSchema": schema}}]}
    system = [{"text": "What follows is the handbook. " * 400}, {"cachePoint": {"type": "default"}}]
    ask = [{"role": "user", "content": [{"text": "use the tool"}]}]
    for kind in ("cache_write_tokens", "cache_read_tokens"):
        since = Since(quick)
        stream = client.converse_stream(modelId=CLAUDE, messages=ask, toolConfig=tools, system=system)
        assert "contentBlockStart" in texts(stream)[1]
        assert since.matching()[kind] > 1024


def test_invoke_model_with_claude(client: Any, since: Since) -> None:
    answer = json.loads(client.invoke_model(modelId=GLOBAL, body=json.dumps(BODY))["body"].read())
    row = since.matching()
    assert (row["dialect"], row["response_id"]) == ("bedrock_invoke", answer["id"])
    assert row["model_served"] == "claude-sonnet-4-5-20250929"
    # The answer names the bare model; the profile that was asked for is what AWS bills.
    assert row["cost_nusd"] == row["input_tokens"] * 3_000 + row["output_tokens"] * 15_000


def test_invoke_model_with_a_response_stream(client: Any, since: Since) -> None:
    answer = client.invoke_model_with_response_stream(modelId=CLAUDE, body=json.dumps(BODY))
    events = [json.loads(event["chunk"]["bytes"]) for event in events_of(answer["body"])]
    assert events[-1]["type"] == "message_stop"
    since.matching()


@pytest.mark.parametrize(
    ("model", "body"),
    [
        pytest.param("meta.llama3-1-8b-instruct-v1:0", {"prompt": "Hi", "max_gen_len": 200}, id="llama"),
        pytest.param(
            "cohere.embed-multilingual-v3", {"texts": ["one", "two"]}, id="texts, counted in a header"
        ),
    ],
)
def test_invoke_model_of_other_vendors(client: Any, since: Since, model: str, body: dict[str, Any]) -> None:
    client.invoke_model(modelId=model, body=json.dumps(body))["body"].read()
    assert since.matching()["input_tokens"] > 0


def test_a_stream_of_another_vendor_is_counted_by_its_invocation_metrics(client: Any, since: Since) -> None:
    body = json.dumps({"prompt": "Hi", "max_gen_len": 200})
    answer = client.invoke_model_with_response_stream(modelId="meta.llama3-1-8b-instruct-v1:0", body=body)
    assert events_of(answer["body"])
    since.matching()


def test_count_tokens_is_free(client: Any, since: Since) -> None:
    counted = client.count_tokens(modelId=CLAUDE, input={"converse": {"messages": ASK}})
    assert counted["inputTokens"] > 0
    row = since.row()
    assert (row["operation"], row["cost_nusd"], row["outcome"]) == ("count_tokens", 0, "ok")


def test_a_changed_signature_is_noticed_by_the_simulated_bedrock(client: Any, since: Since) -> None:
    """The judge itself: a header that is changed after signing gets the 403 that AWS answers with."""
    client.meta.events.register(
        "before-send",
        lambda request, **_: request.headers.__setitem__("Content-Type", "application/json ; x"),
    )
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        client.converse(modelId=CLAUDE, messages=ASK)
    assert since.row()["cost_nusd"] == 0


def test_the_row_names_the_key_that_signed_and_not_the_signature(
    client: Any, since: Since, quick: Running
) -> None:
    for _ in range(2):
        client.converse(modelId=CLAUDE, messages=ASK)
    first, second = since.rows(2)
    assert first["key_fingerprint"] == second["key_fingerprint"] is not None


def test_a_registered_access_key_is_the_companys(quick: Running, alice: str, since: Since) -> None:
    quick.add_key("aws-main", "bedrock", "AKIAEXAMPLE000000002")
    aws(quick, alice, key_id="AKIAEXAMPLE000000002").converse(modelId=CLAUDE, messages=ASK)
    row = since.row()
    assert (row["key_class"], row["outcome"]) == ("company", "ok")


def test_an_error_of_the_provider_reaches_boto3_as_its_own(client: Any, since: Since, quick: Running) -> None:
    quick.providers.fault("bedrock", "429", times=1)
    with pytest.raises(ClientError) as error:
        client.converse(modelId=CLAUDE, messages=ASK)
    assert error.value.response["Error"]["Code"] == "ThrottlingException"
    assert since.row()["outcome"] == "upstream_error"


def test_an_exception_in_a_stream_reaches_boto3_and_the_row(
    client: Any, since: Since, quick: Running
) -> None:
    quick.providers.fault("bedrock", "stream-error;after=3", times=1)
    with pytest.raises(EventStreamError, match="modelStreamErrorException"):
        events_of(client.converse_stream(modelId=CLAUDE, messages=ASK)["stream"])
    row = since.row()
    assert (row["outcome"], row["error_type"]) == ("upstream_error", "modelStreamErrorException")
    assert row["usage_source"] in ("partial", "estimated")


def test_a_stream_that_breaks_off_ends_with_an_exception_of_the_api(
    client: Any, since: Since, quick: Running
) -> None:
    quick.providers.fault("bedrock", "reset;after=3", times=1)
    with pytest.raises(EventStreamError, match=r"modelStreamErrorException.*Sluiceway"):
        events_of(client.converse_stream(modelId=CLAUDE, messages=ASK)["stream"])
    assert since.row()["outcome"] == "truncated"


def test_frames_that_come_byte_by_byte_are_the_same_stream(client: Any, since: Since, quick: Running) -> None:
    quick.providers.fault("bedrock", "trickle", times=1)
    assert texts(client.converse_stream(modelId=CLAUDE, messages=ASK))[0]
    since.matching()


def test_usage_that_is_missing_is_estimated(client: Any, since: Since, quick: Running) -> None:
    quick.providers.fault("bedrock", "no-usage", times=1)
    texts(client.converse_stream(modelId=CLAUDE, messages=ASK))
    row = since.row()
    assert (row["usage_source"], row["outcome"]) == ("estimated", "ok")
    assert min(row["input_tokens"], row["output_tokens"], row["cost_nusd"]) > 0


BUDGET = "[{{name: tight, scope: company, limit_usd: {usd:f}, window: month}}]"


def tight(fresh: type[Running], output_tokens: int) -> Running:
    """A cap that carries so much output of one question."""
    return fresh(budgets=BUDGET.format(usd=to_usd(200 * INPUT + output_tokens * OUTPUT)))


def test_a_stream_is_cut_at_the_cap_and_boto3_reads_its_ending(fresh: type[Running]) -> None:
    running = tight(fresh, 2_000)
    client = aws(running, running.add("alice"))
    wanting(client, 20_000)
    text, names = texts(client.converse_stream(modelId=CLAUDE, messages=ASK))
    assert "[Sluiceway: the budget 'tight' is used up, so this answer ends here. It resets at 20" in text
    assert names[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    (row,) = running.rows(1)
    assert (row["outcome"], row["usage_source"]) == ("capped", "estimated")
    assert row["charged_nusd"] <= 200 * INPUT + 2_000 * OUTPUT + 100 * OUTPUT


def test_a_stream_of_invoke_is_cut_at_the_cap_and_ends_as_a_message(fresh: type[Running]) -> None:
    running = tight(fresh, 2_000)
    client = aws(running, running.add("alice"))
    wanting(client, 20_000)
    body = json.dumps({**BODY, "max_tokens": 64_000})
    answer = client.invoke_model_with_response_stream(modelId=CLAUDE, body=body)
    events = [json.loads(event["chunk"]["bytes"]) for event in events_of(answer["body"])]
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"
    assert running.rows(1)[0]["outcome"] == "capped"


def test_a_signed_request_that_the_cap_cannot_carry_whole_is_refused_in_words(fresh: type[Running]) -> None:
    running = tight(fresh, 2_000)
    client = aws(running, running.add("alice"), attempts=4)
    with pytest.raises(ClientError) as error:
        client.converse(modelId=CLAUDE, messages=ASK, inferenceConfig={"maxTokens": 50_000})
    said = error.value.response["Error"]
    assert said["Code"] == "ServiceQuotaExceededException"
    assert "maxTokens" in said["Message"]
    assert len(running.rows(1)) == 1, "botocore's standard mode does not try again"
    assert running.providers.log == []
    assert running.service.store
    assert running.service.store.status()["open_reservations"] == 0
    client.converse(modelId=CLAUDE, messages=ASK, inferenceConfig={"maxTokens": 1_000})


def test_a_signed_request_without_a_limit_is_refused_where_the_longest_answer_does_not_fit(
    fresh: type[Running],
) -> None:
    running = tight(fresh, 40_000)
    client = aws(running, running.add("alice"))
    with pytest.raises(ClientError, match="maxTokens"):
        client.converse(modelId=CLAUDE, messages=ASK)
    assert [row["refusal_code"] for row in running.rows(1)] == ["signed_limit"]
    assert running.providers.log == []


def test_with_an_api_key_the_limit_is_lowered_instead(
    fresh: type[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", API_KEY)
    running = tight(fresh, 2_000)
    client = aws(running, running.add("alice"))
    answer = client.converse(modelId=CLAUDE, messages=ASK, inferenceConfig={"maxTokens": 50_000})
    limit = int(answer["ResponseMetadata"]["HTTPHeaders"]["x-sluiceway-output-limited-to"])
    assert 1_000 < limit <= 2_100
    assert running.rows(1)[0]["outcome"] == "ok"


def test_a_spent_budget_is_final_for_boto3(fresh: type[Running]) -> None:
    running = fresh(budgets=BUDGET.format(usd=to_usd(1)))
    client = aws(running, running.add("alice"), attempts=4)
    for _ in range(2):
        with pytest.raises(ClientError, match=r"ServiceQuotaExceededException.*budget 'tight'|maxTokens"):
            client.converse(modelId=CLAUDE, messages=ASK)
    assert len(running.rows(2)) == 2


def test_the_companys_key_takes_the_place_of_a_registered_signature(fresh: type[Running]) -> None:
    running = fresh()
    running.add_key("signing", "bedrock", "AKIAEXAMPLE000000001")
    running.add_key("bearer", "bedrock", API_KEY)
    running.set_rules("20-inject", "inject: [{name: aws, label: bearer, match: {provider: bedrock}}]\n")
    since = Since(running)
    aws(running, running.add("alice")).converse(modelId=CLAUDE, messages=ASK)
    assert since.row()["key_class"] == "company"
    assert not {"x-amz-date", "x-amz-content-sha256"}.intersection(since.header_names)


def test_a_body_with_a_repeated_key_cannot_be_written_anew(client: Any, since: Since) -> None:
    body = '{"anthropic_version":"x","max_tokens":9,"max_tokens":99999,"messages":[]}'
    with pytest.raises(ClientError, match=r"AccessDeniedException.*signature forbids"):
        client.invoke_model(modelId=CLAUDE, body=body)
    assert since.row()["refusal_code"] == "signed_body"
    assert since.served == []


def test_an_unlisted_path_is_refused_in_awss_form(client: Any, since: Since) -> None:
    with pytest.raises(ClientError, match=r"AccessDeniedException.*not on the list"):
        client.list_async_invokes()
    assert since.row()["refusal_code"] == "path_not_listed"


@pytest.fixture
def http(quick: Running, alice: str) -> Iterator[httpx2.Client]:
    context = ssl.create_default_context(cafile=quick.anchor)
    with httpx2.Client(proxy=alice, verify=context) as client:
        yield client


def signing(http: httpx2.Client) -> anthropic.AnthropicBedrock:
    return anthropic.AnthropicBedrock(
        aws_access_key="AKIAEXAMPLE000000001",
        aws_secret_key=SECRET_KEY,
        aws_region="eu-central-1",
        http_client=http,
        max_retries=0,
    )


def test_anthropics_sdk_for_bedrock_signs_accept_encoding_and_still_gets_through(
    http: httpx2.Client, since: Since, quick: Running
) -> None:
    message = signing(http).messages.create(**claude(), model=GLOBAL)
    assert message.usage.output_tokens == since.matching()["output_tokens"]


@pytest.mark.parametrize("fault", ["", "gzip"])
def test_anthropics_sdk_for_bedrock_streams(
    http: httpx2.Client, since: Since, quick: Running, fault: str
) -> None:
    if fault:  # what the client offers is signed, so the answer may well come encoded
        quick.providers.fault("bedrock", fault, times=1)
    with signing(http).messages.stream(**claude(), model=CLAUDE) as stream:
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert since.matching()["model_served"] == final.model


def test_anthropics_sdk_shows_what_the_refusal_says(http: httpx2.Client, since: Since) -> None:
    with pytest.raises(anthropic.BadRequestError, match="messages: a list"):
        signing(http).post("/model/x/invoke", body={"prompt": "hi"}, cast_to=object)
    assert since.row()["refusal_code"] == "malformed_request"


def claude(**more: Any) -> dict[str, Any]:
    """A request of Anthropic's own API, without its model."""
    return {name: value for name, value in ask_claude(**more).items() if name != "model"}


def vertex(http: httpx2.Client, region: str) -> anthropic.AnthropicVertex:
    return anthropic.AnthropicVertex(
        region=region, project_id="demo", access_token="ya29.example", http_client=http, max_retries=0
    )


@pytest.mark.parametrize(
    ("region", "price_in", "price_out"),
    [
        pytest.param("global", 3_000, 15_000, id="global"),
        pytest.param("us-east5", 3_300, 16_500, id="region"),
    ],
)
def test_claude_on_vertex(
    http: httpx2.Client, since: Since, region: str, price_in: int, price_out: int
) -> None:
    sdk = vertex(http, region)
    sdk.messages.create(**claude(), model="claude-sonnet-4-5@20250929")
    row = since.matching()
    assert (row["provider"], row["dialect"]) == ("vertex", "anthropic_vertex")
    assert row["cost_nusd"] == row["input_tokens"] * price_in + row["output_tokens"] * price_out
    assert (row["key_class"], row["cost_basis"]) == ("unknown", "list"), "Vertex is billed, not a seat"


def test_claude_on_vertex_streams_and_counts(http: httpx2.Client, quick: Running) -> None:
    since, sdk = Since(quick), vertex(http, "us-east5")
    with sdk.messages.stream(**claude(), model="claude-sonnet-4-5@20250929") as stream:
        assert stream.get_final_message().content
    since.matching()
    since = Since(quick)
    asked = claude()
    counted = sdk.messages.count_tokens(model="claude-sonnet-4-5@20250929", messages=asked["messages"])
    assert counted.input_tokens > 0
    row = since.row()
    assert (row["operation"], row["cost_nusd"]) == ("count_tokens", 0)


def test_a_signed_chat_stream_goes_out_as_it_came_and_is_estimated(
    http: httpx2.Client, since: Since, quick: Running
) -> None:
    """We cannot ask for its usage, which it did not ask for itself."""
    url = "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1/chat/completions"
    asked = {"model": "openai.gpt-oss-120b-1:0", "stream": True}
    body = json.dumps({**asked, "messages": [{"role": "user", "content": "hi"}]}).encode()
    request: Any = AWSRequest("POST", url, {"content-type": "application/json"}, body)
    SigV4Auth(Credentials("AKIAEXAMPLE000000001", SECRET_KEY), "bedrock", "us-east-1").add_auth(request)
    answer = http.post(url, content=body, headers=dict(request.headers))
    assert answer.status_code == 200, answer.text
    assert answer.text.endswith("data: [DONE]\n\n")
    row = since.row()
    assert (row["usage_source"], row["outcome"]) == ("estimated", "ok")
    assert row["cost_nusd"] > 0


def test_openais_sdk_at_bedrocks_own_endpoint(http: httpx2.Client, since: Since) -> None:
    base = "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1"
    sdk = openai.OpenAI(api_key=API_KEY, base_url=base, http_client=http, max_retries=0)
    stream = sdk.chat.completions.create(
        model="openai.gpt-oss-120b-1:0", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    assert all(chunk.choices for chunk in stream), "the usage we asked for is hidden"
    row = since.matching()
    # 0.15 and 0.60 USD a million tokens.
    assert row["cost_nusd"] == row["input_tokens"] * 150 + row["output_tokens"] * 600


def test_the_word_sluiceway_as_api_key_gets_the_companys(
    fresh: type[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "sluiceway")
    running = fresh()
    running.add_key("bearer", "bedrock", API_KEY)
    running.set_rules("20-inject", "inject: [{name: aws, label: bearer, match: {provider: bedrock}}]\n")
    aws(running, running.add("alice")).converse(modelId=CLAUDE, messages=ASK)
    (row,) = running.rows(1)
    assert (row["key_class"], row["outcome"]) == ("company", "ok")


def test_many_signed_requests_at_once_never_pass_the_cap(fresh: type[Running]) -> None:
    one = 10 * INPUT + 100 * OUTPUT
    running = fresh(budgets=BUDGET.format(usd=to_usd(5 * one)), wait_s=20)
    client = aws(running, running.add("alice"))
    wanting(client, 100)

    def ask(_: int) -> str:
        try:
            client.converse(modelId=CLAUDE, messages=ASK, inferenceConfig={"maxTokens": 100})
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "served"

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))
    billed = [each.usage or {} for each in running.providers.billed]
    spent = sum(usage["inputTokens"] * INPUT + usage["outputTokens"] * OUTPUT for usage in billed)
    assert spent <= 5 * one
    assert set(answers) == {"served", "ServiceQuotaExceededException"}
    assert answers.count("served") >= 4, "nearly all of the cap can be used"
    assert running.service.store
    assert running.service.store.verify() == []
