"""What checking the audit brings to light."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was made. `where` names a record; neither part quotes content."""

    where: str
    what: str


@dataclass(slots=True)
class Verdict:
    """What was checked, and what was found. `warnings` prove nothing, but need a look."""

    leaves: int = 0
    entries: int = 0
    checkpoints: int = 0
    shredded: int = 0
    faults: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.faults
