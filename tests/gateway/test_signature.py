"""What of a signed request must not change, with botocore's own signer as the judge."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from multidict import CIMultiDict, CIMultiDictProxy

from sluiceway.errors import Refused
from sluiceway.gateway.headers import accepted, to_provider
from sluiceway.gateway.signature import access_key, is_signed, keep, signed_headers

HOST = "bedrock-runtime.eu-central-1.amazonaws.com"
URL = f"https://{HOST}/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
BODY = b'{"messages":[]}'
KEY = Credentials("AKIAEXAMPLE000000001", "a secret of nobody")


def signed(**headers: str) -> CIMultiDictProxy[str]:
    """Headers as they come from a client that signs all it sends."""
    given = {"content-type": "application/json", **{n.replace("_", "-"): v for n, v in headers.items()}}
    request: Any = AWSRequest(method="POST", url=URL, headers=given, data=BODY)
    SigV4Auth(KEY, "bedrock", "eu-central-1").add_auth(request)
    pairs = [("host", HOST), *request.headers.items()]
    return CIMultiDictProxy(CIMultiDict(pairs))


def outgoing(came: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """As the gateway writes the head of a stream."""
    fields = to_provider(came, HOST)
    if "accept-encoding" in fields:
        fields["accept-encoding"] = accepted("identity")
    keep(fields, came)
    return fields


def is_good(fields: CIMultiDict[str]) -> bool:
    """Whether botocore signs what goes out with the very same signature."""
    names = signed_headers(fields.getall("authorization"))
    kept = {name: fields[name] for name in names if name not in ("host", "x-amz-date")}
    request: Any = AWSRequest(method="POST", url=URL, headers=kept, data=BODY)
    signer = SigV4Auth(KEY, "bedrock", "eu-central-1")
    request.context["timestamp"] = fields["x-amz-date"]
    request.headers["x-amz-date"] = fields["x-amz-date"]
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    return f"Signature={signature}" in fields["authorization"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"accept_encoding": "gzip, deflate, br, zstd"},
        {"accept_encoding": "compress"},
        {"x_amzn_bedrock_trace": "ENABLED", "accept": "*/*"},
    ],
    ids=["plain", "Anthropic's SDK", "an encoding we cannot read", "more"],
)
def test_the_signature_still_fits_what_goes_out(headers: dict[str, str]) -> None:
    came = signed(**headers)
    assert is_signed(came)
    assert is_good(outgoing(came))


def test_without_our_care_it_would_not() -> None:
    fields = to_provider(signed(accept_encoding="gzip"), HOST)
    fields["accept-encoding"] = "identity"
    assert not is_good(fields)


@pytest.mark.parametrize("name", ["te", "x-sluiceway-note", "keep-alive"])
def test_a_signed_header_that_cannot_travel_is_refused_in_words(name: str) -> None:
    came = CIMultiDict(signed())
    came[name] = "x"
    # By hand, since botocore leaves such headers out of its signature by itself.
    came["authorization"] = came["authorization"].replace("SignedHeaders=", f"SignedHeaders={name};")
    with pytest.raises(Refused) as refused:
        outgoing(CIMultiDictProxy(came))
    assert refused.value.refusal.code == "signed_header"
    assert name in refused.value.refusal.message


def test_a_second_host_is_not_put_back() -> None:
    came = CIMultiDict(signed())
    came.add("host", "evil.example")
    with pytest.raises(Refused):
        outgoing(CIMultiDictProxy(came))


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("AWS4-HMAC-SHA256 Credential=AKIA1/20260101/r/bedrock/aws4_request, SignedHeaders=h", "AKIA1"),
        ("AWS4-HMAC-SHA256 Credential=AKIA1/x,SignedHeaders=h,Signature=0", "AKIA1"),
        ("AWS4-ECDSA-P256-SHA256 Credential=ASIA2/x, SignedHeaders=h", "ASIA2"),
        ("AWS4-HMAC-SHA256", None),
        ("Bearer AWS4-HMAC-SHA256 Credential=AKIA1/x", None),
        ("Bearer ABSKx", None),
    ],
)
def test_the_id_of_the_signing_key_is_read(value: str, key: str | None) -> None:
    assert access_key(value) == key
