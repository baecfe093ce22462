"""The state of a saga as a function of its set of events.

`derive` is pure: from merged facts (sagas.facts), the definition where there is one, and the time now, it
tells where each step and the saga stand. What the engine says (`engine_says`) is kept apart from what the
steps show. Where two facts contradict each other and nothing proves their order, the reading that leaves
more to look at wins: an effect is open rather than gone, an outcome unknown rather than fine.
"""

from sagas.facts import SECOND
from sagas.fold.deriving import derive
from sagas.fold.state import URGENCY, Run, State, Step

__all__ = ["SECOND", "URGENCY", "Run", "State", "Step", "derive"]
