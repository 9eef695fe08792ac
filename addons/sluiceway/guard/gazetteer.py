"""Names of countries and large cities, as RE2 expressions over Latin-1."""

# ruff: noqa: SIM905 - words in a row are easier to read and to extend than one quoted word a line

from __future__ import annotations

CITIES = (
    *(
        "Amsterdam Athens Atlanta Auckland Austin Baltimore Bangalore Bangkok Barcelona Beijing Berlin"
        " Birmingham Bogotá Bologna Bordeaux Boston Bremen Brisbane Bristol Brussels Bucharest Budapest"
        " Cairo Calgary Chennai Chicago Cincinnati Cleveland Cologne Copenhagen Dallas Denver Detroit"
        " Dresden Dublin Düsseldorf Edinburgh Florence Frankfurt Geneva Genoa Glasgow Gothenburg Hamburg"
        " Hannover Helsinki Houston Istanbul Jakarta Johannesburg Karachi Köln Kyiv Kyoto Lagos Leeds"
        " Leipzig Lima Lisbon Liverpool London Lyon Madrid Manchester Manila Marseille Melbourne Miami Milan"
        " Minneapolis Montreal Moscow Mumbai Munich München Nairobi Naples Nashville Nürnberg Oakland Osaka"
        " Oslo Ottawa Paris Perth Philadelphia Phoenix Pittsburgh Prague Rome Rotterdam Salzburg Seattle"
        " Seoul Seville Shanghai Shenzhen Singapore Sofia Stockholm Stuttgart Sydney Tallinn Tampa Tehran"
        " Tokyo Toronto Toulouse Turin Valencia Vancouver Venice Vienna Vilnius Warsaw Wien"
        " Zürich Zurich".split()
    ),
    r"New York(?: City)?",
    r"Los Angeles",
    r"San (?:Francisco|Diego|Jose|Antonio)",
    r"Las Vegas",
    r"Hong Kong",
    r"São Paulo",
    r"Rio de Janeiro",
    r"Mexico City",
    r"Buenos Aires",
    r"Tel Aviv",
    r"Abu Dhabi",
    r"New Delhi",
    r"Kuala Lumpur",
    r"Cape Town",
    r"Salt Lake City",
    r"Washington(?:,? D\.?C\.?)",
    r"St\. Petersburg",
)
COUNTRIES = (
    *(
        "Afghanistan Albania Algeria Angola Argentina Armenia Australia Austria Azerbaijan Bahrain"
        " Bangladesh Belarus Belgium Bolivia Botswana Brazil Bulgaria Cambodia Cameroon Canada Chile China"
        " Colombia Croatia Cuba Cyprus Denmark Ecuador Egypt Estonia Ethiopia Finland France Germany"
        " Deutschland Ghana Greece Guatemala Haiti Honduras Hungary Iceland India Indonesia Iran Iraq"
        " Ireland Israel Italy Jamaica Japan Kazakhstan Kenya Kuwait Latvia Lebanon Libya Lithuania"
        " Luxembourg Madagascar Malaysia Malta Mexico Moldova Mongolia Morocco Mozambique Myanmar Namibia"
        " Nepal Netherlands Nicaragua Nigeria Norway Oman Pakistan Panama Paraguay Peru Philippines Poland"
        " Portugal Qatar Romania Russia Rwanda Scotland Senegal Serbia Slovakia Slovenia Somalia Spain Sudan"
        " Sweden Switzerland Syria Taiwan Tanzania Thailand Tunisia Turkey Uganda Ukraine Uruguay Uzbekistan"
        " Venezuela Vietnam Wales Yemen Zambia Zimbabwe".split()
    ),
    r"New Zealand",
    r"South Africa",
    r"South Korea",
    r"Saudi Arabia",
    r"Sri Lanka",
    r"Costa Rica",
    r"El Salvador",
    r"United Kingdom",
    r"United States(?: of America)?",
    r"United Arab Emirates",
    r"Czech Republic",
)
