"""pydantic's complaints as Problems: each once, in our words, the noise of unions collapsed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sluiceway.settings.sentences import BOUNDS, listed, nearest, noun
from sluiceway.settings.shapes import fields, models_at, shape
from sluiceway.settings.yaml_nodes import Loc, Problem, Value


def explain(error: ValidationError, model: type[BaseModel], value: Value) -> list[Problem]:
    """Every problem of `value` as `model`, whatever branches of unions pydantic tried on the way."""
    details = (detail for detail in error.errors(include_url=False) if not _follows(detail))
    found = [Finding(detail, model, value) for detail in details]
    chosen = [finding for finding in found if finding.union is None]
    problems: list[Problem] = []
    forked = sorted((f for f in found if f.union is not None), key=lambda f: repr(f.union))
    for _, group in groupby(forked, key=lambda f: f.union):
        findings = list(group)
        if branch := _meant(findings):
            chosen += branch
        else:
            problems.append(_none_fits(findings))
    misspelt = {(*f.loc[:-1], f.guess) for f in chosen if f.guess}
    return problems + [f.problem() for f in chosen if not (f.type == "missing" and f.loc in misspelt)]


class Finding:
    """One pydantic error and its location in the document, without the names of union branches."""

    def __init__(self, detail: ErrorDetails, model: type[BaseModel], value: Value) -> None:
        self.type = detail["type"]
        self.context: Mapping[str, Any] = detail.get("ctx", {})
        self.message = detail["msg"]
        self.input = detail["input"]
        self.raw = detail["loc"]
        self.model = model
        self.union: Loc | None = None  # where the outermost union stands, if the error is inside one
        self.branch: str | int = ""  # pydantic's name of the branch
        self.loc = self._walk(value)
        self.guess = nearest(str(self.raw[-1]), self._known()) if self.type == "extra_forbidden" else None

    def _walk(self, value: Any) -> Loc:
        kept: Loc = ()
        for index, part in enumerate(self.raw):
            if _holds(value, part):
                value = value[part]
            elif self.type != "missing" or index < len(self.raw) - 1:
                if self.union is None and part != "[key]":
                    self.union, self.branch = kept, part
                continue
            kept = (*kept, part)
        return kept

    def _known(self) -> list[str]:
        return [name for owner in models_at(self.model, self.raw[:-1]) for name in fields(owner)]

    def problem(self) -> Problem:
        about_key = self.type == "extra_forbidden" or self.raw[-1:] == ("[key]",) or self.input is None
        return Problem(self.loc, self._sentence(), at_key=about_key)

    def _sentence(self) -> str:
        match self.type:
            case "missing":
                return f"missing field; add '{self.loc[-1]}: ...'"
            case "extra_forbidden" if self.guess:
                return f"unknown field (did you mean '{self.guess}'?)"
            case "extra_forbidden":
                return f"unknown field; known here: {', '.join(self._known()) or 'none'}"
            case "value_error" | "assertion_error":
                return str(self.context.get("error", self.message))
        if self.input is None and self.loc:
            return f"has no value; it must be {self.wanted()}"
        return f"must be {self.wanted()}{self.suggestion()}"

    def suggestion(self) -> str:
        """` (did you mean 'month'?)` where the value is nearly one of the allowed words."""
        near = nearest(self.input, self._words()) if isinstance(self.input, str) else None
        return f" (did you mean '{near}'?)" if near else ""

    def wanted(self) -> str:
        """What belongs here, to follow 'must be'."""
        if self.type == "literal_error":
            words = [f"'{word}'" for word in self._words()]
            return listed(words) if words else str(self.context["expected"])
        if self.type == "string_pattern_mismatch":
            return f"text that matches {self.context['pattern']}"
        if (bound := BOUNDS.get(self.type)) is not None:
            limit = self.context[bound[1]]
            return f"{bound[0]} {int(limit) if limit == int(limit) else limit}"
        if self.type == "model_type" and (owners := models_at(self.model, self.raw)):
            return shape(owners[0])
        return noun(self.type) or f"valid: {self.message[:1].lower()}{self.message[1:]}"

    def _words(self) -> list[str]:
        return re.findall(r"'([^']*)'", self.context["expected"]) if self.type == "literal_error" else []

    @property
    def entered(self) -> bool:
        """Whether the branch accepted the kind of value and only disliked something inside."""
        return self.loc != self.union


def _follows(detail: ErrorDetails) -> bool:
    """pydantic also calls a list too short when it left out the entries it has complained about."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _holds(value: object, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _meant(findings: Sequence[Finding]) -> list[Finding]:
    """The findings of the one branch that was most likely meant; empty where none stands out."""
    branches = [list(group) for _, group in groupby(findings, key=lambda f: f.branch)]
    if len(branches) == 1:
        return branches[0]
    likely = [branch for branch in branches if all(finding.entered for finding in branch)]
    misfits = [_misfit(branch) for branch in likely]
    best = [branch for branch, misfit in zip(likely, misfits, strict=True) if misfit == min(misfits)]
    return best[0] if len(best) == 1 else []


def _misfit(branch: Sequence[Finding]) -> int:
    """How badly a mapping fits a branch: an error each, half an error where a name is nearly right."""
    return 2 * len(branch) - sum(finding.guess is not None for finding in branch)


def _none_fits(findings: Sequence[Finding]) -> Problem:
    words: dict[str, None] = {}
    for _, group in groupby(findings, key=lambda f: f.branch):
        first = next(group)
        owners = models_at(first.model, (*(first.union or ()), first.branch))
        words[shape(owners[0]) if owners else first.wanted()] = None
    suggestion = next(filter(None, (finding.suggestion() for finding in findings)), "")
    return Problem(findings[0].union or (), f"must be {listed(list(words))}{suggestion}")
