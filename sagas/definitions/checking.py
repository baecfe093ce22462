"""What a well-formed definition may still get wrong: names that lead nowhere, and things that contradict."""

import re
from collections import Counter
from urllib.parse import urlsplit

from sagas.definitions import checking_approval, checking_events, checking_rules, masked, placeholders
from sagas.definitions.checking_rules import Complain
from sagas.definitions.schema import Call, Definition, Order, StepDefinition
from sagas.vocabulary import StepKind

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
PATH = re.compile(r"[^.\s]+(?:\.[^.\s]+)*")
CHANGES = re.compile(r"(?:POST|PUT|PATCH|DELETE) /\S*")
ASKS = re.compile(r"GET /\S*")


def check(definition: Definition, complain: Complain) -> None:
    """Call `complain(path, message)` for everything that is wrong."""
    _check_letters(definition, complain)
    _check_paths(definition, complain)
    _check_stake(definition, complain)
    _check_runbook(definition, complain)
    _check_names(definition, complain)
    _check_order(definition, complain)
    for place, step in enumerate(definition.steps):
        _check_step(definition, step, f"steps[{place}]", complain)
    checking_events.check(definition, complain)
    checking_rules.check(definition, complain)
    checking_approval.check_definition(definition, complain)
    masked.check(definition, complain)


def _check_letters(definition: Definition, complain: Complain) -> None:
    named = {"type": definition.type, "version": definition.version}
    for place, step in enumerate(definition.steps):
        named |= {f"steps[{place}].name": step.name, f"steps[{place}].participant": step.participant}
    labels = {f"keys.{name}": name for name in definition.keys}
    labels |= {f"display.{name}": name for name in definition.display}
    labels |= {f"rules[{place}].name": rule.name for place, rule in enumerate(definition.rules)}
    for path, text in (named | labels).items():
        if CONTROL.search(text):
            complain(path, f"{path} must not hold control characters")


def _check_paths(definition: Definition, complain: Complain) -> None:
    given = [(f"keys.{name}", path) for name, path in definition.keys.items()]
    for name, several in definition.display.items():
        if isinstance(several, str):
            given.append((f"display.{name}", several))
        else:
            given += [(f"display.{name}[{place}]", path) for place, path in enumerate(several)]
    given += [(f"masked[{place}]", path) for place, path in enumerate(definition.masked)]
    for where, path in given:
        if not PATH.fullmatch(path):
            complain(where, f'{where} must be a path such as customer.id; got "{path}"')


def _check_stake(definition: Definition, complain: Complain) -> None:
    at_stake = definition.at_stake
    if at_stake is None:
        return
    example = "{amount: total.amount, currency: total.currency}, {weight: 50}, or a path such as total.amount"
    if bool(at_stake.amount) == (at_stake.weight is not None):
        complain("stake", f"stake must have either an amount or a weight: {example}")
    if at_stake.currency and not at_stake.amount:
        complain("stake.currency", "stake.currency must go: only an amount has a currency")
    where = "stake" if isinstance(definition.stake, str) else "stake.amount"
    if at_stake.amount and not PATH.fullmatch(at_stake.amount):
        complain(where, f'{where} must be a path such as total.amount; got "{at_stake.amount}"')
    if at_stake.currency and not PATH.fullmatch(at_stake.currency):
        complain(
            "stake.currency",
            f'stake.currency must be a path such as total.currency, or EUR; got "{at_stake.currency}"',
        )


def _check_runbook(definition: Definition, complain: Complain) -> None:
    # It becomes a link on a page, where javascript: would run.
    if definition.runbook and not _is_web_address(definition.runbook):
        complain("runbook", f'runbook must be an http or https address; got "{definition.runbook}"')


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _check_names(definition: Definition, complain: Complain) -> None:
    first: dict[str, int] = {}
    for place, step in enumerate(definition.steps):
        if step.name in first:
            where = f"steps[{first[step.name]}]"
            complain(
                f"steps[{place}].name", f'steps[{place}].name must be its own; "{step.name}" is also {where}'
            )
        first.setdefault(step.name, place)


def _check_order(definition: Definition, complain: Complain) -> None:
    names = list(dict.fromkeys(step.name for step in definition.steps))
    for place, step in enumerate(definition.steps):
        for position, name in enumerate(step.after or ()):
            path = f"steps[{place}].after[{position}]"
            if name not in names:
                complain(path, f'{path} must be one of {", ".join(names)}; got "{name}"')
            elif name == step.name:
                complain(path, f"{path} must be another step than {name} itself")
    if len(names) == len(definition.steps):
        _check_cycles(definition, complain)


def _check_cycles(definition: Definition, complain: Complain) -> None:
    before = {
        name: {other for other in others if other != name and other in definition.predecessors}
        for name, others in definition.predecessors.items()
    }
    # Take away what waits for nothing, until only steps that wait for one another are left.
    waited = Counter(other for others in before.values() for other in others)
    while True:
        free = [name for name, others in before.items() if not others] + [
            name for name in before if not waited[name]
        ]
        if not free:
            break
        for name in set(free):
            del before[name]
        before = {name: others & set(before) for name, others in before.items()}
        waited = Counter(other for others in before.values() for other in others)
    if before:
        place = next(place for place, step in enumerate(definition.steps) if step.name in before)
        complain(
            f"steps[{place}].after", f"steps[{place}].after must not lead back to the step: {_circle(before)}"
        )


def _circle(before: dict[str, set[str]]) -> str:
    """One way round, in the order in which the steps would have to run."""
    way = [next(iter(before))]
    while len(way) == len(set(way)):
        way.append(min(before[way[-1]]))
    return " → ".join(reversed(way[way.index(way[-1]) :]))


def _check_step(definition: Definition, step: StepDefinition, path: str, complain: Complain) -> None:
    if step.compensation and step.kind == StepKind.READONLY:
        complain(
            f"{path}.compensation", f"{path}.compensation must go: a readonly step leaves nothing to undo"
        )
    if step.compensation and step.kind == StepKind.RETRIABLE:
        complain(
            f"{path}.compensation",
            f"{path}.compensation must go: a retriable step goes forward until it succeeds; "
            "call the step compensatable if it can be undone",
        )
    calls: list[tuple[str, Call | None]] = [
        ("compensation", step.compensation),
        ("retry", step.retry),
        ("status", step.status),
    ]
    for name, call in calls:
        if call is None:
            continue
        if not step.participant:
            complain(f"{path}.{name}", f"{path} must name the participant that its {name} is sent to")
        _check_call(definition, call, f"{path}.{name}", complain)


def _check_call(definition: Definition, call: Call, path: str, complain: Complain) -> None:
    # Placeholders are filled in later and may hold anything; only what stands around them is judged.
    written = placeholders.PLACEHOLDER.sub("x", call.request)
    example = "POST /path" if isinstance(call, Order) else "GET /path"
    if not (CHANGES if isinstance(call, Order) else ASKS).fullmatch(written):
        complain(f"{path}.request", f'{path}.request must be such as "{example}"; got "{call.request}"')
    elif written.partition(" ")[2].startswith("//"):
        complain(
            f"{path}.request", f"{path}.request must be a path below the participant's address, not a host"
        )
    found = list(placeholders.found_in(call.request, f"{path}.request"))
    if isinstance(call, Order):
        found += placeholders.found_in(call.body, f"{path}.body")
        if call.retries.most < call.retries.first:
            complain(f"{path}.retries.most", f"{path}.retries.most must not be shorter than first")
    for where, word in found:
        _check_placeholder(definition, word, where, complain)


def _check_placeholder(definition: Definition, word: str, path: str, complain: Complain) -> None:
    if word in placeholders.SIMPLE:
        return
    if word.startswith(placeholders.KEY):
        name = word.removeprefix(placeholders.KEY)
        if name not in definition.keys:
            known = ", ".join(definition.keys) or "none, as keys is empty"
            complain(path, f'{path} has {{{word}}}: the key must be one of {known}; got "{name}"')
    elif word.startswith(placeholders.DATA):
        if "" in word.split("."):
            complain(path, f"{path} has {{{word}}}: data must be followed by a path such as data.charge_id")
    else:
        complain(path, f"{path} has {{{word}}}: a placeholder must be one of {placeholders.KNOWN}")
