"""Conditions of routes and silences as a form: what was typed, read; and what is stored, as it is typed."""

import re
from typing import Any

import msgspec
from django.http import QueryDict

from sagas.alerts.matching import WORKDAYS, Day, Match
from sagas.vocabulary import LOOKS, TOLD, Code, Condition

SEVERITIES = sorted(TOLD, key=lambda word: word.rank)
CONDITIONS = [(word, LOOKS[word].label) for word in Condition if word != Condition.HEALTHY]
LISTS = ("saga_types", "codes", "participants", "owners")
LONGEST = 5000


class FormError(ValueError):
    """What was typed cannot be read; its text tells what to do."""


def read(given: QueryDict) -> Match:
    """Raises `FormError`."""
    content: dict[str, Any] = {name: words(given.get(name, "")) for name in LISTS}
    content |= {name: given.getlist(name) for name in ("severities", "conditions")}
    content["when"] = given.get("when", "").replace("\0", "").strip()
    if given.get("count_from"):
        content["count_from"] = whole(given.get("count_from", ""), "At least so many sagas")
    if given.get("stake_from"):
        content["stake_from"] = amount(given.get("stake_from", ""))
        content["stake_currency"] = given.get("stake_currency", "").strip().upper()
    if given.get("from") or given.get("to"):
        content["hours"] = {
            "from": given.get("from", ""),
            "to": given.get("to", ""),
            "days": given.getlist("days") or [str(day) for day in WORKDAYS],
            "zone": given.get("hours_zone", "").strip() or "UTC",
            "outside": given.get("outside") == "on",
        }
    try:
        return msgspec.convert({name: value for name, value in content.items() if value}, Match)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$.")
        raise FormError(f"{where.strip('`').capitalize() or 'The form'}: {message}.") from None


def words(text: str) -> list[str]:
    """Entries with commas or line ends between."""
    return [one for part in re.split(r"[,\n]", text[:LONGEST].replace("\0", "")) if (one := part.strip())]


def whole(text: str, what: str) -> int:
    if not (text.strip().isdecimal() and text.strip().isascii() and len(text.strip()) < 10):
        raise FormError(f"{what}: give a whole number.")
    return int(text)


def amount(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,14}(\.[0-9]{1,8})?", text.strip()):
        raise FormError("At least so much at stake: give a number such as 500 or 99.50.")
    return float(text)


def typed(match: Match) -> dict[str, Any]:
    """As it stands in the form."""
    hours = match.hours
    return {
        **{name: ", ".join(getattr(match, name)) for name in LISTS},
        "severities": list(match.severities),
        "conditions": list(match.conditions),
        "count_from": match.count_from or "",
        "stake_from": "" if match.stake_from is None else f"{match.stake_from:g}",
        "stake_currency": match.stake_currency,
        "when": match.when,
        "from": hours.start if hours else "",
        "to": hours.end if hours else "",
        "days": list(hours.days if hours else WORKDAYS),
        "hours_zone": hours.zone if hours else "",
        "outside": hours.outside if hours else False,
    }


def retyped(given: QueryDict) -> dict[str, Any]:
    """What was typed, to be shown again beside what is wrong with it."""
    single = (*LISTS, "count_from", "stake_from", "stake_currency", "when", "from", "to", "hours_zone")
    lists = ("severities", "conditions", "days")
    return {
        **{name: given.get(name, "") for name in single},
        **{name: given.getlist(name) for name in lists},
        "outside": given.get("outside") == "on",
    }


def choices() -> dict[str, Any]:
    return {
        "severity_choices": SEVERITIES,
        "condition_choices": CONDITIONS,
        "code_choices": list(Code),
        "day_choices": list(Day),
    }
