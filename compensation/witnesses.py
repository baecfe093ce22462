"""Whose word counts of what became of a step: its owner's, that of who drives the saga, Amends' own (pure).

Any participant's key may tell of any step of a saga, and the fold shows what was told. To end what was
sent to another participant takes more.
"""

from sagas import facts
from sagas.events import OURSELVES
from sagas.facts import Moment, Said
from sagas.fold import State


def newest(state: State, step: str, said: Said, word: str) -> Moment | None:
    """When somebody whose word counts said `word` last; `said` is of this step."""
    counting = {source: phase for source, phase in said.get(word, {}).items() if counts(state, step, source)}
    return facts.last({word: counting}, word)


def counts(state: State, step: str, source: str) -> bool:
    """Whoever owns no step, or has told that the saga started, drives it."""
    if source == OURSELVES:
        return True
    participants = state.facts.participants
    teller = participants.get(source, "")
    known = state.step(step)
    if known is None or teller == known.participant:
        return True
    drivers = {participants.get(one) for one in state.facts.marks.get("started", ())}
    return teller in drivers or all(teller != other.participant for other in state.steps)
