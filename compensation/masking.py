"""Masks in plans and repairs: what is filled in from something masked, and what participants answer. Pure.

A request is masked where its definition's text names something masked. All versions are asked whose text
could have been filled to this request, as nobody has kept which of them it was.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw

from compensation.plan import Action, Kind, LeftAlone, Plan, Question, Refusal, Request
from sagas.definitions import Call, Order, placeholders
from sagas.definitions.masked import covers
from sagas.masking import MASK, Masks, mask
from sagas.masking.text import HIDDEN

# Which part of a step describes the request of an action.
PARTS = {Kind.COMPENSATE: "compensation", Kind.RETRY_STEP: "retry", Kind.ASK: "status"}
# What a refusal's words may be taken from (`compensation.answers.reason`), beside what tells errors.
TITLE = "title"

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])
_encoder = msgspec.json.Encoder()


Line = TypeVar("Line", LeftAlone, Refusal)


class _OtherShape(Exception):
    """The body was not filled from this template."""


def plan(clear: Plan, masks: Masks) -> Plan:
    """As people see it; its hash is that of the clear one."""
    if not masks:
        return clear
    return msgspec.structs.replace(
        clear,
        actions=tuple(action(each, masks) for each in clear.actions),
        left_alone=tuple(_untold(left, masks) for left in clear.left_alone),
        refusals=tuple(_untold(refusal, masks) for refusal in clear.refusals),
        warnings=tuple(masks.error(warning) for warning in clear.warnings),
    )


def action(clear: Action, masks: Masks) -> Action:
    sent, asked = clear.request, clear.question
    return msgspec.structs.replace(
        clear,
        request=sent and _sent(sent, clear.kind, clear.step, masks),
        question=asked and Question(_sent(asked.request, Kind.ASK, clear.step, masks), asked.idempotency_key),
        explanation=masks.error(clear.explanation),
    )


def _sent(clear: Request, kind: str, step: str, masks: Masks) -> Request:
    return Request(clear.method, url(clear.url, kind, step, masks), body(clear.body, kind, step, masks))


def _untold(line: Line, masks: Masks) -> Line:
    return msgspec.structs.replace(line, why=masks.error(line.why))


def request(stored: Mapping[str, str], kind: str, step: str, masks: Masks) -> dict[str, str]:
    """Of an action, as it is kept; empty where nothing is sent."""
    if not stored or not masks:
        return dict(stored)
    return dict(stored) | {
        "url": url(stored["url"], kind, step, masks),
        "body": body(stored["body"], kind, step, masks),
    }


def url(clear: str, kind: str, step: str, masks: Masks) -> str:
    """An address below which something masked stands keeps its host alone."""
    if not any(_names_masked(call.path, masks) for call in _calls(kind, step, masks)):
        return clear
    parts = urlsplit(clear)
    return f"{parts.scheme}://{parts.netloc}/{MASK}"


def body(clear: str, kind: str, step: str, masks: Masks) -> str:
    if not clear or not masks:
        return clear
    masked, fits = Raw(clear.encode()), False
    for call in _calls(kind, step, masks):
        if not isinstance(call, Order) or call.body is None:
            continue
        try:
            masked = _filled(call.body, masked, masks)
            fits = True
        except (_OtherShape, msgspec.MsgspecError, RecursionError):
            continue
    return msgspec.json.format(masked if fits else HIDDEN, indent=0).decode()


def _calls(kind: str, step: str, masks: Masks) -> list[Call]:
    """The requests of this kind that any version describes for the step."""
    part = PARTS.get(Kind(kind))
    described = [each for version in masks.versions if (each := version.step(step))]
    return [call for each in described if part and (call := getattr(each, part))]


def _filled(template: Any, value: Raw, masks: Masks) -> Raw:
    """The value with the mask where the template names something masked. Raises _OtherShape."""
    match template:
        case str():
            return HIDDEN if _names_masked(template, masks) else value
        case dict():
            members = _object.decode(value)
            if members.keys() != template.keys():
                raise _OtherShape
            return Raw(_encoder.encode({n: _filled(template[n], members[n], masks) for n in members}))
        case list():
            items = _list.decode(value)
            if len(items) != len(template):
                raise _OtherShape
            return Raw(_encoder.encode([_filled(t, i, masks) for t, i in zip(template, items, strict=True)]))
    return value


def _names_masked(text: str, masks: Masks) -> bool:
    return any(masks.hides(word) for word in placeholders.PLACEHOLDER.findall(text))


def answer(text: str, masks: Masks) -> str:
    """What a participant answered: a payload, or one within `data`. What is no JSON is masked as a whole."""
    return mask(text, [*masks.paths, *(("data", *path) for path in masks.paths)]) if text else text


def result(stored: Mapping[str, Any], masks: Masks, answers: Sequence[str] | None = None) -> dict[str, Any]:
    """What ended an action. `answers`: all that were given to its requests; None: nobody knows here.

    Its `detail` may be in a participant's words, and these the text of an answer that is masked.
    """
    found = dict(stored)
    if not masks:
        return found
    if "answer" in found:
        found["answer"] = msgspec.json.decode(answer(_encoder.encode(found["answer"]).decode(), masks))
    if found.get("detail") and found.get("by") != "event" and _may_quote(masks, answers):
        found["detail"] = MASK
    return found


def _may_quote(masks: Masks, answers: Sequence[str] | None) -> bool:
    if answers is None or masks.errors or covers(masks.paths, TITLE):
        return True
    hidden = bytes(HIDDEN).decode()
    return any(answer(text, masks) == hidden for text in answers if text)
