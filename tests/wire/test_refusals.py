"""The status, type and headers of each refusal in each provider's form."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest
from botocore.awsrequest import AWSResponse
from botocore.retries.standard import RetryContext, ThrottledRetryableChecker, TransientRetryableChecker

from sluiceway.types import ErrorAnswer, Refusal, RefusalKind
from sluiceway.wire import DIALECTS, Dialect, by_name, plain_refusal

SAYS = "Budget core-month is used up until 1 December. Ask dave."
K = RefusalKind
dialects = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)


def no(kind: RefusalKind, **more: object) -> Refusal:
    return Refusal(kind, "some_code", SAYS, **more)  # type: ignore[arg-type]  # fields of several types


def kind_of(answer: ErrorAnswer) -> object:
    error = orjson.loads(answer.body)["error"]
    return error.get("status") or error.get("type")


@pytest.mark.parametrize(
    ("kind", "anthropic", "openai", "gemini"),
    [
        (K.IDENTITY, (401, "authentication_error"), (401, "authentication_error"), (401, "UNAUTHENTICATED")),
        (K.BUDGET, (402, "billing_error"), (429, "insufficient_quota"), (403, "PERMISSION_DENIED")),
        (K.BUSY, (429, "rate_limit_error"), (429, "rate_limit_error"), (429, "RESOURCE_EXHAUSTED")),
        (K.RATE, (429, "rate_limit_error"), (429, "rate_limit_error"), (429, "RESOURCE_EXHAUSTED")),
        (K.POLICY, (400, "invalid_request_error"), (403, "permission_error"), (403, "PERMISSION_DENIED")),
        (
            K.REQUEST,
            (400, "invalid_request_error"),
            (400, "invalid_request_error"),
            (400, "INVALID_ARGUMENT"),
        ),
        (K.TOO_LARGE, (413, "request_too_large"), (413, "invalid_request_error"), (413, "INVALID_ARGUMENT")),
        (
            K.UNSUPPORTED,
            (415, "invalid_request_error"),
            (415, "invalid_request_error"),
            (415, "INVALID_ARGUMENT"),
        ),
        (
            K.MISDIRECTED,
            (421, "invalid_request_error"),
            (421, "invalid_request_error"),
            (421, "INVALID_ARGUMENT"),
        ),
        (
            K.UPGRADE,
            (426, "invalid_request_error"),
            (426, "invalid_request_error"),
            (426, "INVALID_ARGUMENT"),
        ),
        (K.UNREACHABLE, (502, "api_error"), (502, "server_error"), (502, "UNAVAILABLE")),
        (K.TIMEOUT, (504, "timeout_error"), (504, "server_error"), (504, "DEADLINE_EXCEEDED")),
        (K.INTERNAL, (503, "api_error"), (503, "server_error"), (503, "UNAVAILABLE")),
    ],
    ids=lambda value: value.value if isinstance(value, RefusalKind) else None,
)
def test_each_kind_has_its_status_and_type(
    kind: RefusalKind, anthropic: tuple[int, str], openai: tuple[int, str], gemini: tuple[int, str]
) -> None:
    for name, wanted in (
        ("anthropic_messages", anthropic),
        ("openai_chat", openai),
        ("openai_responses", openai),
        ("openai_embeddings", openai),
        ("openai_completions", openai),
        ("mistral_ocr", openai),
        ("gemini", gemini),
    ):
        answer = by_name(name).refuse(no(kind), "req-1")
        assert (answer.status, kind_of(answer)) == wanted
        assert orjson.loads(answer.body)["error"]["message"] == SAYS


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        (K.IDENTITY, 403, "AccessDeniedException"),
        (K.BUDGET, 400, "ServiceQuotaExceededException"),
        (K.BUSY, 429, "ThrottlingException"),
        (K.RATE, 429, "ThrottlingException"),
        (K.POLICY, 403, "AccessDeniedException"),
        (K.REQUEST, 400, "ValidationException"),
        (K.TOO_LARGE, 413, "ValidationException"),
        (K.UNSUPPORTED, 415, "ValidationException"),
        (K.MISDIRECTED, 421, "ValidationException"),
        (K.UPGRADE, 426, "ValidationException"),
        (K.UNREACHABLE, 502, "ServiceUnavailableException"),
        (K.TIMEOUT, 504, "ServiceUnavailableException"),
        (K.INTERNAL, 503, "ServiceUnavailableException"),
    ],
    ids=lambda value: value.value if isinstance(value, RefusalKind) else None,
)
@pytest.mark.parametrize("dialect", ["bedrock_converse", "bedrock_invoke"])
def test_each_kind_has_its_status_and_type_at_aws(
    dialect: str, kind: RefusalKind, status: int, name: str
) -> None:
    answer = by_name(dialect).refuse(no(kind), "req-1")
    assert (answer.status, dict(answer.headers)["x-amzn-errortype"]) == (status, name)
    assert orjson.loads(answer.body) == {"message": SAYS}


@pytest.mark.parametrize("kind", list(K))
def test_botocore_tries_again_only_where_that_helps(kind: RefusalKind) -> None:
    """Its own retry code as the judge: a no that is final must not be asked for five times."""
    answer = by_name("bedrock_converse").refuse(no(kind), "req-1")
    response = AWSResponse("", answer.status, {}, None)  # type: ignore[arg-type]  # the body was read already
    code = dict(answer.headers)["x-amzn-errortype"]
    parsed = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": answer.status}}
    context = RetryContext(1, parsed_response=parsed, http_response=response)
    checks = (TransientRetryableChecker(), ThrottledRetryableChecker())
    again = any(check.is_retryable(context) for check in checks)
    assert again == (kind in {K.BUSY, K.RATE, K.UNREACHABLE, K.TIMEOUT, K.INTERNAL})


@dialects
@pytest.mark.parametrize("kind", list(K))
def test_a_client_waits_only_if_the_refusal_says_how_long(dialect: Dialect, kind: RefusalKind) -> None:
    assert "retry-after" not in dict(dialect.refuse(no(kind), "r").headers)
    assert dict(dialect.refuse(no(kind, retry_after_s=7), "r").headers)["retry-after"] == "7"


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [(K.BUDGET, "false"), (K.POLICY, "false"), (K.BUSY, "true"), (K.RATE, "true"), (K.UNREACHABLE, None)],
)
def test_the_stainless_sdks_are_told_whether_to_try_again(kind: RefusalKind, wanted: str | None) -> None:
    for name in ("anthropic_messages", "openai_chat", "openai_responses", "openai_embeddings"):
        assert dict(by_name(name).refuse(no(kind), "r").headers).get("x-should-retry") == wanted


def test_codex_gets_its_own_form_of_a_spent_budget() -> None:
    until = datetime(2026, 12, 1, tzinfo=UTC)
    answer = by_name("openai_responses").refuse(no(K.BUDGET, resets_at=until), "r", codex=True)
    assert answer.status == 429
    assert orjson.loads(answer.body)["error"] == {
        "type": "usage_limit_reached",
        "message": SAYS,
        "resets_at": 1796083200,
    }
    assert dict(answer.headers)["x-codex-promo-message"] == SAYS


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (K.IDENTITY, 400),
        (K.POLICY, 400),
        (K.REQUEST, 400),
        (K.TOO_LARGE, 400),
        (K.UNSUPPORTED, 400),
        (K.MISDIRECTED, 400),
        (K.UPGRADE, 426),
        (K.BUSY, 429),
        (K.RATE, 429),
        (K.UNREACHABLE, 502),
        (K.INTERNAL, 503),
    ],
    ids=lambda value: value.value if isinstance(value, RefusalKind) else None,
)
def test_codex_gets_a_400_for_every_final_no_and_else_what_everybody_gets(
    kind: RefusalKind, status: int
) -> None:
    dialect = by_name("openai_responses")
    answer = dialect.refuse(no(kind), "r", codex=True)
    assert answer == replace(dialect.refuse(no(kind), "r"), status=status)


def test_a_message_cannot_break_out_of_its_header() -> None:
    evil = Refusal(K.BUDGET, "some_code", "a\r\nx-evil: 1\x00 – é" + "x" * 5000)
    value = dict(by_name("openai_responses").refuse(evil, "r", codex=True).headers)["x-codex-promo-message"]
    assert value.startswith("a x-evil: 1 ")
    assert value.isprintable()
    assert len(value.encode("latin-1")) <= 1000


def test_gemini_is_told_the_delay_in_the_body_too() -> None:
    details = orjson.loads(by_name("gemini").refuse(no(K.BUSY, retry_after_s=3), "r").body)["error"][
        "details"
    ]
    assert details[-1]["retryDelay"] == "3s"


def test_a_path_without_a_dialect_gets_plain_json() -> None:
    answer = plain_refusal(no(K.BUDGET), "req-1")
    assert answer.status == 402
    assert orjson.loads(answer.body)["error"] == {
        "code": "some_code",
        "message": SAYS,
        "request_id": "req-1",
    }


@pytest.mark.parametrize("name", ["cohere_chat", "cohere_embeddings", "rerank"])
@pytest.mark.parametrize(
    ("kind", "status"), [(K.BUDGET, 402), (K.RATE, 429), (K.POLICY, 403), (K.TIMEOUT, 504)]
)
def test_cohere_and_voyage_clients_find_the_words_where_they_look(
    name: str, kind: RefusalKind, status: int
) -> None:
    answer = by_name(name).refuse(no(kind), "req-1")
    body = orjson.loads(answer.body)
    assert (answer.status, body["message"], body["detail"], body["id"]) == (status, SAYS, SAYS, "req-1")
