"""What a participant's answer means (pure). docs/repairs.md tells the same to participants."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from compensation.filling import payload
from compensation.plan import Kind
from compensation.transports import Answer

# Answers that say "not now": the request is sent again with the same key.
NOT_NOW = frozenset({408, 425, 429})
# Characters of a refusal that are shown as its reason; the whole answer is kept with the attempt.
LONGEST_REASON = 500


class Became(StrEnum):
    """What a participant can say became of a step. Only the first three settle it."""

    COMPLETED = "completed"
    FAILED = "failed"
    COMPENSATED = "compensated"
    RUNNING = "running"
    NOT_STARTED = "not_started"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Done:
    """The participant's word that it is done. `data` is the answer's JSON, None where there is none."""

    data: Any


@dataclass(frozen=True, slots=True)
class Accepted:
    """The participant will do it; its event confirms."""


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to a question. `became` is None where it cannot be understood: no verdict."""

    became: Became | None
    detail: str
    data: Any


@dataclass(frozen=True, slots=True)
class NotNow:
    """Worth trying again; `wait` is what the participant asked for, in seconds."""

    why: str
    wait: float | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Trying again would not help: for a person. `why` is the participant's own text where it gave one."""

    why: str


Meaning = Done | Accepted | Told | NotNow | Refused


def meaning(kind: str, answer: Answer) -> Meaning:
    status = answer.status
    if status in NOT_NOW or status >= 500:
        return NotNow(reason(answer), answer.wait)
    if not 200 <= status < 300:
        return Refused(reason(answer))
    data = payload(answer.text)
    if kind == Kind.ASK:
        return _told(data)
    if answer.text.lstrip().startswith("<"):
        # Of whoever stands in between, to sign in or to wait: it is not the participant that speaks.
        return NotNow(
            f"It answered {status} with a page, not with JSON: {answer.text[:LONGEST_REASON]}", None
        )
    return Accepted() if status == 202 else Done(data)


def reason(answer: Answer) -> str:
    """Why, in the participant's words: `detail` or `title` of problem details (RFC 9457), else its text."""
    data = payload(answer.text)
    named = (data.get("detail") or data.get("title")) if isinstance(data, dict) else None
    text = named if isinstance(named, str) else answer.text.strip()
    return f"{answer.status}: {text[:LONGEST_REASON]}" if text else f"It answered {answer.status}."


def _told(data: Any) -> Told:
    if not isinstance(data, dict):
        return Told(None, "", None)
    detail = data.get("detail")
    try:
        became = Became(str(data.get("outcome")))
    except ValueError:
        became = None
    return Told(became, detail[:LONGEST_REASON] if isinstance(detail, str) else "", data.get("data"))
