"""What tokens cost: rates per million tokens, long-context steps, and the exact sum for a Usage.

Decimal throughout and no division: a rate times a count, shifted by six digits, is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from types import MappingProxyType

from sluiceway.types import Usage, UsageSource

ZERO = Decimal(0)
NO_TOOLS: Mapping[str, Decimal] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens of each kind; None: no price known for that kind.

    `reasoning` and the image rates are None where those tokens cost the same as text.
    `per_request` is USD a request, `tools` USD for each unit of what is not counted in tokens: a use of a
    server-side tool, an image, a second, a character, a page. `by_units`: the model is billed by those alone.
    """

    input: Decimal | None
    output: Decimal | None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    audio_cache_read: Decimal | None = None
    image_input: Decimal | None = None
    image_output: Decimal | None = None
    reasoning: Decimal | None = None
    per_request: Decimal = ZERO
    tools: Mapping[str, Decimal] = field(default_factory=lambda: NO_TOOLS)
    by_units: bool = False

    def scaled(self, factor: Decimal) -> Rates:
        """A service tier that multiplies token rates. Requests and tools keep their price."""
        changed = {name: rate * factor for name in TOKEN_KINDS if (rate := getattr(self, name)) is not None}
        return replace(self, **changed)

    def without_zeros(self) -> Rates:
        """Kinds at no charge as unknown kinds."""
        free = {name: getattr(UNKNOWN, name) for name in TOKEN_KINDS if getattr(self, name) == 0}
        return replace(self, **free)

    def or_else(self, other: Rates) -> Rates:
        """These rates, with `other`'s where none is known."""
        missing = {name: getattr(other, name) for name in MUST_BE_KNOWN if getattr(self, name) is None}
        return replace(self, **missing, tools={**other.tools, **self.tools})


UNKNOWN = Rates(input=None, output=None)
TOKEN_KINDS = tuple(f.name for f in fields(Rates) if f.name not in {"per_request", "tools", "by_units"})
MUST_BE_KNOWN = tuple(
    name for name in TOKEN_KINDS if name not in {"reasoning", "image_input", "image_output"}
)


@dataclass(frozen=True, slots=True)
class Table:
    """A price list: (start, rates) ascending. The last step with `start < input_tokens` prices the whole
    request, input and output alike: the rule of every provider with long-context prices."""

    steps: tuple[tuple[int, Rates], ...]

    def at(self, input_tokens: int) -> Rates:
        for start, rates in reversed(self.steps):
            if input_tokens > start:
                return rates
        return self.steps[0][1]

    def up_to(self, input_tokens: int) -> Rates:
        """The dearest rates of any request of at most that many input tokens."""
        first, *further = self.steps
        return dearest([first[1], *(rates for start, rates in further if input_tokens > start)])

    def scaled(self, factor: Decimal) -> Table:
        return Table(tuple((start, rates.scaled(factor)) for start, rates in self.steps))

    def with_tools(self, tools: Mapping[str, Decimal]) -> Table:
        """The table with `tools` priced too, where it does not price them itself."""
        return Table(tuple((start, replace(r, tools={**tools, **r.tools})) for start, r in self.steps))


def dearest(many: Iterable[Rates]) -> Rates:
    """The highest known rate of each kind. `many` may be empty: then nothing is known."""
    rates = list(many)
    if len(rates) <= 1:
        return rates[0] if rates else UNKNOWN
    found = {name: highest(getattr(r, name) for r in rates) for name in TOKEN_KINDS}
    tools: dict[str, Decimal] = {}
    for r in rates:
        for tool, usd in r.tools.items():
            tools[tool] = max(usd, tools.get(tool, ZERO))
    per_request = max((r.per_request for r in rates), default=ZERO)
    return Rates(**found, per_request=per_request, tools=tools, by_units=all(r.by_units for r in rates))


def highest(known: Iterable[Decimal | None]) -> Decimal | None:
    return max((rate for rate in known if rate is not None), default=None)


def exact_usd(rates: Rates, usage: Usage) -> Decimal | None:
    """What `usage` costs, exactly; None where a count or a rate it needs is unknown or ambiguous."""
    parts = _no_tokens(rates, usage) if rates.by_units else _parts(rates, usage)
    if parts is None:
        return None
    total = ZERO
    for count, rate in parts:
        if count:
            if rate is None:
                return None
            total += rate * count
    total = total.scaleb(-6) + rates.per_request
    for tool, uses in usage.tool_units.items():
        if uses:
            if uses < 0 or (each := rates.tools.get(tool)) is None:
                return None
            total += each * uses
    return total


def _no_tokens(r: Rates, u: Usage) -> list[tuple[int, Decimal | None]] | None:
    """Tokens cost nothing where units do; but an answer that tells no unit at all has no known cost."""
    told = u.source is not UsageSource.NONE and any(u.tool_units.get(unit) for unit in r.tools)
    return [] if told else None


def _parts(r: Rates, u: Usage) -> list[tuple[int, Decimal | None]] | None:
    """Disjoint token counts with their rates. Contradicting counts (more cached than input) are each
    charged in full; negative ones make the whole unknown."""
    if u.source is UsageSource.NONE or u.input_tokens is None or u.output_tokens is None:
        return None
    read, write, hour = u.cache_read_tokens or 0, u.cache_write_tokens or 0, u.cache_write_1h_tokens or 0
    audio_in, audio_out = u.audio_input_tokens or 0, u.audio_output_tokens or 0
    thought = u.reasoning_tokens or 0 if r.reasoning not in (None, r.output) else 0
    known = (u.input_tokens, u.output_tokens, read, write, hour, audio_in, audio_out, thought)
    if min(*known, u.audio_cache_read_tokens or 0) < 0:
        return None
    images = _images(r, u)
    if images is None:
        return None
    image_in, image_out = images
    heard = min(u.audio_cache_read_tokens or 0, audio_in, read)  # audio that came from the cache
    special = (audio_in and r.audio_input != r.input) or image_in
    split = u.audio_cache_read_tokens is not None and not image_in and not (write or hour)
    if special and (read or write or hour) and not split:
        return None  # most providers report cached tokens without their modality: the split cannot be known
    write = max(write, hour)
    return [
        (max(u.input_tokens - read - write - audio_in - image_in + heard, 0), r.input),
        (read - heard, r.cache_read),
        (heard, r.audio_cache_read),
        (write - hour, r.cache_write),
        (hour, r.cache_write_1h),
        (audio_in - heard, r.audio_input),
        (image_in, r.image_input),
        (max(u.output_tokens - audio_out - image_out - thought, 0), r.output),
        (thought, r.reasoning),
        (audio_out, r.audio_output),
        (image_out, r.image_output),
    ]


def _images(r: Rates, u: Usage) -> tuple[int, int] | None:
    """Image tokens that have a price of their own, as (input, output); None where that cannot be told.

    A Usage does not say which side its image tokens are on, so a model that prices both apart is
    ambiguous, and so is one that draws and did not say how much of its output was drawn.
    """
    apart_in = r.image_input not in (None, r.input)
    apart_out = r.image_output not in (None, r.output)
    if not apart_in and not apart_out:
        return 0, 0
    if u.image_input_tokens is not None:  # both sides are told
        drawn = u.image_tokens if apart_out else 0
        return None if drawn is None else (u.image_input_tokens if apart_in else 0, drawn)
    if u.image_tokens is None:
        return None if apart_out and u.output_tokens else (0, 0)
    if u.image_tokens < 0 or (apart_in and apart_out and u.image_tokens):
        return None
    return (0, u.image_tokens) if apart_out else (u.image_tokens, 0)
