"""How words and figures look on the page: hostile text made harmless, money, tokens, shares and times."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from markupsafe import Markup

from sluiceway.report.model import Period
from sluiceway.types import to_usd

SHORT_CHARS = 60
LONG_CHARS = 300
NARROW_SPACE = "\u202f"
DASH = "\u2013"

# Control, format (bidi overrides, zero width), surrogate, private, unassigned, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MARKS_IN_A_ROW = 3  # more than any script needs; a longer pile climbs over the lines above


def visible(value: str, limit: int = LONG_CHARS) -> str:
    """Text as it can be shown: what cannot be seen becomes an escape, what is too long an ellipsis.

    Not HTML-escaped: the template does that. At most `limit` characters come back.
    """
    shown = ""
    marks = 0
    for position, char in enumerate(value[: limit + 1], start=1):
        category = unicodedata.category(char)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        hidden = category in _UNSEEN or marks > _MARKS_IN_A_ROW
        piece = _escaped(char) if hidden else char
        room = limit - len(shown) - (1 if position < len(value) else 0)
        if len(piece) > room:
            return shown + "…"
        shown += piece
    return shown


def _escaped(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def name(value: str | None, missing: str = "not named") -> Markup:
    """A name somebody chose, isolated so that its direction cannot reorder the words around it."""
    if not value:
        return Markup('<i class="none">{}</i>').format(missing)
    short, full = visible(value, SHORT_CHARS), visible(value, LONG_CHARS)
    if short == full:
        return Markup("<bdi>{}</bdi>").format(short)
    return Markup('<bdi title="{}">{}</bdi>').format(full, short)


def usd(nusd: int | None) -> str:
    """Nano-dollars as money: $1,234.56; below a dollar with two leading figures: $0.0042."""
    if nusd is None:
        return "unknown"
    value = abs(to_usd(nusd))
    sign = "\u2212" if nusd < 0 else ""
    if value == 0 or value >= 1:
        return f"{sign}${value:,.2f}"
    places = min(9, max(2, 1 - value.adjusted()))
    return f"{sign}${value:.{places}f}"


def usd_tick(nusd: int) -> str:
    """For an axis: whole dollars without cents."""
    return usd(nusd).removesuffix(".00")


def usd_exact(nusd: int | None) -> str:
    """Every digit the ledger holds, without trailing zeros beyond the cent."""
    if nusd is None:
        return "unknown"
    whole, _, fraction = f"{to_usd(nusd):,f}".partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')} USD"


def count(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def short_count(value: int | None) -> str:
    """1.2 M for 1,234,567; exact below ten thousand."""
    if value is None:
        return "unknown"
    if abs(value) < 10_000:
        return f"{value:,}"
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if abs(value) >= size * Decimal("0.9995"):
            figure = Decimal(value) / size
            places = 2 if figure < Decimal("9.995") else 1 if figure < Decimal("99.95") else 0
            return f"{figure:.{places}f}{NARROW_SPACE}{unit}"
    return f"{value:,}"


def short_bytes(value: int) -> str:
    for size, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if value >= size:
            return f"{Decimal(value) / size:.1f}{NARROW_SPACE}{unit}"
    return f"{value}{NARROW_SPACE}B"


def ratio(part: int | None, whole: int | None) -> float | None:
    """part / whole, None where it has no meaning."""
    if part is None or not whole:
        return None
    return part / whole


def percent(value: float | None) -> str:
    if value is None:
        return DASH
    if 0 < value < 0.001:
        return f"<{NARROW_SPACE}0.1{NARROW_SPACE}%"
    places = 1 if abs(value) < 0.1 and value else 0
    # 99.96 % must not read as all of it.
    shown = min(value, 0.99) if places == 0 and value < 1 else value
    return f"{shown * 100:.{places}f}{NARROW_SPACE}%"


def milliseconds(value: float | None) -> str:
    if value is None:
        return DASH
    if value >= 10_000:
        return f"{value / 1000:,.1f}{NARROW_SPACE}s"
    return f"{value:,.0f}{NARROW_SPACE}ms" if value >= 10 else f"{value:.1f}{NARROW_SPACE}ms"


def change(now: int | None, before: int | None) -> str:
    """In words, against the previous period: 'up 12 %', 'none before'."""
    if now is None or before is None:
        return "not comparable"
    if now == before:
        return "unchanged"
    if before <= 0:
        return "none before"
    share = (now - before) / before
    if share > 9:
        return f"up {now / before:,.0f}\u00d7"
    return f"{'up' if share > 0 else 'down'} {percent(abs(share))}"


def moment(at: datetime) -> str:
    return f"{_day(at.astimezone(UTC))}, {at.astimezone(UTC):%H:%M} UTC"


def day_and_month(at: datetime) -> str:
    return f"{at.day} {_MONTHS[at.month - 1]}"


def _day(at: datetime) -> str:
    return f"{day_and_month(at)} {at.year}"


def period(value: Period) -> str:
    """'1 Nov 2026 to 30 Nov 2026 (UTC)': whole days are named inclusively."""
    start, end = value.from_at.astimezone(UTC), value.to_at.astimezone(UTC)
    if start.time() == end.time() == datetime.min.time():
        last = end - timedelta(days=1)
        return f"{_day(start)} (UTC)" if start == last else f"{_day(start)} to {_day(last)} (UTC)"
    return f"{moment(start)} to {moment(end)}"


def plural(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


FILTERS = {
    "name": name,
    "usd": usd,
    "usd_exact": usd_exact,
    "count": count,
    "short_count": short_count,
    "short_bytes": short_bytes,
    "percent": percent,
    "ms": milliseconds,
    "moment": moment,
    "period": period,
    "plural": plural,
    "visible": visible,
}
