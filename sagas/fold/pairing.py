"""Which execution of a step a word is about that names none, or another than the one that ran."""

from sagas.events import OURSELVES
from sagas.facts import Execution, Said


def pair(executions: dict[str, Execution]) -> dict[str, Execution]:
    """Give compensations that name no known execution to the executions that have none of their own."""
    if len(executions) < 2:
        return executions
    executions = _join_ours(executions)
    forward = {key: run for key, run in executions.items() if run.forward}
    loose = [run for key, run in sorted(executions.items()) if key not in forward]
    if not forward or not loose:
        return executions
    back: Said = {}
    for run in loose:
        for word, by_source in run.back.items():
            back[word] = back.get(word, {}) | by_source
    return {key: run if run.back else Execution(run.forward, back, run.error) for key, run in forward.items()}


def _join_ours(executions: dict[str, Execution]) -> dict[str, Execution]:
    """What Amends was told of a step before anybody had named its execution is about the one named since."""
    ours = executions.get("")
    if ours is None or not ours.forward or len(executions) != 2:
        return executions
    if any(by_source.keys() != {OURSELVES} for by_source in ours.forward.values()):
        return executions
    ((key, named),) = (item for item in executions.items() if item[0])
    forward = {
        word: ours.forward.get(word, {}) | named.forward.get(word, {})
        for word in ours.forward.keys() | named.forward.keys()
    }
    joined = {key: Execution(forward, named.back, named.error)}
    return joined | {"": Execution({}, ours.back)} if ours.back else joined
