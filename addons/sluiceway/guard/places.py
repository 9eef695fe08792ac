"""Postal addresses, and names of countries and large cities: the audit profile's LOCATION without a model."""

from __future__ import annotations

from sluiceway.guard.patterns import Profile, Rule

AUDIT: tuple[Profile, ...] = ("audit",)
UPPER, LOWER = r"[A-Z\xc0-\xde]", r"[a-z\xdf-\xff'-]"
NAME = rf"{UPPER}{LOWER}{{1,24}}"
STREET_EN = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Square|Sq|Place|Pl|Terrace|Ter|Way"
    r"|Parkway|Pkwy|Circle|Cir|Highway|Hwy|Crescent|Cres|Close|Grove|Gardens|Trail|Row|Mews|Walk|Hill|Plaza|Loop|Alley"
    r"|Path|Pike|Run|Ridge|View|Heights|Park|Mill|Ford|Creek|Crossing|Station|Turnpike|Cove|Bend|Valley|Meadow|Green)"
)
UNIT = r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Room|No|#)\.? ?[A-Z0-9-]{1,6})?"
TOWN_AFTER = rf"(?:,?\s{{1,2}}(?:[A-Z]{{1,2}}-)?\d{{4,5}},? {NAME}(?:[ -]{NAME}){{0,2}})?"
# Letters outside Latin-1 stand as `?` in the bytes that are searched.
ANY_NAME = r"[A-Z\xc0-\xde?][A-Za-z\xdf-\xff'?.]{1,24}"
POSTCODE = r"(?:[A-Z]{1,2}-)?\d{4,5}|\d{2}-\d{3}|\d{3} \d{2}|\d{4} ?[A-Z]{2}"
CITIES = (
    "Amsterdam Athens Atlanta Auckland Austin Baltimore Bangalore Bangkok Barcelona Beijing Berlin Birmingham Bogotá"
    " Bologna Bordeaux Boston Bremen Brisbane Bristol Brussels Bucharest Budapest Cairo Calgary Chennai Chicago Cincinnati"
    " Cleveland Cologne Copenhagen Dallas Denver Detroit Dresden Dublin Düsseldorf Edinburgh Florence Frankfurt Geneva"
    " Genoa Glasgow Gothenburg Hamburg Hannover Helsinki Houston Istanbul Jakarta Johannesburg Karachi Köln Kyiv Kyoto"
    " Lagos Leeds Leipzig Lima Lisbon Liverpool London Lyon Madrid Manchester Manila Marseille Melbourne Miami Milan"
    " Minneapolis Montreal Moscow Mumbai Munich München Nairobi Naples Nashville Nürnberg Oakland Osaka Oslo Ottawa"
    " Paris Perth Philadelphia Phoenix Pittsburgh Prague Rome Rotterdam Salzburg Seattle Seoul Seville Shanghai Shenzhen"
    " Singapore Sofia Stockholm Stuttgart Sydney Tallinn Tampa Tehran Tokyo Toronto Toulouse Turin Valencia Vancouver Venice"
    " Vienna Vilnius Warsaw Wien Zürich Zurich"
).split()
PAIRED = ["New York(?: City)?", "Los Angeles", "San (?:Francisco|Diego|Jose|Antonio)", "Las Vegas", "Hong Kong",
          "São Paulo", "Rio de Janeiro", "Mexico City", "Buenos Aires", "Tel Aviv", "Abu Dhabi", "New Delhi",
          "Kuala Lumpur", "Cape Town", "Salt Lake City", "Washington(?:,? D\\.?C\\.?)", "St\\. Petersburg"]  # fmt: skip
COUNTRIES = (
    "Afghanistan Albania Algeria Angola Argentina Armenia Australia Austria Azerbaijan Bahrain Bangladesh Belarus Belgium"
    " Bolivia Botswana Brazil Bulgaria Cambodia Cameroon Canada Chile China Colombia Croatia Cuba Cyprus Denmark Ecuador"
    " Egypt Estonia Ethiopia Finland France Germany Deutschland Ghana Greece Guatemala Haiti Honduras Hungary Iceland India"
    " Indonesia Iran Iraq Ireland Israel Italy Jamaica Japan Kazakhstan Kenya Kuwait Latvia Lebanon Libya Lithuania"
    " Luxembourg Madagascar Malaysia Malta Mexico Moldova Mongolia Morocco Mozambique Myanmar Namibia Nepal Netherlands"
    " Nicaragua Nigeria Norway Oman Pakistan Panama Paraguay Peru Philippines Poland Portugal Qatar Romania Russia Rwanda"
    " Scotland Senegal Serbia Slovakia Slovenia Somalia Spain Sudan Sweden Switzerland Syria Taiwan Tanzania Thailand Tunisia"
    " Turkey Uganda Ukraine Uruguay Uzbekistan Venezuela Vietnam Wales Yemen Zambia Zimbabwe"
).split()
LANDS = ["New Zealand", "South Africa", "South Korea", "Saudi Arabia", "Sri Lanka", "Costa Rica", "El Salvador",
         "United Kingdom", "United States(?: of America)?", "United Arab Emirates", "Czech Republic"]  # fmt: skip


US_END = rf"(?:,?\s{{1,2}}{NAME}(?: {NAME}){{0,2}},? [A-Z]{{2}},? \d{{5}}(?:-\d{{4}})?)"
UK_END = rf"(?:,?\s{{1,2}}{NAME}(?: {NAME}){{0,2}},?\s{{1,2}}[A-Z]{{1,2}}\d[A-Z0-9]? \d[A-Z]{{2}})"


def _rule(name: str, anchor: str, pattern: str, example: str, score: float = 0.6) -> Rule:
    return Rule(name, "LOCATION", anchor, pattern, (example,), score=score, profiles=AUDIT)


PLACES: tuple[Rule, ...] = (
    # Any street at all, where a town and a postal code of the country's form follow.
    _rule(
        "address-north-american",
        r",? [A-Z]{2,3},? (?:\d{4}|[A-Z]\d[A-Z])",
        rf"\b((?:(?:Unit|Apt\.?|Suite|Flat|Level) \d{{1,5}}[ ,]{{1,2}})?\d{{1,6}} (?:{NAME} ){{0,3}}{NAME}\.?{UNIT},?\s{{1,2}}"
        rf"(?:{NAME} ){{0,3}}{NAME},? [A-Z]{{2,3}},? (?:\d{{5}}(?:-\d{{4}})?|\d{{4}}|[A-Z]\d[A-Z] ?\d[A-Z]\d))\b",
        "365 Eastfield Springs, South Amford, WA 65320",
    ),
    _rule(
        "address-british",
        r"[A-Z]{1,2}\d[A-Z0-9]? ?\d[A-Z]{2}",
        rf"\b((?:(?:Flat|Studio|Unit|Apartment) )?\d{{1,4}}[A-Za-z]?[ ,\n]{{1,2}}(?:{NAME}[ ,\n]{{1,2}}){{1,8}}"
        r"[A-Z]{1,2}\d[A-Z0-9]? ?\d[A-Z]{2})\b",
        "Studio 4\nKaur Stream\nNorth Amber\nTW7 8TX",
    ),
    _rule(
        "address-european",
        rf"\d[a-z]?\.?,?\s{{1,2}}(?:{POSTCODE})",
        rf"\b((?:(?:van|von|der|de|den|ul\.|ulica|al\.|pl\.|plac|utca|\xfat|t\xe9r|K|U|Na|nam\.)[ ]){{0,3}}"
        rf"(?:{ANY_NAME}[ -]){{0,4}}{ANY_NAME}\.?(?: (?:utca|\xfat|t\xe9r|Nr\.?|no\.?))?,? \d{{1,5}} ?[a-z]?(?:[/-]\d{{1,4}})?\.?,?\s{{1,2}}"
        rf"(?:{POSTCODE}),?\s{{1,2}}{ANY_NAME}(?:[ -]{ANY_NAME}){{0,2}})",
        "Hubertine-Wohl-Weg 23\n73478 J\xfclich",
    ),
    _rule(
        "street-address",
        r"\d[A-Za-z]? [A-Z\xc0-\xde]",
        rf"\b(\d{{1,6}}[A-Za-z]?(?:-\d{{1,5}})? (?:[NSEW]\.?[EW]?\.? )?(?:{NAME} ){{1,4}}{STREET_EN}\b\.?(?: [NSEW]{{1,2}}\b)?"
        rf"{UNIT}(?:{US_END}|{UK_END}|,\s{{1,2}}(?:{'|'.join(CITIES)}))?)",
        "742 Maple Hill Road, Apt 4, Springfield, OR 97403",
    ),
    _rule(
        "street-then-number",
        r"(?i)(?:stra(?:\xdf|ss)e|str\.|weg|platz|allee|gasse|ring|damm|ufer|laan|straat|gracht|plein|gatan|v\xe4gen|vej|gade|katu)",
        rf"\b({UPPER}[A-Za-z\xc0-\xff-]{{2,30}}(?:stra(?:\xdf|ss)e|str\.|weg|platz|allee|gasse|ring|damm|ufer|laan|straat"
        rf"|gracht|plein|gatan|v\xe4gen|vej|gade|katu) \d{{1,4}}(?: ?[a-z]\b)?{TOWN_AFTER})",
        "Gartenstra\xdfe 12a, 50667 K\xf6ln",
    ),
    _rule(
        "street-two-words",
        r"(?:Stra(?:\xdf|ss)e|Weg|Platz|Allee)",
        rf"\b((?:{NAME} |(?:Am|An der|Im|Zum|Zur|Auf der) {NAME} ?){{1,2}}(?:Stra(?:\xdf|ss)e|Str\.|Weg|Platz|Allee|Ring) \d{{1,4}}(?: ?[a-z]\b)?{TOWN_AFTER})",
        "Berliner Stra\xdfe 7, 10115 Berlin",
    ),
    _rule(
        "street-romance",
        r"(?i)\b(?:rue|avenue|boulevard|place|chemin|impasse|all\xe9e|quai|cours|route|calle|avenida|av\.|plaza|paseo|via|viale|piazza|corso|rua|largo)\b",
        r"(?i)\b((?:\d{1,4}(?: ?(?:bis|ter))?,? )?(?:rue|avenue|boulevard|place|chemin|impasse|all\xe9e|quai|cours|route|calle|avenida|paseo|plaza|via|viale|piazza|corso|rua|largo)"
        rf"(?: (?:de|du|des|la|le|les|del|della|dei|di|los|las|da|do|l'|d'))*(?-i: ?{UPPER}[a-z\xdf-\xff'-]{{2,24}}){{1,3}}"
        rf",? (?:n\.?[o\xba\xb0]? ?)?\d{{1,5}}(?-i:{TOWN_AFTER}))",
        "Calle de Alcal\xe1 45, 28014 Madrid",
    ),
    _rule(
        "street-french",
        r"(?i)\d,? (?:bis |ter )?(?:rue|avenue|boulevard|place|chemin|impasse|all\xe9e|quai|cours|route)\b",
        r"(?i)\b(\d{1,4}(?: ?(?:bis|ter))?,? (?:rue|avenue|boulevard|place|chemin|impasse|all\xe9e|quai|cours|route)"
        rf"(?: (?:de|du|des|la|le|les|l'|d'|saint))*(?-i: ?{UPPER}[a-z\xdf-\xff'-]{{2,24}}){{1,3}}(?-i:{TOWN_AFTER}))",
        "12 rue de la Paix, 75002 Paris",
    ),
    _rule("po-box", r"(?i)box|postfach", r"(?i)\b((?:P\.? ?O\.? ?Box|Postfach) \d{1,6})\b", "P.O. Box 1287"),
    _rule("city", "|".join(CITIES + PAIRED), rf"\b({'|'.join(CITIES + PAIRED)})\b", "Hamburg", 0.5),
    _rule("country", "|".join(COUNTRIES + LANDS), rf"\b({'|'.join(COUNTRIES + LANDS)})\b", "Norway", 0.5),
)  # fmt: skip
