"""The guard as Presidio knows it: our detectors as one recogniser, and spaCy's names through its engine.

`Detectors` goes into any AnalyzerEngine, beside recognisers of others. The e-mail and URL recognisers of
Presidio are not used: one may fetch a list from the internet, the other takes seconds on `a.a.a...`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from presidio_analyzer import (
    AnalyzerEngine,
    EntityRecognizer,
    LocalRecognizer,
    RecognizerRegistry,
    RecognizerResult,
)
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpArtifacts, NlpEngine, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import SpacyRecognizer
from spacy.tokens import Doc
from spacy.vocab import Vocab

from sluiceway.guard.scan import TYPES, Scanner
from sluiceway.types import Finding

# What spaCy models call these, by Presidio's names. Dates, numbers and works of art are left out: in
# requests about code nearly all of them are false alarms.
ENTITIES = {"PERSON": "PERSON", "PER": "PERSON", "GPE": "LOCATION", "LOC": "LOCATION", "FAC": "LOCATION"}
IGNORED = (
    "CARDINAL", "DATE", "EVENT", "LANGUAGE", "LAW", "MISC", "MONEY", "NORP", "ORDINAL", "ORG", "PERCENT",
    "PRODUCT", "QUANTITY", "TIME", "WORK_OF_ART",
)  # fmt: skip
SCORE = 0.6


class NoModel(NlpEngine):
    """An engine without a language model, for recognisers that need none.

    Presidio has one of its own only from 2.2.363 on, which mitmproxy's pins keep off Python 3.12.
    """

    def load(self) -> None:
        """Nothing to load."""

    def is_loaded(self) -> bool:
        return True

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        return NlpArtifacts([], Doc(Vocab()), [], [], self, language)

    def process_batch(
        self, texts: Iterable[str], language: str, batch_size: int = 1, n_process: int = 1, **_: Any
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        return ((text, self.process_text(text, language)) for text in texts)

    def is_stopword(self, word: str, language: str) -> bool:
        return False

    def is_punct(self, word: str, language: str) -> bool:
        return False

    def get_supported_entities(self) -> list[str]:
        return []

    def get_supported_languages(self) -> list[str]:
        return ["en"]


class Detectors(LocalRecognizer):
    """The built-in detectors, and a company's own, as a Presidio recogniser."""

    def __init__(self, scanner: Scanner, types: Iterable[str] = TYPES, language: str = "en") -> None:
        self._scanner = scanner
        super().__init__(sorted(types), "Sluiceway", language)

    def load(self) -> None:
        """Nothing to load: the scanner is compiled."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """The scanner's findings of the types asked for."""
        return [
            RecognizerResult(finding.type, finding.start, finding.end, finding.score)
            for finding in self._scanner.scan(text)
            if finding.type in entities
        ]


def analyzer(scanner: Scanner) -> AnalyzerEngine:
    """A Presidio engine of our detectors alone: no model, no network."""
    return _engine([Detectors(scanner)], NoModel(), "en")


def names_by_model(model: str, language: str) -> Callable[[str], Iterator[Finding]]:
    """The names that a spaCy model recognises. `model` is installed or a folder (`ner.py` has looked)."""
    configuration = NerModelConfiguration(
        model_to_presidio_entity_mapping=ENTITIES, labels_to_ignore=list(IGNORED), default_score=SCORE
    )
    engine = SpacyNlpEngine([{"lang_code": language, "model_name": model}], configuration)
    engine.load()
    names = SpacyRecognizer(supported_language=language, supported_entities=sorted(set(ENTITIES.values())))
    presidio = _engine([names], engine, language)

    def find(text: str) -> Iterator[Finding]:
        for result in presidio.analyze(text, language):
            yield Finding(result.entity_type, "spacy", result.start, result.end, result.score)

    return find


def _engine(recognizers: list[EntityRecognizer], nlp: NlpEngine, language: str) -> AnalyzerEngine:
    registry = RecognizerRegistry(recognizers=recognizers, supported_languages=[language])
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=[language])
