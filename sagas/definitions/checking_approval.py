"""What `approval` may get wrong: expressions, and words in them that nothing is ever called.

A word that is spelt wrong would make a rule false for ever, and nobody would be asked to agree.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from sagas.definitions.approval import FURTHEST, INTENTS, KINDS, VARIABLES, ApprovalRule
from sagas.definitions.checking_rules import Complain, not_among
from sagas.definitions.mentions import Part, chains
from sagas.definitions.reading import Place
from sagas.definitions.schema import Definition
from sagas.expressions import ExpressionError
from sagas.expressions.tree import Call, Constant, Literal, Loop, Name, Node, children

COMPARISONS = frozenset({"_==_", "_!=_", "@in"})
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# What the words are that a variable can hold, for saying that something is none.
WHAT = {
    "intent": "an intent",
    "kinds": "a kind of action",
    "steps": "a step of this definition",
    "participants": "a participant of this definition",
    "saga_type": "the type of this definition",
}
# Known without a definition.
WORDS: Mapping[str, Sequence[str]] = {"intent": INTENTS, "kinds": KINDS}
# Amounts by currency.
STAKES = frozenset({"stake", "cumulative.stake"})


def check_definition(definition: Definition, complain: Complain) -> None:
    participants = dict.fromkeys(step.participant for step in definition.steps if step.participant)
    words = {
        **WORDS,
        "steps": list(definition.step_names),
        "participants": list(participants),
        "saga_type": [definition.type],
    }
    check(definition.approval or [], complain, words)


def check(
    rules: Sequence[ApprovalRule], complain: Complain, words: Mapping[str, Sequence[str]] = WORDS
) -> None:
    """Call `complain` for everything that is wrong. `words`: by variable, all that it can ever hold."""
    for place, rule in enumerate(rules):
        path = f"approval[{place}]"
        for position, group in enumerate(rule.groups):
            if CONTROL.search(group):
                where = f"{path}.groups[{position}]"
                complain(where, f"{where} must not hold control characters")
        mistakes = _mistakes(rule, words)
        for mistake in mistakes:
            within = Place(mistake.line, mistake.column)
            complain(f"{path}.when", f"{path}.when: {mistake.message}", within=within)
        where = f"{path}.within"
        if rule.within and rule.within > FURTHEST:
            complain(where, f"{where} must be at most 31d")
        elif rule.within and not rule.looks_back and not mistakes:
            complain(where, f"{where} says how far back `cumulative` looks, which {path}.when does not name")


def _mistakes(rule: ApprovalRule, words: Mapping[str, Sequence[str]]) -> list[ExpressionError]:
    try:
        tree = rule.compiled.tree
    except ExpressionError as error:
        return [error]
    return [ExpressionError.at(rule.when, at, message) for at, message in _wrong(tree, words)]


def _wrong(tree: Node, words: Mapping[str, Sequence[str]]) -> Iterator[tuple[int, str]]:
    for variable, word in _compared(tree, {name: name for name in VARIABLES}):
        if variable in STAKES:
            yield from _no_currency(word)
        elif variable in words:
            yield from not_among([word], words[variable], WHAT[variable])
    for chain in chains(tree):
        if chain.root in STAKES:
            for part in chain.parts[:1]:
                yield from _no_currency(part)


def _no_currency(part: Part) -> Iterator[tuple[int, str]]:
    if part.name is not None and part.name != part.name.upper():
        yield part.at, f"currencies are told in capital letters; write {part.name.upper()}"


def _compared(node: Node, known: Mapping[str, str]) -> Iterator[tuple[str, Part]]:
    """(variable, text that it, or one of it, is compared with). `known`: variables by name here."""
    if isinstance(node, Loop):
        yield from _compared(node.over, known)
        inner = {name: variable for name, variable in known.items() if name != node.variable}
        if isinstance(node.over, Name) and node.over.name in known:
            inner[node.variable] = known[node.over.name]
        for part in (*node.body, node.result):
            yield from _compared(part, inner)
        return
    if isinstance(node, Call) and node.function in COMPARISONS:
        variables = [
            known[side.name] for side in node.arguments if isinstance(side, Name) and side.name in known
        ]
        for side in node.arguments:
            texts = side.elements if isinstance(side, Literal) else (side,)
            for text in texts:
                if isinstance(text, Constant) and text.value is not None:
                    yield from ((variable, Part(text.value, text.at)) for variable in variables)
    for child in children(node):
        yield from _compared(child, known)
