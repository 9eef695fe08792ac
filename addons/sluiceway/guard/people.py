"""Names of people in prose, without a model: a known name, a title, or words that introduce one.

For the audit profile only: it misses names that nothing introduces, and takes some other words for names.
"""

# ruff: noqa: SIM905 - words in a row are easier to read and to extend than one quoted word a line

from __future__ import annotations

from collections.abc import Iterator

from sluiceway.guard.names import AMBIGUOUS, COMMON, FAMILY, GIVEN
from sluiceway.guard.patterns import compiled_text
from sluiceway.types import Finding

# Capitalised words in a row, particles and initials among them, of any script.
WORD = r"\p{Lu}[\p{L}\p{M}'\x{2019}-]*"
PARTICLE = r"(?:van|von|der|den|de|del|della|di|da|dos|das|du|la|le|ten|ter|zu|bin|ibn|al|el|y|af|av)"
ROW = compiled_text(rf"{WORD}\.?(?:[ \x{{a0}}](?:{PARTICLE} ){{0,2}}{WORD}\.?){{0,4}}")
TITLES = frozenset(
    "Mr Mrs Ms Miss Mx Dr Prof Professor Sir Dame Lord Lady Rev Fr Sr Sra Srta Herr Frau Hr Mme Mlle"
    " Monsieur Madame Señor Señora Signor Signora Dott Ing Mevrouw Meneer Pan Pani Captain Capt Lt Sgt Col"
    " Gen Judge Senator".split()
)
# Words in a row that end or cannot begin a name, though they are capitalised.
NOT_NAMES = frozenset(
    """
    A About After All Also Although An And Any Are As Ask At Be Because Before Best But By Call Can
    Cc Cheers City Co Company Contact Could Customer Dear Department Did Do Does Email Error Every
    Example File First For Forward Friday From Get Give Go Good Great Group Have He Hello Here Hey
    Hi His Her Hotel How However I If In Inc Is It Its January February March April May June July
    August September October November December Just Kind Last Let Limited Llc Ltd Mail Manager Me
    Meeting Monday My Name New Next No Not Now Of On Once One Or Our Patient Per Phone Please
    Project Re Regards Reply Send She Should Since So Some Sorry South North East West Sunday
    Saturday Street Tell Thank Thanks That The Their Then There These They This Thursday To Today
    Tomorrow Tuesday University User Was We Wednesday Were What When Where Which While Who Why Will
    With Would Yes Yesterday You Your Road Avenue Lane Drive Court Square Place Park School College
    Hospital Bank Airport Station Church Museum Gmbh Ag Python Java Windows Linux Google Microsoft
    Amazon Apple Der Die Das Ein Eine Und Ich Wir Sie Er Es Im In Am None True False Null Self Any
    Optional Annotated String Number Int Error Exception Type Warning Sir Madam All Team Everyone
    Everybody Folks There Both Guys Colleagues Friends Friend Mum Mom Dad God Bitte Hallo Liebe
    Lieber Sehr Mit Von Le La Les Un Une Je Nous Il Elle Bonjour El Los Las Hola Y
    """.split()
)
INTRODUCTION = compiled_text(
    r"(?i)(?:\b(?:my name is|name is|i am|i'm|this is|named|called|dear|hi|hello|hey|signed|regards"
    r"|sincerely|cheers|yours|mein name ist|ich hei\x{df}e|ich bin|je m'appelle|je suis|me llamo"
    r"|mi nombre es|mi chiamo|ik ben|hallo|liebe[r]?|bonjour|hola|ciao)[,:]?|(?:full.?name|first.?name"
    r"|last.?name|sur.?name|contact|patient|employee|author|attn|name|customer|applicant|tenant|recipient"
    r"|cardholder|nombre|nom)\s?[\"']?\s?[:=])[\s\"']{1,4}$"
)
STRONG_INTRODUCTION = compiled_text(
    r"(?i)(?:\b(?:my|his|her|their|whose) name is|heisse|hei\x{df}e|appelle|llamo|nombre es|chiamo"
    r"|\bdear),? $"
)
# A row of two or three words that are no others' is a name after, or before, what people do.
BEFORE_SOMEBODY = compiled_text(
    r"(?i)\b(?:met|with|add|invite|ask|tell|told|e?-?mail(?:ed)?|see|saw|patient|colleague|boss|manager"
    r"|friend|wife|husband|son|daughter|brother|sister|mother|father|client|customer|tenant|from|to|cc|by"
    r"|for|of|behalf of|and|between|contact(?:ed)?|call(?:ed)?|hired?|thanks?|mit|bei|f\x{fc}r|und|von"
    r"|avec|pour|par|et|con|para|por|met|voor|en)[,:]? $"
)
AFTER_SOMEBODY = compiled_text(
    r"^(?:,? (?:who|whose)|,? (?:\d\d|born)|'s| (?:is|was|has|had|lives?|lived|called|said|says|wrote"
    r"|writes|works?|worked|asked|joined|told|sent|emailed|signed|paid|wants?|needs?|left|will|would"
    r"|and (?:I|his|her|my)|from|wohnt|hat|habite|vive)\b)"
)
FAMILY_ENDINGS = tuple(
    "sson sen ová ski ska cki cka wicz czyk czak escu enko chuk ez oglu oğlu nen opoulos idis akis yan"
    " shvili ström qvist gren lund dottir mann berg stein elli etti ini ucci eau szó váry vić ić ov ev ova"
    " eva inõ ington worth bauer hoff meyer wski ita moto mura yama dinov".split()
)
CAPITAL_AFTER = ("Mc", "Mac", "De", "Di", "La", "Le", "Van", "Fitz")
LOOK_BACK, LOOK_AHEAD = 32, 16
MAX_WORDS, MAX_LETTERS = 4, 24


def people(text: str) -> Iterator[Finding]:
    """Spans of names, without their titles. A name alone counts if it is no other word too."""
    for match in ROW.finditer(text):
        start, end = match.span()
        yield from _in_row(text, start, end)


def _in_row(text: str, start: int, end: int) -> Iterator[Finding]:
    words = _words(text, start, end)
    index = 0
    while index < len(words):
        taken = _name_at(text, words, index)
        if taken == 0:
            index += 1
            continue
        yield Finding("PERSON", "name", words[index][0], words[index + taken - 1][1], 0.6)
        index += taken


type Word = tuple[int, int, str]


def _words(text: str, start: int, end: int) -> list[Word]:
    """The words of a row: where each stands, and the word without a possessive or what ends it."""
    words = []
    place = start
    for piece in text[start:end].replace("\xa0", " ").split(" "):
        bare = piece.rstrip(".'’-")
        for possessive in ("'s", "’s"):
            bare = bare.removesuffix(possessive)
        words.append((place, place + len(bare), bare))
        place += len(piece) + 1
    return words


def _name_at(text: str, words: list[Word], index: int) -> int:
    """How many words from `index` on are one name; 0 if none is."""
    start, _, word = words[index]
    if word in TITLES or word in NOT_NAMES or not _could_be_name(word):
        return 0
    length = _length(words, index)
    if index > 0 and words[index - 1][2] in TITLES:
        return length
    known = word in GIVEN or word.split("-")[0] in GIVEN
    if known and (length > 1 or word not in AMBIGUOUS):
        return length
    before = text[max(0, start - LOOK_BACK) : start]
    if INTRODUCTION.search(before) and (known or length > 1 or STRONG_INTRODUCTION.search(before)):
        return length
    if length > 1 and _is_somebody(text, words[index : index + length], before):
        return length
    return 0


def _is_somebody(text: str, words: list[Word], before: str) -> bool:
    """Whether two words or more, none of them known as a given name, are a name all the same."""
    if any(word in COMMON for _, _, word in words):
        return False
    last, end = words[-1][2], words[-1][1]
    if last in FAMILY or (len(last) > 4 and last.endswith(FAMILY_ENDINGS)):
        return True
    if any(gap_word.islower() for _, _, gap_word in words):
        return True  # a particle, as in "Jolijn van Veen"
    after = text[end : end + LOOK_AHEAD]
    return len(words) <= 3 and (
        BEFORE_SOMEBODY.search(before) is not None or AFTER_SOMEBODY.search(after) is not None
    )


def _length(words: list[Word], index: int) -> int:
    """The words from `index` on that a name could go on with; it ends with a capitalised one."""
    last = index
    for place in range(index + 1, min(len(words), index + MAX_WORDS)):
        word, gap = words[place][2], words[place][0] - words[place - 1][1]
        initial = len(words[place - 1][2]) == 1
        if word in NOT_NAMES or word in TITLES or (gap > 1 and not initial):
            break
        if word[:1].isupper():
            if not _could_be_name(word):
                break
            last = place
    return last - index + 1


def _could_be_name(word: str) -> bool:
    """Not an acronym, not CamelCase; `McDonald`, `O'Neil`, `Jean-Luc` and the initial `J` are names."""
    if len(word) == 1:
        return True
    if len(word) > MAX_LETTERS or word.isupper():
        return False
    return all(_is_capitalised(part) for part in word.replace("’", "-").replace("'", "-").split("-"))


def _is_capitalised(part: str) -> bool:
    capitals = sum(map(str.isupper, part[1:]))
    return capitals == 0 or (capitals == 1 and part.startswith(CAPITAL_AFTER))
