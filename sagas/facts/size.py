"""How much there is to tell apart in a saga's facts: what its size grows by."""

from sagas.facts.model import Execution, Facts, Said

# Step and execution; of the saga itself both are empty.
Part = tuple[str, str]
WHOLE: Part = ("", "")

# One source's word on one part takes no fewer characters of encoded facts.
LEAST = 30


def speakers(facts: Facts) -> dict[Part, set[str]]:
    """Of each step execution, and of the saga as a whole, the sources that spoke of it."""
    found = {WHOLE: _sources(facts.marks)}
    for step, executions in facts.steps.items():
        for name, execution in executions.items():
            found[step, name] = _of(execution)
    return found


def _of(execution: Execution) -> set[str]:
    return _sources(execution.forward) | _sources(execution.back)


def _sources(said: Said) -> set[str]:
    return {source for by_source in said.values() for source in by_source}
