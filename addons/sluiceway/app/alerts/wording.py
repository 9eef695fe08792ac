"""An alert in words and as fields, with people named or told as one person of a team."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any

from sluiceway.policy.scope import in_words
from sluiceway.policy.words import amount, per
from sluiceway.store.alerts import Due

LONGEST = 200
_PEOPLE = ("employee", "service")


def fields(due: Due, names: bool, zone: tzinfo) -> dict[str, Any]:
    """What a program may read: the detail, with the sentence that people read."""
    detail = dict(due.alert.detail)
    if not names:
        detail.pop("who", None)
        detail.pop("request_id", None)
        if "scope" in detail:
            detail["scope"] = [pair for pair in detail["scope"] if pair[0] not in (*_PEOPLE, "conversation")]
    head = {"kind": due.alert.kind, "at": due.at.isoformat(), "text": text(due, names, zone)}
    return head | {name: _clean(value) for name, value in detail.items()}


def text(due: Due, names: bool, zone: tzinfo) -> str:
    """One sentence or two for people."""
    detail = due.alert.detail
    match due.alert.kind:
        case "threshold":
            return _threshold(detail, names, zone)
        case "burn_rate":
            return _burn_rate(detail, names, zone)
        case "loop":
            return _loop(detail, names)
    return f"Sluiceway: {due.alert.kind}"


def subject(due: Due) -> str:
    """A mail's."""
    budget = due.alert.detail.get("budget")
    what = {"threshold": "budget", "burn_rate": "budget runs out early", "loop": "an agent in a loop"}
    return f"Sluiceway: {what.get(due.alert.kind, due.alert.kind)}" + (f" {budget}" if budget else "")


def _threshold(detail: Any, names: bool, zone: tzinfo) -> str:
    unit, spent, limit = detail["unit"], detail["spent"], detail["limit"]
    used_up = detail["threshold"] >= 100
    head = f"The {_budget(detail, names)} "
    head += "is used up" if used_up else f"has reached {detail['threshold']} %"
    head += f": {amount(spent, unit)} of {amount(limit, unit)}."
    if used_up:
        after = {
            "block": "Requests are refused",
            "warn": "It only warns, so requests go on",
            "degrade": f"{_clean(detail['degrade_to'])} answers instead",
        }[detail["on_exceed"]]
        head += f" {after}{_until(detail, zone)}."
    elif detail["ends_at"]:
        head += f" Its window ends {_moment(detail['ends_at'], zone)}."
    return head


def _burn_rate(detail: Any, names: bool, zone: tzinfo) -> str:
    unit = detail["unit"]
    return (
        f"The {_budget(detail, names)} will not last: {amount(detail['spent'], unit)} of "
        f"{amount(detail['limit'], unit)} are used, and if it goes on like this it is used up "
        f"{_moment(detail['runs_out_at'], zone)}, before its window ends {_moment(detail['ends_at'], zone)}."
    )


def _loop(detail: Any, names: bool) -> str:
    who = f"{_clean(detail['who'])} (team {_clean(detail['team'])})" if names else _somebody(detail)
    client = f" with {_clean(detail['client'])}" if detail["client"] else ""
    after = "What follows is refused until it changes." if detail["stopped"] else "Nothing is refused."
    return (
        f"The same message came {detail['times']} times in one conversation of {who}{client}, to "
        f"{_clean(detail['provider'])}/{_clean(detail['model'])}: perhaps an agent in a loop. {after}"
    )


def _budget(detail: Any, names: bool) -> str:
    place = tuple((kind, _clean(value)) for kind, value in detail["scope"] if names or kind not in _PEOPLE)
    person = not names and any(kind in _PEOPLE for kind, _ in detail["scope"])
    parts = [_somebody(detail)] if person else []
    if place or not person:
        parts.append(in_words(place).replace("this conversation", "one conversation"))
    limit = f"{amount(detail['limit'], detail['unit'])} {per(detail['window'])}"
    return f"budget '{detail['budget']}' ({', '.join(parts)}; {limit})"


def _somebody(detail: Any) -> str:
    return f"one person in team {_clean(detail['team'])}" if detail["team"] else "one person"


def _until(detail: Any, zone: tzinfo) -> str:
    return f" until {_moment(detail['ends_at'], zone)}" if detail["ends_at"] else ""


def _moment(text: str, zone: tzinfo) -> str:
    """To the minute, not before it: what ends at a moment has not ended a minute earlier."""
    at = datetime.fromisoformat(text)
    rounded = at if not (at.second or at.microsecond) else at + timedelta(minutes=1)
    return f"{rounded.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _clean(value: Any) -> Any:
    """Names that a client chose, without what cannot be seen."""
    if not isinstance(value, str):
        return value
    return "".join(c if c.isprintable() else "?" for c in value)[:LONGEST]
