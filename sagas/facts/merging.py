"""Taking events into a saga's facts, in any order and in any number of batches."""

from collections.abc import Iterable

from sagas.facts.model import Birth, Execution, Facts, Observed, Phase, Span, Stamp, Text
from sagas.vocabulary import SAID_TO_AMENDS, Kind

# Of each kind, whom it is about (saga, step, compensation, operator) and what it says of it.
WORDS = {kind: tuple(SAID_TO_AMENDS.get(kind, kind).value.split(".", maxsplit=1)) for kind in Kind}


def merge(facts: Facts, events: Iterable[Observed]) -> Facts:
    """Take distinct new events into `facts`, which is changed in place and returned."""
    for event in events:
        time = event.time
        if time < facts.first or not facts.first:
            facts.first = time
        if time > facts.last:
            facts.last = time
        if event.participant:
            known = facts.participants.get(event.source)
            if known is None or event.participant < known:
                facts.participants[event.source] = event.participant
        for name, value in event.keys.items():
            facts.keys[name] = _newest(facts.keys.get(name), event, value)
        for name, value in event.display.items():
            facts.display[name] = _newest(facts.display.get(name), event, value)
        for path, value in event.values.items():
            facts.values[path] = _newest(facts.values.get(path), event, value)
        if event.stake:
            facts.stake = _newest(facts.stake, event, event.stake)
        if event.version:
            facts.version = _newest(facts.version, event, event.version)
        if event.trace:
            facts.trace = _oldest(facts.trace, event, event.trace)
        if event.keys and event.kind is Kind.SAGA_STARTED:
            _bear(facts, event)
        if event.ordinal:
            _count(facts, event)
        _say(facts, event)
    return facts


def _say(facts: Facts, event: Observed) -> None:
    family, word = WORDS[event.kind]
    if family == "saga" or event.kind is Kind.OPERATOR_REPAIR_STARTED:
        said = facts.marks
    elif family == "operator":
        return
    else:
        executions = facts.steps.get(event.step)
        if executions is None:
            executions = facts.steps[event.step] = {}
        execution = executions.get(event.execution)
        if execution is None:
            execution = executions[event.execution] = Execution()
        said = execution.forward if family == "step" else execution.back
        if event.error:
            execution.error = _newest(execution.error, event, event.error)
    stamp = Stamp(event.time, event.event_id, event.time_given, event.sequence, event.attempt, event.deadline)
    by_source = said.get(word)
    if by_source is None:
        said[word] = {event.source: Phase(stamp)}
    elif event.source in by_source:
        by_source[event.source].add(stamp)
    else:
        by_source[event.source] = Phase(stamp)


def _bear(facts: Facts, event: Observed) -> None:
    for name, value in event.keys.items():
        # Of several that name one value the first stands for all, so that any order agrees.
        known = sorted([*facts.births.get(name, ()), Birth(value, event.source, event.event_id)])
        least, greatest = known[0], next(one for one in known if one.value == known[-1].value)
        facts.births[name] = [least] if least is greatest else [least, greatest]


def _count(facts: Facts, event: Observed) -> None:
    number = event.ordinal
    span = facts.spans.get(event.source)
    if span is None:
        facts.spans[event.source] = Span(number, number)
        return
    span.lowest, span.highest = min(span.lowest, number), max(span.highest, number)
    span.count += 1


def _newest(known: Text | None, event: Observed, value: str) -> Text:
    if known is not None and (event.time, value) <= (known.time, known.value):
        return known
    return Text(event.time, value)


def _oldest(known: Text | None, event: Observed, value: str) -> Text:
    if known is not None and (event.time, value) >= (known.time, known.value):
        return known
    return Text(event.time, value)
