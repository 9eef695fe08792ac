"""Postal addresses, and names of countries and large cities: the audit profile's LOCATION without a model."""

from __future__ import annotations

from sluiceway.guard.gazetteer import CITIES, COUNTRIES
from sluiceway.guard.patterns import Profile, Rule

AUDIT: tuple[Profile, ...] = ("audit",)
UPPER, LOWER = r"[A-Z\xc0-\xde]", r"[a-z\xdf-\xff'-]"
NAME = rf"{UPPER}{LOWER}{{1,24}}"
STREET_EN = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Square|Sq|Place|Pl|Terrace"
    r"|Ter|Way|Parkway|Pkwy|Circle|Cir|Highway|Hwy|Crescent|Cres|Close|Grove|Gardens|Trail|Row|Mews|Walk"
    r"|Hill|Plaza|Loop|Alley|Path|Pike|Run|Ridge|View|Heights|Park|Mill|Ford|Creek|Crossing|Station"
    r"|Turnpike|Cove|Bend|Valley|Meadow|Green)"
)
UNIT = r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Room|No|#)\.? ?[A-Z0-9-]{1,6})?"
TOWN_AFTER = rf"(?:,?\s{{1,2}}(?:[A-Z]{{1,2}}-)?\d{{4,5}},? {NAME}(?:[ -]{NAME}){{0,2}})?"
# Letters outside Latin-1 stand as `?` in the bytes that are searched.
ANY_NAME = r"[A-Z\xc0-\xde?][A-Za-z\xdf-\xff'?.]{1,24}"
POSTCODE = r"(?:[A-Z]{1,2}-)?\d{4,5}|\d{2}-\d{3}|\d{3} \d{2}|\d{4} ?[A-Z]{2}"
US_END = rf"(?:,?\s{{1,2}}{NAME}(?: {NAME}){{0,2}},? [A-Z]{{2}},? \d{{5}}(?:-\d{{4}})?)"
UK_END = rf"(?:,?\s{{1,2}}{NAME}(?: {NAME}){{0,2}},?\s{{1,2}}[A-Z]{{1,2}}\d[A-Z0-9]? \d[A-Z]{{2}})"


def _rule(name: str, anchor: str, pattern: str, example: str, score: float = 0.6) -> Rule:
    return Rule(name, "LOCATION", anchor, pattern, (example,), score=score, profiles=AUDIT)


PLACES: tuple[Rule, ...] = (
    # Any street at all, where a town and a postal code of the country's form follow.
    _rule(
        "address-north-american",
        r",? [A-Z]{2,3},? (?:\d{4}|[A-Z]\d[A-Z])",
        rf"\b((?:(?:Unit|Apt\.?|Suite|Flat|Level) \d{{1,5}}[ ,]{{1,2}})?\d{{1,6}} (?:{NAME}"
        rf" ){{0,3}}{NAME}\.?{UNIT},?\s{{1,2}}(?:{NAME} ){{0,3}}{NAME},? [A-Z]{{2,3}},?"
        rf" (?:\d{{5}}(?:-\d{{4}})?|\d{{4}}|[A-Z]\d[A-Z] ?\d[A-Z]\d))\b",
        "365 Eastfield Springs, South Amford, WA 65320",
    ),
    _rule(
        "address-british",
        r"[A-Z]{1,2}\d[A-Z0-9]? ?\d[A-Z]{2}",
        rf"\b((?:(?:Flat|Studio|Unit|Apartment) )?\d{{1,4}}[A-Za-z]?[ ,\n]{{1,2}}(?:{NAME}["
        rf" ,\n]{{1,2}}){{1,8}}"
        r"[A-Z]{1,2}\d[A-Z0-9]? ?\d[A-Z]{2})\b",
        "Studio 4\nKaur Stream\nNorth Amber\nTW7 8TX",
    ),
    _rule(
        "address-european",
        rf"\d[a-z]?\.?,?\s{{1,2}}(?:{POSTCODE})",
        rf"\b((?:(?:van|von|der|de|den|ul\.|ulica|al\.|pl\.|plac|utca|\xfat|t\xe9r|K|U|Na"
        rf"|nam\.)[ ]){{0,3}}(?:{ANY_NAME}[ -]){{0,4}}{ANY_NAME}\.?(?: (?:utca|\xfat|t\xe9r|Nr\.?"
        rf"|no\.?))?,? \d{{1,5}} ?[a-z]?(?:[/-]\d{{1,4}})?\.?,?\s{{1,2}}"
        rf"(?:{POSTCODE}),?\s{{1,2}}{ANY_NAME}(?:[ -]{ANY_NAME}){{0,2}})",
        "Hubertine-Wohl-Weg 23\n73478 J\xfclich",
    ),
    _rule(
        "street-address",
        r"\d[A-Za-z]? [A-Z\xc0-\xde]",
        rf"\b(\d{{1,6}}[A-Za-z]?(?:-\d{{1,5}})? (?:[NSEW]\.?[EW]?\.? )?(?:{NAME}"
        rf" ){{1,4}}{STREET_EN}\b\.?(?: [NSEW]{{1,2}}\b)?{UNIT}(?:{US_END}|{UK_END}"
        rf"|,\s{{1,2}}(?:{'|'.join(CITIES)}))?)",
        "742 Maple Hill Road, Apt 4, Springfield, OR 97403",
    ),
    _rule(
        "street-then-number",
        r"(?i)(?:stra(?:\xdf|ss)e|str\.|weg|platz|allee|gasse|ring|damm|ufer|laan|straat|gracht|plein"
        r"|gatan|v\xe4gen|vej|gade|katu)",
        rf"\b({UPPER}[A-Za-z\xc0-\xff-]{{2,30}}(?:stra(?:\xdf|ss)e|str\.|weg|platz|allee|gasse|ring|damm"
        rf"|ufer|laan|straat|gracht|plein|gatan|v\xe4gen|vej|gade|katu) \d{{1,4}}(?:"
        rf" ?[a-z]\b)?{TOWN_AFTER})",
        "Gartenstra\xdfe 12a, 50667 K\xf6ln",
    ),
    _rule(
        "street-two-words",
        r"(?:Stra(?:\xdf|ss)e|Weg|Platz|Allee)",
        rf"\b((?:{NAME} |(?:Am|An der|Im|Zum|Zur|Auf der) {NAME} ?){{1,2}}(?:Stra(?:\xdf|ss)e|Str\.|Weg"
        rf"|Platz|Allee|Ring) \d{{1,4}}(?: ?[a-z]\b)?{TOWN_AFTER})",
        "Berliner Stra\xdfe 7, 10115 Berlin",
    ),
    _rule(
        "street-romance",
        r"(?i)\b(?:rue|avenue|boulevard|place|chemin|impasse|all\xe9e|quai|cours|route|calle|avenida|av\."
        r"|plaza|paseo|via|viale|piazza|corso|rua|largo)\b",
        r"(?i)\b((?:\d{1,4}(?: ?(?:bis|ter))?,? )?(?:rue|avenue|boulevard|place|chemin|impasse|all\xe9e"
        r"|quai|cours|route|calle|avenida|paseo|plaza|via|viale|piazza|corso|rua|largo)"
        rf"(?: (?:de|du|des|la|le|les|del|della|dei|di|los|las|da|do|l'|d'))*(?-i:"
        rf" ?{UPPER}[a-z\xdf-\xff'-]{{2,24}}){{1,3}},? (?:n\.?[o\xba\xb0]? ?)?\d{{1,5}}(?-i:{TOWN_AFTER}))",
        "Calle de Alcal\xe1 45, 28014 Madrid",
    ),
    _rule(
        "street-french",
        r"(?i)\d,? (?:bis |ter )?(?:rue|avenue|boulevard|place|chemin|impasse|all\xe9e|quai|cours|route)\b",
        r"(?i)\b(\d{1,4}(?: ?(?:bis|ter))?,? (?:rue|avenue|boulevard|place|chemin|impasse|all\xe9e|quai"
        r"|cours|route)"
        rf"(?: (?:de|du|des|la|le|les|l'|d'|saint))*(?-i:"
        rf" ?{UPPER}[a-z\xdf-\xff'-]{{2,24}}){{1,3}}(?-i:{TOWN_AFTER}))",
        "12 rue de la Paix, 75002 Paris",
    ),
    _rule("po-box", r"(?i)box|postfach", r"(?i)\b((?:P\.? ?O\.? ?Box|Postfach) \d{1,6})\b", "P.O. Box 1287"),
    _rule("city", "|".join(CITIES), rf"\b({'|'.join(CITIES)})\b", "Hamburg", 0.5),
    _rule("country", "|".join(COUNTRIES), rf"\b({'|'.join(COUNTRIES)})\b", "Norway", 0.5),
)  # fmt: skip
