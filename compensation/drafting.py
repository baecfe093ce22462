"""Writing one action: the request that a definition describes, filled with a saga's values (pure)."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from compensation import evidence, keys
from compensation.filling import UnfilledError, Values, fill_body, fill_url
from compensation.plan import Action, Kind, Question, Refusal, Request, Retries
from compensation.subject import Sent, Subject
from sagas.definitions import Call, Order, placeholders
from sagas.fold import Run, Step

# An ask changes nothing, so that a few quick tries do; the person waits for the answer.
ASKING = Retries(attempts=3, first=0.5, most=4.0)


@dataclass(frozen=True, slots=True)
class Words:
    """What only the start of a repair knows. Until then, each stands as its own placeholder."""

    repair: str = "{repair}"
    reason: str = "{reason}"
    evidence: str = "{evidence}"


def compensation(
    subject: Subject, step: Step, run: Run | None, words: Words, explanation: str
) -> Action | Refusal:
    """Send the compensation of one execution."""
    call = step.definition.compensation if step.definition else None
    if call is None:
        return Refusal(
            "no_compensation", step.name, f"The definition does not say how “{step.title}” is undone."
        )
    return _write(
        subject,
        step,
        call,
        words,
        kind=Kind.COMPENSATE,
        run=run,
        title=call.title,
        key=compensation_key(subject, step, run),
        explanation=explanation,
        retries=_retries(call, call.deadline),
    )


def retry(subject: Subject, step: Step, run: Run | None, words: Words, explanation: str) -> Action | Refusal:
    """Ask the participant to do the step again, or at last."""
    call = step.definition.retry if step.definition else None
    if call is None or step.definition is None:
        return Refusal(
            "no_retry", step.name, f"The definition does not say how “{step.title}” is done again."
        )
    return _write(
        subject,
        step,
        call,
        words,
        kind=Kind.RETRY_STEP,
        run=run,
        title=f"retry {step.title}",
        key=_retry_key(subject, step, run),
        explanation=explanation,
        retries=_retries(call, step.definition.deadline),
    )


def ask(subject: Subject, step: Step, run: Run | None, words: Words, explanation: str) -> Action | Refusal:
    """Ask the participant what became of the step."""
    call = step.definition.status if step.definition else None
    if call is None:
        return Refusal(
            "no_status", step.name, f"The definition does not say how to ask about “{step.title}”."
        )
    return _write(
        subject,
        step,
        call,
        words,
        kind=Kind.ASK,
        run=run,
        title=f"ask about {step.title}",
        # Every question is a new one: its answer may have changed.
        key=_key(subject, step, run, f"a{subject.revision}"),
        explanation=explanation,
        retries=ASKING,
    )


def record(
    subject: Subject, step: Step, run: Run | None, outcome: str, words: Words, explanation: str
) -> Action:
    """Keep what a person says was done elsewhere. Nothing is sent."""
    return Action(
        kind=Kind.RECORD,
        step=step.name,
        execution=run.execution if run else "",
        title=f"record {step.title} as {outcome}",
        participant=step.participant,
        idempotency_key=_key(subject, step, run, f"n{subject.revision}"),
        explanation=explanation,
        record={"outcome": outcome, "evidence": words.evidence},
    )


def compensation_key(subject: Subject, step: Step, run: Run | None) -> str:
    """The effect stays the same until its compensation was confirmed: so does the key."""
    return _key(subject, step, run, f"c{(run.undone_count if run else 0) + 1}")


def _retry_key(subject: Subject, step: Step, run: Run | None) -> str:
    """After a definite failure it is a new try; what was never answered is the same one still."""
    execution = run.execution if run else ""
    tries = [
        (sent.at, key)
        for key, sent in subject.sent.items()
        if sent.kind == Kind.RETRY_STEP and sent.step == step.name and _is_about(sent, step, execution)
    ]
    at, key = max(tries, default=(0, ""))
    denied = evidence.denial(Kind.RETRY_STEP, subject.state, step.name, run)
    # A failure from before it was sent says nothing of it, however late it was told.
    if key and not (denied and evidence.is_since(denied.moment, at)):
        return key
    return _key(subject, step, run, f"r{(run.failed_count if run else 0) + 1}")


def _key(subject: Subject, step: Step, run: Run | None, act: str) -> str:
    """The name of the effect; it stays the one under which it was sent before its execution was named."""
    execution = run.execution if run else ""
    key = keys.of_effect(subject.saga_type, subject.saga_id, step.name, execution, act)
    if execution and subject.sent and key not in subject.sent:
        before = keys.of_effect(subject.saga_type, subject.saga_id, step.name, "", act)
        sent = subject.sent.get(before)
        if sent and _is_about(sent, step, execution):
            return before
    return key


def _is_about(sent: Sent, step: Step, execution: str) -> bool:
    """What named no execution was about the only one that is known by now; of several, nobody knows which."""
    return sent.execution == execution or (not sent.execution and len(step.runs) == 1)


def _write(
    subject: Subject,
    step: Step,
    call: Call,
    words: Words,
    *,
    kind: str,
    run: Run | None,
    title: str,
    key: str,
    explanation: str,
    retries: Retries,
) -> Action | Refusal:
    base_url, problem = _address(subject, step)
    if problem:
        return Refusal("unreachable", step.name, f"{title}: {problem}.")
    execution = run.execution if run else ""
    untold: list[str] = []
    values = _values(subject, step, run, words, untold)
    body = call.body if isinstance(call, Order) else None
    try:
        request = Request(call.method, fill_url(base_url, call.path, values), fill_body(body, values))
    except UnfilledError as unfilled:
        return Refusal("incomplete", step.name, f"{title}: {unfilled}.")
    return Action(
        kind=kind,
        step=step.name,
        execution=execution,
        title=title,
        participant=step.participant,
        idempotency_key=key,
        explanation=f"{explanation} {_without(untold)}".strip(),
        request=request,
        retries=retries,
        question=None if kind == Kind.ASK else _question(subject, step, run, words),
    )


def _question(subject: Subject, step: Step, run: Run | None, words: Words) -> Question | None:
    asked = ask(subject, step, run, words, "")
    if isinstance(asked, Refusal) or asked.request is None:
        return None
    return Question(asked.request, asked.idempotency_key)


def _address(subject: Subject, step: Step) -> tuple[str, str]:
    """(base address, why nothing can be sent there)"""
    if not step.participant:
        return "", "the definition does not say who owns this step"
    address = subject.addresses.get(step.participant)
    if address is None:
        return "", f"no participant is registered as {step.participant}"
    if not address.base_url:
        return "", f"{step.participant} has no base address"
    if not address.can_sign:
        return "", f"{step.participant} has no signing secret, so that it could not know who calls"
    return address.base_url, ""


def _retries(call: Order, deadline: float | None) -> Retries:
    return Retries(
        attempts=call.retries.attempts,
        first=float(call.retries.first),
        most=float(call.retries.most),
        deadline=float(deadline or settings.DEFAULT_DEADLINE),
    )


def _values(subject: Subject, step: Step, run: Run | None, words: Words, untold: list[str]) -> Values:
    """Where a step never completed, what its events would have carried is null, and its name is `untold`."""
    execution = run.execution if run else ""
    known = {
        "saga": subject.saga_id,
        "type": subject.saga_type,
        "step": step.name,
        "execution": execution,
        "repair": words.repair,
        "reason": words.reason,
    }

    def value(name: str) -> Any:
        if name in known:
            return known[name]
        if name.startswith(placeholders.KEY):
            key = name.removeprefix(placeholders.KEY)
            if key in subject.state.keys:
                return subject.state.keys[key]
            raise UnfilledError(f"this saga has no business key {key}")
        if name.startswith(placeholders.DATA):
            path = name.removeprefix(placeholders.DATA)
            found = subject.datum(step.name, execution, path)
            if found is None and run and run.completed:
                raise UnfilledError(f"no event of “{step.title}” carries {path}")
            if found is None:
                untold.append(path)
            return found
        raise UnfilledError(f"{{{name}}} means nothing here")

    return value


def _without(untold: list[str]) -> str:
    names = ", ".join(dict.fromkeys(untold))
    return f"No event has told {names}: it goes as null." if untold else ""
