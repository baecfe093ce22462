"""What is wrong with a saga beyond its own steps: its definition's rules and conflicts. Pure.

Ingest asks when to look, the sweep what is wrong, a trial of a draft both: all by these two functions.
"""

from collections.abc import Sequence

from sagas.detection import conflicts, rules
from sagas.detection.sight import Sight
from sagas.detection.verdict import AT_ONCE, Verdict
from sagas.vocabulary import Code


def prospects(mine: Sight, linked: Sequence[Sight] | None) -> list[Verdict]:
    """What is wrong, or will be if nothing more is heard; at most one verdict for each code and step.

    `linked`: the sagas with a business key of this one (`Definition.linking` says by which); None where
    nobody has looked, which passes over what depends on them.
    """
    found: dict[tuple[Code, str], Verdict] = {}
    for verdict in (*rules.prospects(mine, linked), *conflicts.prospects(mine, linked)):
        found.setdefault((verdict.code, verdict.step), verdict)
    return list(found.values())


def foreseen(mine: Sight) -> list[Verdict]:
    """What ingest can tell without looking at other sagas: `due` says when somebody has to look.

    What depends on others stands for itself with no evidence: it says only that the sweep has to look.
    """
    found = prospects(mine, None)
    definition = mine.definition
    if definition is None:
        return found
    dues = [rules.settled_at(rule, mine) for rule in definition.rules if rule.mentions.others]
    if any(conflicts.at_work(mine, conflict.steps) is not None for conflict in definition.conflicts):
        dues.append(AT_ONCE)
    found += [Verdict(Code.RULE_UNDECIDED, "", due, due, (), {}) for due in dues]
    return found
