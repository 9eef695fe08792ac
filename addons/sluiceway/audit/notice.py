"""What an audited person is told before anything is kept, made from the rule, and that they were told it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from hashlib import sha256

from sluiceway.audit.canonical import Json, tagged
from sluiceway.audit.holders import Holders
from sluiceway.audit.log import Log
from sluiceway.audit.records import Acknowledgement, Disclosure
from sluiceway.errors import SluicewayError
from sluiceway.policy.kinds.audit import Audit
from sluiceway.store.audit import AuditStore
from sluiceway.store.moments import from_us, to_us
from sluiceway.types import Refusal, RefusalKind

PATH = "/audit/notice/"

_KEPT = {
    "metadata": "who asked, when, which model and with what outcome; no text of requests or answers",
    "redacted": (
        "who asked, when, which model and with what outcome, and the text of requests and answers after "
        "names, addresses, numbers and secrets have been taken out; that text is encrypted"
    ),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """The words, and which promise they are about. `path` on the portal is where one acknowledges (POST)."""

    rule: str
    version: str
    text: str
    contact: str | None = None  # whom to ask; the text says it already

    @property
    def path(self) -> str:
        return PATH + self.version

    def link(self, portal_url: str) -> str:
        """Where one reads and acknowledges it."""
        return portal_url.rstrip("/") + self.path

    def refusal(self, portal_url: str) -> Refusal:
        """The answer to a first audited request: the notice itself, and where to acknowledge it."""
        return self._refusal(self._way_on(portal_url))

    def refusal_of_service(self, service: str) -> Refusal:
        """The same to a program, which cannot acknowledge anything: whoever answers for it can."""
        command = f"sluiceway audit disclose {service} --rule {self.rule} --acknowledged HOW"
        return self._refusal(
            f"To go on, whoever answers for the service '{service}' acknowledges this, and an operator "
            f"records that with `{command}`."
        )

    def _refusal(self, way_on: str) -> Refusal:
        message = f"Sluiceway: {self.text} Nothing was sent or kept yet (rule '{self.rule}'). {way_on}"
        return Refusal(RefusalKind.POLICY, "audit_notice", message, rule=self.rule, contact=self.contact)

    def _way_on(self, portal_url: str) -> str:
        return f"To acknowledge and go on, open, through this proxy: {self.link(portal_url)}"


@dataclass(frozen=True, slots=True)
class Told:
    """What one person was told and has acknowledged of one notice."""

    disclosure: str
    person: str
    notice: str
    disclosed_at: datetime
    acknowledged_at: datetime | None


def version(rule: Audit) -> str:
    """What the rule promises, as 32 hex digits: if any of it changes, people are told anew."""
    promise: dict[str, Json] = {
        "rule": rule.name,
        "mode": rule.mode,
        "purpose": rule.purpose,
        "agreement": rule.agreement,
        "until": rule.until.isoformat(),
        "keep_days": rule.keep_days,
    }
    return sha256(tagged("notice", promise)).hexdigest()[:32]


def notice(rule: Audit, holders: Holders, contact: str) -> Notice:
    """The notice of a rule, with who could read and whom to ask as of now."""
    text = (
        f"Requests to AI providers made with the company's credentials are audited. "
        f"Purpose: {_sentence(rule.purpose)} Agreed in: {_sentence(rule.agreement)} "
        f"Until: {rule.until.isoformat()}. Kept: {_KEPT[rule.mode]}. For {rule.keep_days} days. "
        f"{_readers(rule, holders)} Your own credentials are never audited. Ask: {contact}."
    )
    return Notice(rule.name, version(rule), text, contact)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."


def _readers(rule: Audit, holders: Holders) -> str:
    if rule.mode == "metadata":
        return "The operators and auditors of Sluiceway can read it."
    names = ", ".join(f"{each.name} ({each.role})" for each in holders.holders)
    return (
        f"It can be read only by two of these people together, with a reason, and every reading is recorded "
        f"for good: {names}."
    )


def until_at(rule: Audit, zone: tzinfo) -> datetime:
    """The end of the rule's last day in the company's time zone."""
    last = rule.until
    return datetime(last.year, last.month, last.day, tzinfo=zone) + timedelta(days=1, microseconds=-1)


def disclose(log: Log, person: str, given: Notice, channel: str, actor: str, at: datetime) -> Disclosure:
    """Records that a person was given the notice. On disk when this returns."""
    record = Disclosure(
        secrets.token_hex(16), to_us(at), person, given.rule, given.version, given.text, channel, actor
    )
    log.append([record])
    return record


def disclose_once(log: Log, person: str, given: Notice, channel: str, at: datetime) -> None:
    """As `disclose`, for a notice that is shown again and again: the same words go on record once."""
    with log.store.snapshot() as snapshot:
        before = [
            each["text"] for each in snapshot.records("disclosure", person=person, notice=given.version)
        ]
    if before[-1:] != [given.text]:
        disclose(log, person, given, channel, person, at)


def acknowledge(
    log: Log, person: str, notice_version: str, channel: str, actor: str, at: datetime
) -> Acknowledgement:
    """Records that a person acknowledged the notice they were given last. Safe to repeat."""
    found = told(log.store, person, notice_version)
    if found is None:
        raise SluicewayError(f"{person} was not given this notice; `sluiceway audit disclose` records it")
    if found.acknowledged_at is not None:
        at = found.acknowledged_at
    record = Acknowledgement(
        found.disclosure, to_us(at), person, notice_version, to_us(found.disclosed_at), channel, actor
    )
    if found.acknowledged_at is None:
        log.append([record])
    return record


def told(store: AuditStore, person: str, notice_version: str) -> Told | None:
    """The first acknowledged disclosure of this notice to this person, else their latest one."""
    with store.snapshot() as snapshot:
        given = list(snapshot.records("disclosure", person=person, notice=notice_version))
        said = {str(each["id"]): each for each in snapshot.records("acknowledgement", person=person)}
    if not given:
        return None
    best = next((each for each in given if str(each["id"]) in said), given[-1])
    number, answer = str(best["id"]), said.get(str(best["id"]))
    return Told(
        number,
        person,
        notice_version,
        from_us(int(str(best["at"]))),
        None if answer is None else from_us(int(str(answer["at"]))),
    )
