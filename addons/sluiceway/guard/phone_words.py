"""Words beside a number that make it a telephone's, in the languages of Western Europe."""

from __future__ import annotations

from sluiceway.guard.context import lettered
from sluiceway.guard.patterns import compiled

WINDOW_BYTES, AFTER_BYTES = 48, 12
# Beside one of these, digits without any grouping are a telephone number too.
STRONG_WORDS = (
    r"(?:phone|\btel\b|tel[.:]|\bph[.:]|mobil|\bcell|\bfax|handy|whatsapp|\bsms\b|hotline|rufnummer|telef"
    r"|t\xe9l|celular|m\xf3vil|\bgsm\b|landline|voicemail|komm?\xf3rk|puhelin|viber"
    r"|festnetz)[^\n0-9]{0,28}|\b(?:my|our|your|his|her|their|meine|unsere|mijn|mon|mi"
    r"|il mio) (?:new )?(?:number|nummer|num[e\xe9]ro)[a-z ]{0,8}:? "
)
PROSE_WORDS = (
    r"\b(?:call|ring|dial|text|reach|phone|contact|ping|appel|llam|ligue|chiam|bel|ruf|anruf"
    r"|erreich)[a-z]{0,7}(?: [a-z\x80-\xff']{1,12}){0,4}[: ]{1,2}"
)
AFTER_WORDS = r"[ ,]{0,2}\(?(?:office|fax|mobile|cell|phone|home|work|tel\b)"
STRONG = compiled(rf"(?i)(?:{STRONG_WORDS})$")
AFTER = compiled(rf"(?i)^{AFTER_WORDS}")
# The last of these words before a number says what it is: a number to call, or some other one.
WHICH = compiled(
    r"(?is).*(?:(\bcall|\btext\b|reach|contact|\bring\b|\bdial|\bappel|llam[ae]|ligue|chiam|\bbel\b|anruf"
    r"|erreich|joind|\b(?:the|this|new|home|work|office|contact|direct|emergency) number)|order|account"
    r"|acct|case|ticket|invoice|tracking|serial|part|model|card|customer|reference|\bref\b|routing"
    r"|passport|licen|policy|member|flight|batch|version|build|error|issue|zip|isbn|line|port|page|commit"
    r"|tax|steuer|social|ssn|iban|konto|bestell|rechnung|kunden|artikel|\bid\b|\bpin\b|code|amount|total"
    r"|size|count)"
)


def is_telephone(data: bytes, start: int, end: int) -> bool:
    """Whether the words around a grouped number make it a telephone's."""
    if AFTER.search(data[end : end + AFTER_BYTES]):
        return True
    before = data[max(0, start - WINDOW_BYTES) : start]
    return lettered(before) and (STRONG.search(before) is not None or is_to_call(data, start))


def is_to_call(data: bytes, start: int) -> bool:
    """Whether the last telling word before the number is about calling, and not "order" or "invoice"."""
    which = WHICH.search(data[max(0, start - WINDOW_BYTES) : start])
    return which is not None and which.span(1)[0] >= 0
