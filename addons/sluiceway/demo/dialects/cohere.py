"""Cohere's own API as its reference describes version 2: chat, embeddings and ranking; ranking also as Voyage
bills it, and Mistral's reading of pages."""

from __future__ import annotations

from typing import Any

import orjson

from sluiceway.demo import answers, models
from sluiceway.demo.counting import block_bytes, message_blocks, prompt_tokens, tokens
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, body_of, new_id, sse
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory
from sluiceway.demo.vectors import vector

_PREAMBLE_TOKENS = 490  # of its own, counted and not billed
_DOCUMENTS_A_SEARCH = 100
_DIMENSIONS = 16


def chat(asked: Asked, memory: Memory) -> Reply:
    """POST /v2/chat."""
    body = _checked(asked, "messages")
    blocks = [block_bytes(tool) for tool in body.get("tools") or ()]
    for message in body["messages"]:
        blocks += message_blocks(str(message.get("role", "")), message.get("content"))
    written = answers.write(asked.raw, wanted=asked.wanted, limit=body.get("max_tokens"), thinks=False)
    usage = _usage(prompt_tokens(blocks), written.output_tokens)
    finish = "MAX_TOKENS" if written.truncated else "COMPLETE"
    answer_id = new_id("")
    if not body.get("stream"):
        message = {"role": "assistant", "content": [{"type": "text", "text": written.text}]}
        answer = {"id": answer_id, "finish_reason": finish, "message": message, "usage": usage}
        return _reply(asked, answer, usage, body["model"])
    start = {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}}
    events = [
        _event("message-start", id=answer_id, delta=start),
        _event("content-start", index=0, delta={"message": {"content": {"type": "text", "text": ""}}}),
        *(
            _event("content-delta", index=0, delta={"message": {"content": {"text": piece}}})
            for piece in answers.pieces(written.text, asked.events)
        ),
        _event("content-end", index=0),
        _event("message-end", delta={"finish_reason": finish, "usage": usage}),
        b"data: [DONE]\n\n",
    ]
    request_id = new_id("req_")
    headers = answer_headers(asked.provider, request_id, asked.now)
    kind = "text/event-stream"
    return Reply(200, request_id, headers, content_type=kind, events=events, usage=usage, model=body["model"])


def embed(asked: Asked, memory: Memory) -> Reply:
    """POST /v2/embed."""
    body = _checked(asked, "input_type")
    texts = [str(text) for text in body.get("texts") or ()]
    count = sum(tokens(len(text.encode())) for text in texts)
    vectors = [vector(text.encode(), _DIMENSIONS) for text in texts]
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": count}}
    answer = {"id": new_id(""), "embeddings": {"float": vectors}, "texts": texts, "meta": meta}
    usage = {"prompt_tokens": count}
    return _reply(asked, answer | {"response_type": "embeddings_by_type"}, usage, body["model"])


def rerank(asked: Asked, memory: Memory) -> Reply:
    """POST /v2/rerank at Cohere, which bills searches; /v1/rerank at others, which bill tokens."""
    body = _checked(asked, "documents")
    documents = body["documents"]
    results = [{"index": n, "relevance_score": 1 / (n + 1)} for n in range(len(documents))]
    if asked.provider == "cohere":
        searches = -(-len(documents) // _DOCUMENTS_A_SEARCH)
        meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": searches}}
        answer = {"id": new_id(""), "results": results, "meta": meta}
        return _reply(asked, answer, {"prompt_tokens": 0, "search_units": searches}, body["model"])
    query = tokens(len(str(body.get("query", "")).encode()))
    count = sum(query + tokens(len(block_bytes(document))) for document in documents)
    answer = {"object": "list", "data": results, "model": body["model"], "usage": {"total_tokens": count}}
    return _reply(asked, answer, {"prompt_tokens": count}, body["model"])


def read_pages(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/ocr at Mistral, which bills pages: here as many as are asked for, else two."""
    body = _checked(asked, "document")
    wanted = body.get("pages")
    count = len(wanted) if isinstance(wanted, list) else 2
    pages: list[Json] = [
        {"index": n, "markdown": f"# Page {n}", "images": [], "dimensions": None} for n in range(count)
    ]
    usage = {"pages_processed": count, "doc_size_bytes": 1000}
    answer = {"pages": pages, "model": body["model"], "document_annotation": None, "usage_info": usage}
    return _reply(asked, answer, {"prompt_tokens": 0, **usage}, body["model"])


def _checked(asked: Asked, needed: str) -> Json:
    body = body_of(asked)
    model = body.get("model")
    if not isinstance(model, str) or not models.knows(asked.provider, model):
        raise Rejected(404, f"model '{model}' not found, make sure the correct model ID was used")
    if not body.get(needed):
        raise Rejected(400, f"invalid request: {needed} is required")
    return body


def _usage(read: int, written: int) -> Json:
    return {
        "billed_units": {"input_tokens": float(read), "output_tokens": float(written)},
        "tokens": {"input_tokens": float(read + _PREAMBLE_TOKENS), "output_tokens": float(written)},
    }


def _reply(asked: Asked, answer: Json, usage: Json, model: str) -> Reply:
    request_id = new_id("req_")
    headers = answer_headers(asked.provider, request_id, asked.now)
    return Reply(200, request_id, headers, body=orjson.dumps(answer), usage=usage, model=model)


def _event(kind: str, **fields: Any) -> bytes:
    return sse(kind, {"type": kind, **fields})
