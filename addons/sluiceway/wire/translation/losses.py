"""What a translation cannot carry over: counted by field, and whether the request makes sense without it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loss:
    """A field that does not arrive, as the client's API names it, `times` over. `essential`: without it the
    request would mean something else, so it is refused; `why` is the end of that sentence."""

    field: str
    times: int
    why: str
    essential: bool = False


class Losses:
    """Collects the losses of one request on both ends: of reading it, then of writing it."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[tuple[str, bool], Loss] = {}

    def drop(self, field: str, why: str, times: int = 1) -> None:
        """The field is left out, and the answer is still one to what was asked. `field` and `why` are our
        words, with nothing in them that a client wrote."""
        self._add(field, why, times, essential=False)

    def need(self, field: str, why: str) -> None:
        """The field cannot be left out: the request is to be refused."""
        self._add(field, why, 1, essential=True)

    def all(self) -> tuple[Loss, ...]:
        """Every loss, essential ones first."""
        return tuple(sorted(self._found.values(), key=lambda loss: not loss.essential))

    @property
    def essential(self) -> tuple[Loss, ...]:
        """Those for which the request is refused."""
        return tuple(loss for loss in self._found.values() if loss.essential)

    def counts(self) -> dict[str, int]:
        """How often each field was lost."""
        counts: dict[str, int] = {}
        for loss in self._found.values():
            counts[loss.field] = counts.get(loss.field, 0) + loss.times
        return counts

    def _add(self, field: str, why: str, times: int, essential: bool) -> None:
        known = self._found.get((field, essential))
        before = known.times if known else 0
        self._found[field, essential] = Loss(field, before + times, why, essential)
