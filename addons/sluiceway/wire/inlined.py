"""Requests that stand within a batch: each read as what it stands for, seen by the guard, written anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sluiceway.errors import WireError
from sluiceway.types import Call
from sluiceway.wire.dialect import Reading, Target
from sluiceway.wire.fields import mapping, need_list
from sluiceway.wire.parts import Path, Segment
from sluiceway.wire.walk import rewritten, segments


class One(Protocol):
    """The dialect of a single request, as far as a batch of them needs it."""

    def segments(self, reading: Reading) -> tuple[Segment, ...]: ...
    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch's requests stand: the fields that lead to their list, and the field of each that holds
    what is asked."""

    way: tuple[str, ...]
    inner: str

    def requests(self, document: Mapping[str, Any]) -> list[Any]:
        *outer, last = self.way
        for name in outer:
            document = mapping(document.get(name))
        return need_list(document, last)

    def within(self, document: Mapping[str, Any], requests: Sequence[Any]) -> Mapping[str, Any]:
        """The document with these requests for its own; it must have some."""

        def put(into: Mapping[str, Any], way: tuple[str, ...]) -> Mapping[str, Any]:
            name, *rest = way
            return {**into, name: put(mapping(into.get(name)), tuple(rest)) if rest else list(requests)}

        return put(document, self.way)

    def name(self, index: int) -> str:
        return ".".join((*self.way, str(index), self.inner))


def readings(
    document: Mapping[str, Any], place: Place, target: Target, call_of: Callable[[Mapping[str, Any]], Call]
) -> Iterator[Reading]:
    """Each request as a reading of its own. Raises WireError with its place."""
    for index, request in enumerate(place.requests(document)):
        asked = mapping(mapping(request).get(place.inner))
        try:
            call = call_of(asked)
        except WireError as error:
            raise WireError(f"{place.name(index)}.{error}") from None
        yield Reading(call, b"", asked, target)


def all_segments(
    document: Mapping[str, Any], place: Place, given: Iterator[Reading], one: One
) -> tuple[Segment, ...]:
    """Those around the requests, then each request's own."""
    within = (
        segment._replace(path=(*place.way, index, place.inner, *segment.path))
        for index, reading in enumerate(given)
        for segment in one.segments(reading)
    )
    return (*segments(_shell(document, place), {}), *within)


def changed(
    document: Mapping[str, Any], place: Place, given: Sequence[Reading], one: One, changes: Mapping[Path, str]
) -> Mapping[str, Any]:
    """The document with other texts at these paths; the same object where nothing is another. Raises
    WireError for a path that is not there."""
    around: dict[Path, str] = {}
    within: dict[int, dict[Path, str]] = {}
    depth = len(place.way)
    for path, text in changes.items():
        index = path[depth] if len(path) > depth else None
        if (
            path[:depth] == place.way
            and path[depth + 1 : depth + 2] == (place.inner,)
            and isinstance(index, int)
        ):
            within.setdefault(index, {})[path[depth + 2 :]] = text
        else:
            around[path] = text
    if within.keys() - set(range(len(given))):
        raise WireError("a text to be replaced is not in the request")
    new = [one.replaced(reading, within.get(index, {})) for index, reading in enumerate(given)]
    shell = _shell(document, place)
    outside = rewritten(shell, {}, around)
    if outside is shell and all(a is b for a, b in zip(new, given, strict=True)):
        return document
    return written(outside, place, new)


def written(document: Mapping[str, Any], place: Place, given: Sequence[Reading]) -> Mapping[str, Any]:
    """The document with each request asking what its reading says."""
    pairs = zip(place.requests(document), given, strict=True)
    return place.within(document, [{**mapping(each), place.inner: one.document} for each, one in pairs])


def _shell(document: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """All but what the requests ask."""
    bare = [
        {name: value for name, value in mapping(each).items() if name != place.inner}
        for each in place.requests(document)
    ]
    return place.within(document, bare)
