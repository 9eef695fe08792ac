"""Where a request was served, as price lists speak of it: an inference profile's prefix, or a host's region.

Amazon Bedrock, "Inference profiles": `eu.anthropic.claude` is served anywhere in Europe, `global.` anywhere.
A profile says more than the host, which only says where the request was taken in. Vertex AI, "Locations";
OpenAI, "Data residency"; xAI, "Regional endpoints": the host names the region.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PROFILE = re.compile(r"(us-gov|us|eu|apac|jp|au|ca|in|sa|me|af|global)\.(?=[a-z0-9-]+\.)")
_HOSTS = (
    re.compile(r"bedrock(?:-[a-z]+)*\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?"),
    re.compile(r"([a-z]+(?:-[a-z]+\d+)?)-aiplatform\.googleapis\.com"),
    re.compile(r"aiplatform\.([a-z]+)\.rep\.googleapis\.com"),
    re.compile(r"([a-z]{2})\.api\.openai\.com"),
    re.compile(r"([a-z]{2}-[a-z]+-\d)\.api\.x\.ai"),
    re.compile(r"(us|ca)-api\.together\.ai"),
)
# One address for the whole world; Google prices it apart from its regions.
_GLOBAL = frozenset({"aiplatform.googleapis.com"})


@lru_cache(1024)
def of_host(host: str) -> str | None:
    """The region a provider's host name says, such as `eu-west-1` or `eu`; None: it says none."""
    if host in _GLOBAL:
        return "global"
    return next((found[1] for pattern in _HOSTS if (found := pattern.fullmatch(host))), None)


def profile(model: str) -> tuple[str | None, str]:
    """An inference profile's prefix, such as `eu`, and the model's own name behind it (lower case)."""
    found = _PROFILE.match(model)
    return (found[1], model[found.end() :]) if found else (None, model)
