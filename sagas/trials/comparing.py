"""What a definition would have made of one recorded saga, beside what was made of it. Pure."""

from collections.abc import Sequence

from sagas import story
from sagas.definitions import Definition
from sagas.detection.rules import PREFIX
from sagas.detection.sight import Sight
from sagas.trials import results
from sagas.trials.recorded import Recorded
from sagas.trials.replaying import Replayed, replay
from sagas.trials.results import Results
from sagas.vocabulary import FAULTS, Code, Severity


def take(found: Results, saga: Recorded, linked: Sequence[Sight], definition: Definition, now: int) -> None:
    """Replay the saga and count what came of it; see `replaying.replay`.

    Whatever can go wrong, in a saga like no other, goes wrong in the replay, before anything is counted.
    """
    newest = max((arrival.at for arrival in saga.arrivals), default=now)
    replayed = replay(saga, linked, definition, max(now, newest))
    state = replayed.state
    found.events += len(saga.arrivals)
    found.takers += saga.definition_pk is None or state.version == definition.version
    if state.status != saga.status:
        found.change(saga.status, state.status).sagas.add(saga.pk)
    results.count(found.keys, definition.keys.keys() & state.keys.keys())
    results.count(found.display, definition.display.keys() & state.display.keys())
    heard = [step for step in state.steps if step.runs]
    results.count(found.steps, (step.name for step in heard if step.definition))
    for step in heard:
        if not step.definition:
            found.meet(step.name, saga.pk)
    _compare(found, saga, definition, replayed)


def _compare(found: Results, saga: Recorded, definition: Definition, replayed: Replayed) -> None:
    holding = {(verdict.code, verdict.step) for verdict in replayed.now}
    is_flagged = is_new = is_freed = False
    for key, verdict in replayed.ever.items():
        if verdict.code == Code.UNKNOWN_STEP:
            # Told by step beside the others that were heard of.
            continue
        is_flagged |= not _is_note(verdict.code)
        is_new |= not _is_note(verdict.code) and key not in saga.found
        title = story.title(verdict.code, verdict.step, verdict.detail, definition)
        if flag := found.flag(verdict.code, verdict.step, title):
            (flag.known if key in saga.found else flag.new).add(saga.pk)
            flag.still += key in holding
    for (code, step), one in saga.found.items():
        if (code, step) in replayed.ever or not _can_be_told(code, step, definition, is_open=one.is_open):
            continue
        is_freed |= not _is_note(code)
        if flag := found.flag(code, step, one.title):
            flag.gone.add(saga.pk)
    for is_so, listed in ((is_flagged, found.flagged), (is_new, found.newly), (is_freed, found.freed)):
        if is_so:
            listed.add(saga.pk)


def _is_note(code: Code) -> bool:
    """Whether it is about the data: it has a line of its own, and flags no saga."""
    return FAULTS[code].severity == Severity.NOTE


def _can_be_told(code: Code, step: str, definition: Definition, *, is_open: bool) -> bool:
    """Whether a trial can tell that it would not have been found."""
    if code in {Code.SOURCE_SILENT, Code.UNKNOWN_STEP}:
        # No definition has anything to do with the one, and the other is told by step.
        return False
    rule = next((rule for rule in definition.rules if PREFIX + rule.name == step), None)
    if code == Code.OVERLAPPING_SAGAS or (rule and rule.mentions.others):
        # It depends on other sagas, and those are looked at as of now alone.
        return is_open
    return True
