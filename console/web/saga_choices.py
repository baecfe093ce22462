"""What can be done about a saga, safest first: what each would change, or why it cannot be done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode

from compensation import planner
from compensation.models import Repair
from compensation.plan import Plan
from compensation.subject import Subject
from console import addresses
from console.web import looking
from sagas import advice
from sagas.advice import ADVICE, SAID, Action
from sagas.models import Finding, Saga
from sagas.vocabulary import Code, StepState

Intent = Repair.Intent

# Single steps that are offered by themselves; a saga with more is repaired as a whole, or through the API.
MOST_STEPS = 12

# Why a step is left alone, where that is news to whoever wants to do something about it.
TELLING = {"gone_back", "still_running", "being_compensated", "no_retry", "no_compensation", "no_status"}

FAILED = {StepState.FAILED, StepState.TIMED_OUT, StepState.COMPENSATION_FAILED, StepState.RUNNING}


@dataclass(frozen=True, slots=True)
class Choice:
    """`address` leads to a preview, or to what to look at. `why_not` is empty where it can be done."""

    kind: str  # an Action
    title: str
    says: str
    button: str
    address: str
    why_not: str = ""
    single: list["Choice"] = field(default_factory=list)  # the same for one step alone


@dataclass(frozen=True, slots=True)
class Choices:
    """What is offered, safest first; `others` are the repairs that nothing found here asks for."""

    sentence: str  # why the first one is the safest; empty where nothing is wrong
    offered: list[Choice]
    others: list[Choice]

    @property
    def first(self) -> str:
        """The address of the safest that can be done: the button that stands out."""
        return next((choice.address for choice in self.offered if not choice.why_not), "")


def choices(saga: Saga, subject: Subject, findings: Sequence[Finding], now: datetime) -> Choices:
    """`findings` are those that wait for somebody, the worst first."""
    possible = repairs(saga, subject, now)
    ways = advice.ways([Code(finding.code) for finding in findings])
    by_way = {way: next(one for one in findings if way in ADVICE[Code(one.code)].ways) for way in ways}
    return Choices(
        ADVICE[Code(findings[0].code)].sentence if findings else "",
        [
            possible[way] if way in possible else _look(way, finding, saga, subject, len(findings))
            for way, finding in by_way.items()
        ],
        [choice for way, choice in possible.items() if way not in ways],
    )


def _look(way: Action, finding: Finding, saga: Saga, subject: Subject, count: int) -> Choice:
    """What sends nothing: looking at something, and accepting, of several findings each by itself."""
    who = finding.problem.participant
    if way == Action.DEFINITION and saga.definition:
        where = addresses.definition(saga.saga_type, saga.definition.version)
    elif way == Action.PARTICIPANT and who in subject.addresses:
        where = addresses.participant(who)
    elif way == Action.ACCEPT and count > 1:
        where = f"{addresses.saga(saga.saga_type, saga.saga_id)}?tab=findings#detail"
    else:
        where = looking.address(way, finding)
    title, changes = SAID[way]
    return Choice(way, title, changes, "Accept…" if way == Action.ACCEPT else "Look", where)


def repairs(saga: Saga, subject: Subject, now: datetime) -> dict[str, Choice]:
    """Ask, compensate, retry, record; by their words."""
    whole = [
        _choice(saga, subject, intent, "", now, words)
        for intent, words in ((Intent.ASK, _asking), (Intent.COMPENSATE, _undoing), (Intent.RETRY, _retrying))
    ]
    ask, compensate, retry = whole
    state = subject.state
    with_effect = [*state.open_effects, *state.unknown_effects]
    undone = [step.name for step in reversed(state.steps) if step.name in with_effect][:MOST_STEPS]
    failed = [step.name for step in state.steps if step.state in FAILED][:MOST_STEPS]
    record = Choice(
        Intent.RECORD,
        "Record what was done elsewhere",
        "For a fix made by phone or in another tool. Nothing is sent; reason and evidence are asked for.",
        "Record…",
        address(saga, Intent.RECORD),
        why_not=f"{subject.rival} is at work on this saga." if subject.rival else "",
    )
    alone = [_choice(saga, subject, Intent.COMPENSATE, step, now, _undoing) for step in undone]
    again = [_choice(saga, subject, Intent.RETRY, step, now, _retrying) for step in failed]
    offered = (ask, _with_single(compensate, alone), _with_single(retry, again), record)
    return {choice.kind: choice for choice in offered}


def address(saga: Saga, intent: str, step: str = "", outcome: str = "") -> str:
    words = {"intent": intent, "step": step, "outcome": outcome}
    query = urlencode({name: word for name, word in words.items() if word})
    return f"{addresses.saga(saga.saga_type, saga.saga_id)}repair?{query}"


# A plan and the titles of steps → title, what it changes, what the button says.
Wording = Callable[[Plan, dict[str, str]], tuple[str, str, str]]


def _choice(saga: Saga, subject: Subject, intent: str, step: str, now: datetime, wording: Wording) -> Choice:
    plan = planner.plan(subject, intent, step, now)
    titles = {each.name: each.title for each in subject.state.steps}
    title, says, button = wording(plan, titles)
    return Choice(intent, title, says, button, address(saga, intent, step), _why_not(plan, subject))


def _why_not(plan: Plan, subject: Subject) -> str:
    """Empty where it can be started. Of an empty plan, what it leaves alone tells more than its emptiness."""
    if plan.can_start:
        return ""
    unwell = {step.name for step in subject.state.steps if step.state in FAILED}
    telling = [
        f"“{left.title}”: {left.why}"
        for left in plan.left_alone
        if left.code in TELLING and left.step in unwell
    ]
    if telling and all(refusal.code == "nothing_to_do" for refusal in plan.refusals):
        return " ".join(telling[:2])
    return " ".join(dict.fromkeys(refusal.why for refusal in plan.refusals))


def _with_single(whole: Choice, single: list[Choice]) -> Choice:
    """Offer the steps that can be done alone, unless that is what the whole comes to."""
    possible = [choice for choice in single if not choice.why_not]
    return replace(whole, single=possible) if whole.why_not or len(possible) > 1 else whole


def _asking(plan: Plan, titles: dict[str, str]) -> tuple[str, str, str]:
    who = list(dict.fromkeys(action.participant for action in plan.actions))
    if not who:
        return "Ask what happened", "Sends a status query. Changes nothing.", "Ask…"
    queries = "a status query" if len(plan.actions) == 1 else f"{len(plan.actions)} status queries"
    named = who[0] if len(who) == 1 else f"{len(who)} participants"
    return f"Ask {named} what happened", f"Sends {queries}. Changes nothing.", f"Ask {named}…"


def _undoing(plan: Plan, titles: dict[str, str]) -> tuple[str, str, str]:
    if len(plan.actions) == 1:
        (action,) = plan.actions
        title = f"Compensate “{titles.get(action.step, action.step)}”"
        return title, f"{_capital(action.title)}, by a request to {action.participant}.", "Plan…"
    if not plan.actions:
        return "Compensate", "Undoes what is in effect, in reverse order.", "Plan…"
    says = f"{_listed(plan)}: each is sent once the one before it is confirmed."
    return f"Compensate the whole saga, {len(plan.actions)} steps", says, "Plan…"


def _retrying(plan: Plan, titles: dict[str, str]) -> tuple[str, str, str]:
    if len(plan.actions) == 1:
        (action,) = plan.actions
        return f"Retry “{action.title.removeprefix('retry ')}”", action.explanation, "Plan…"
    if not plan.actions:
        return "Retry", "Does again what has failed.", "Plan…"
    return f"Retry {len(plan.actions)} steps", f"{_listed(plan)}: one after the other.", "Plan…"


def _listed(plan: Plan) -> str:
    titles = ", then ".join(action.title for action in plan.actions[:3])
    more = len(plan.actions) - 3
    return _capital(titles) + (f" and {more} more" if more > 0 else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
