"""What the functions of codes share: what counts as proven, and how it is stated."""

from typing import Any

from sagas import facts
from sagas.detection.verdict import AT_ONCE, Verdict, iso, proof, skew
from sagas.facts import Moment
from sagas.fold import State, Step
from sagas.vocabulary import Code


def went_on_after(state: State, moment: Moment) -> bool:
    """Whether the engine said afterwards that the saga goes on, or started it anew."""
    return facts.precedes(moment, facts.last(state.facts.marks, "resumed", "started"), skew())


def is_meant(state: State, moment: Moment) -> bool:
    """Whether a person had started a repair before: what it does is no surprise."""
    repair = facts.first(state.facts.marks, "repair_started")
    return repair is not None and not facts.precedes(moment, repair, 0)


def times(step: Step, **moments: Moment) -> dict[str, Any]:
    return {"participant": step.participant} | {name: iso(moment) for name, moment in moments.items()}


def stated(code: Code, step: Step, since: Moment, *evidence: Moment, **detail: Any) -> Verdict:
    return Verdict(code, step.name, AT_ONCE, since.stamp.time, proof(*evidence), detail)


def missed(code: Code, step: Step, end: Moment, *evidence: Moment | None) -> Verdict:
    """What should have been there when the saga ended; its events may come a little later than the end."""
    since = end.stamp.time
    detail = times(step, ended=end)
    return Verdict(code, step.name, since + skew() + 1, since, proof(end, *evidence), detail)
