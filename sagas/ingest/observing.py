"""What the fold needs of an event: the same from one that just came and from one that was kept."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from sagas import facts
from sagas.definitions import Definition, paths
from sagas.events.incoming import moment
from sagas.events.mapping import MAPPED_KEYS
from sagas.facts import Observed
from sagas.vocabulary import Kind

FAILURES = frozenset(
    kind
    for kind in Kind
    if kind.value.endswith(("failed", "timed_out", "aborted")) and kind.family != "operator"
) | {Kind.OPERATOR_STEP_FAILED}

# A number that counts. What is longer is a clock or an id.
ORDINAL = re.compile(r"[0-9]{1,15}", re.ASCII)

# Where payloads tell why something failed; the first that is there counts.
ERROR_PATHS = [path.split(".") for path in ("error.message", "error", "reason", "detail", "message")]


_words = msgspec.json.Decoder(dict[str, str])


def observe(
    *,
    source: str,
    event_id: str,
    kind: Kind,
    step: str,
    execution: str,
    attempt: int | None,
    time: datetime,
    time_given: bool,
    sequence: str,
    attributes: Mapping[str, Any],
    data: str | None,
    participant: str,
    definition: Definition | None,
) -> Observed:
    keys: dict[str, str] = {}
    display: dict[str, str] = {}
    values: dict[str, str] = {}
    error = stake = ""
    is_counted = definition is not None and definition.sequence == "saga" and ORDINAL.fullmatch(sequence)
    if data is not None:
        is_failure = kind in FAILURES
        if is_failure or (definition and definition.looks_into_payloads):
            payload = paths.decode_marking(data)
            if definition:
                keys, display = definition.extract(payload)
                values = definition.values(payload)
                stake = definition.stake_in(payload)
            if is_failure:
                error = _error(payload)
    if definition and MAPPED_KEYS in attributes:
        keys |= _mapped_keys(attributes[MAPPED_KEYS], definition)
    deadline = attributes.get("sagadeadline")
    until = moment(str(deadline)) if deadline else None
    return Observed(
        source=source,
        event_id=event_id,
        kind=kind,
        time=facts.microseconds(time),
        time_given=time_given,
        step=step,
        execution=execution,
        attempt=attempt or 0,
        sequence=sequence,
        deadline=facts.microseconds(until) if until else 0,
        participant=participant,
        version=str(attributes.get("sagaversion", "")),
        trace=str(attributes.get("traceparent", "")),
        error=error,
        keys=keys,
        display=display,
        values=values,
        stake=stake,
        ordinal=int(sequence) + 1 if is_counted else 0,
    )


def observe_kept(row: Sequence[Any], definition: Definition | None) -> Observed:
    """Of an event as `statements.EVENTS_OF_SAGAS` gives it, without its saga and when it was received."""
    source, event_id, kind, step, execution, attempt, time, time_given, sequence, attributes, data, name = row
    return observe(
        source=source,
        event_id=event_id,
        kind=Kind(kind),
        step=step,
        execution=execution,
        attempt=attempt,
        time=time,
        time_given=time_given,
        sequence=sequence,
        attributes=msgspec.json.decode(attributes),
        data=data,
        participant=name or "",
        definition=definition,
    )


def _mapped_keys(text: Any, definition: Definition) -> dict[str, str]:
    """What a mapping found; somebody else's attribute of that name may hold anything."""
    try:
        said = _words.decode(str(text))
    except msgspec.MsgspecError:
        return {}
    found = {name: paths.text(value) for name, value in said.items() if name in definition.keys}
    return {name: value for name, value in found.items() if value}


def _error(payload: Any) -> str:
    return next((text for path in ERROR_PATHS if (text := paths.text(paths.look_up(payload, path)))), "")
