"""The smallest good request of each dialect, the path it is sent to, and which have no streams."""

from __future__ import annotations

from typing import Any

PATHS = {
    "anthropic_messages": "/v1/messages",
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "openai_embeddings": "/v1/embeddings",
    "openai_completions": "/v1/completions",
    "cohere_chat": "/v2/chat",
    "cohere_embeddings": "/v2/embed",
    "rerank": "/v2/rerank",
    "mistral_ocr": "/v1/ocr",
    "gemini": "/v1beta/models/gemini-2.5-pro:generateContent",
    "google_predict": "/v1beta/models/imagen-4.0-generate-001:predict",
    "openai_images": "/v1/images/generations",
    "openai_speech": "/v1/audio/speech",
    "openai_transcription": "/v1/audio/transcriptions",
    "openai_moderation": "/v1/moderations",
    "gemini_cloudcode": "/v1internal:generateContent",
    "bedrock_converse": "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
    "bedrock_invoke": "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke",
    "anthropic_vertex": "/v1/projects/p/locations/global/publishers/anthropic/models/claude-m:rawPredict",
    "anthropic_batches": "/v1/messages/batches",
    "openai_batches": "/v1/batches",
    "gemini_batches": "/v1beta/models/gemini-2.5-pro:batchGenerateContent",
}
GOOD: dict[str, dict[str, Any]] = {
    "anthropic_batches": {
        "requests": [
            {
                "custom_id": "q1",
                "params": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
            }
        ]
    },
    "openai_batches": {"input_file_id": "f", "endpoint": "/v1/responses", "completion_window": "24h"},
    "gemini_batches": {
        "batch": {
            "inputConfig": {
                "requests": {"requests": [{"request": {"contents": [{"parts": [{"text": "hi"}]}]}}]},
            },
        },
    },
    "anthropic_messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"model": "m", "input": "hi"},
    "openai_embeddings": {"model": "m", "input": "hi"},
    "openai_completions": {"model": "m", "prompt": "hi"},
    "cohere_chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "cohere_embeddings": {"model": "m", "texts": ["hi"]},
    "rerank": {"model": "m", "query": "hi", "documents": ["hi"]},
    "mistral_ocr": {"model": "m", "document": {"type": "file", "file_id": "f"}},
    "gemini": {"contents": [{"parts": [{"text": "hi"}]}]},
    "google_predict": {"instances": [{"prompt": "hi"}]},
    "openai_images": {"model": "m", "prompt": "hi"},
    "openai_speech": {"model": "m", "voice": "alloy", "input": "hi"},
    "openai_transcription": {"model": "m", "prompt": "hi"},
    "openai_moderation": {"model": "m", "input": "hi"},
    "gemini_cloudcode": {"model": "m", "request": {"contents": [{"parts": [{"text": "hi"}]}]}},
    "bedrock_converse": {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
    "bedrock_invoke": {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}],
    },
    "anthropic_vertex": {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
}
# Those that generate nothing, or answer in one piece.
WITHOUT_STREAMS = {
    *("openai_embeddings", "openai_moderation", "google_predict"),
    *("cohere_embeddings", "rerank", "mistral_ocr"),
    *("anthropic_batches", "openai_batches", "openai_files", "gemini_batches", "gemini_files"),
}
