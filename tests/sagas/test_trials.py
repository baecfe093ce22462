"""A definition is tried on recorded sagas: what it would have found and changed; and it changes nothing."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sagas import definitions, trials
from sagas.definitions import DefinitionError
from sagas.detection.sweep import sweep
from sagas.models import AuditEntry, Definition, Saga, Trial
from sagas.trials import (
    ChangedError,
    FinishedError,
    NotTriedError,
    TooManyError,
    asking,
    looking,
    replaying,
    working,
)
from sagas.vocabulary import Code
from tests.sagas.storing import ORDER, define, put
from tests.sagas.trying import ADA, HASTY, finish, found, put_slow, stored, try_out

# The reading transaction is read-only, and must be one of its own.
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_shorter_deadline_would_have_flagged_exactly_those_that_took_longer() -> None:
    define()
    quick = [put_slow(f"quick-{n}", pause=3) for n in range(20)]
    slow = [put_slow(f"slow-{n}", pause=9) for n in range(3)]
    sweep()
    trial, results = try_out()
    assert (trial.state, trial.looked_at, trial.of) == ("done", 23, 23)
    (flag,) = results.flags.values()
    assert (flag.code, flag.step, flag.title) == (Code.STEP_IN_DOUBT, "ship", "ship parcel never answered")
    assert (flag.count, flag.new.count, flag.known.count, flag.gone.count, flag.still) == (3, 3, 0, 0, 0)
    assert flag.new.sagas == [saga.pk for saga in reversed(slow)]
    assert results.newly.count == results.flagged.count == 3
    assert not set(flag.new.sagas) & {saga.pk for saga in quick}


def test_what_was_found_is_told_from_what_would_be_new_and_what_would_be_gone() -> None:
    define()
    known = put("saga.started charge:S charge:C ship:S", "known", ago=40)
    new = put("saga.started charge:S charge:C ship:S", "new", ago=20)
    sweep()
    _, results = try_out()
    flag = results.flags["step_in_doubt ship"]
    assert (flag.known.sagas, flag.new.sagas, flag.gone.sagas) == ([known.pk], [new.pk], [])
    assert flag.still == 2
    _, results = try_out(HASTY.replace("deadline: 5s", "deadline: 1h"))
    flag = results.flags["step_in_doubt ship"]
    assert (flag.count, flag.gone.sagas) == (0, [known.pk])
    assert results.freed.sagas == [known.pk]


RULES = (
    HASTY
    + """
rules:
  - name: shipped-is-paid
    title: shipped ⇒ paid
    expression: "!steps.ship.open || steps.charge.open"
    settle: 1s
"""
)


def test_a_rule_would_have_flagged_exactly_the_three_that_break_it() -> None:
    define()
    for number in range(20):
        put("saga.started charge:S charge:C ship:S ship:C", f"paid-{number}", ago=3600)
    unpaid = [
        put("charge:S charge:C ship:S ship:C charge:KS charge:K+", f"unpaid-{n}", ago=3600) for n in range(3)
    ]
    unknown = put("charge:T ship:S ship:C", "unknown", ago=3600)
    sweep()
    before = stored("sagas_auditentry", "sagas_audithead")
    trial, results = try_out(RULES)
    assert trial.state == "done"
    broken = results.of(Code.RULE_BROKEN, "rule:shipped-is-paid")
    assert broken.new.sagas == [saga.pk for saga in reversed(unpaid)]
    assert (broken.count, broken.still, broken.known.count) == (3, 3, 0)
    assert results.of(Code.RULE_UNDECIDED, "rule:shipped-is-paid").new.sagas == [unknown.pk]
    assert stored("sagas_auditentry", "sagas_audithead") == before


def test_a_rule_that_was_broken_for_a_while_is_counted() -> None:
    began = timezone.now() - timedelta(hours=1)
    saga = put("ship:S ship:C", now=began)
    put("charge:S charge:C", now=began + timedelta(minutes=1), first=5)
    _, results = try_out(RULES)
    broken = results.of(Code.RULE_BROKEN, "rule:shipped-is-paid")
    assert (broken.new.sagas, broken.still) == ([saga.pk], 0)


def test_rules_look_at_other_sagas_by_the_keys_that_the_draft_finds() -> None:
    """The recorded sagas were read by a definition without keys."""
    define()
    keyed = ORDER.replace('version: "1"', 'version: "2"\nkeys: {failure: error}')
    define(keyed.replace("type: order", "type: refund"))
    mine = put("saga.started charge:F", "mine", ago=60)
    put("saga.started charge:F", "other", ago=60, saga_type="refund")
    text = (
        keyed
        + """
rules:
  - {name: alone, expression: "others.size() == 0", settle: 1s}
"""
    )
    _, results = try_out(text)
    assert results.of(Code.RULE_BROKEN, "rule:alone").new.sagas == [mine.pk]
    _, results = try_out(text.replace("{failure: error}", "{nothing: no.such}"))
    assert not results.of(Code.RULE_BROKEN, "rule:alone").count


def test_what_was_over_before_the_sweep_came_round_is_not_counted() -> None:
    began = timezone.now() - timedelta(hours=1)
    for saga_id, pause in (("just", 10.1), ("late", 11.1)):
        put("charge:S", saga_id, now=began)
        put("charge:C", saga_id, now=began + timedelta(seconds=pause), first=5)
        put("saga.compensated", saga_id, now=began + timedelta(seconds=pause), first=10)
    _, results = try_out(ORDER)
    late = Saga.objects.get(saga_id="late")
    assert results.flags["step_in_doubt charge"].new.sagas == [late.pk]


def test_what_it_makes_of_statuses_steps_and_payloads_is_counted() -> None:
    define()
    put("saga.started charge:S charge:C pack:S pack:C", "o-1", ago=5)
    put("saga.started charge:F", "o-2", ago=5)
    text = """
type: order
version: "2"
keys: {order: order_id}
display: {why: error}
steps:
  - {name: charge, kind: readonly}
  - {name: shipp, kind: pivot, required: false}
"""
    _, results = try_out(text)
    (change,) = results.changes.values()
    assert (change.before, change.after, change.sagas.count) == ("running", "completed", 1)
    assert results.steps == {"charge": 2}
    assert results.strangers["pack"].count == 1
    assert (results.keys, results.display) == ({}, {"why": 1})
    assert results.takers == 0


def test_sagas_that_would_take_it_up_are_counted() -> None:
    put("saga.started charge:S", "o-1")
    _, results = try_out(ORDER)
    assert results.takers == 1


def test_nothing_is_changed_by_a_trial() -> None:
    define()
    for number in range(5):
        put("saga.started charge:S charge:C ship:S", f"o-{number}", ago=40 * number)
    put_slow("slow", pause=50)
    sweep()
    before = stored("sagas_auditentry", "sagas_audithead")
    try_out()
    try_out(ORDER.replace("name: ship", "name: send"))
    assert stored("sagas_auditentry", "sagas_audithead") == before
    assert not Definition.objects.exclude(version="1").exists()


def test_other_types_and_later_sagas_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "SAGAS_AT_ONCE", 2)
    for number in range(5):
        put("saga.started", f"o-{number}")
    trial = trials.ask(HASTY, "draft", ADA)
    put("saga.started", "later")
    finish(trial)
    assert (trial.looked_at, found(trial).looked_at) == (5, 5)
    trial, results = try_out(HASTY.replace("type: order", "type: wallet"))
    assert (trial.state, trial.of, results.looked_at) == ("done", 0, 0)


def test_the_newest_are_looked_at_and_no_more_than_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "MOST", 3)
    monkeypatch.setattr(looking, "SAGAS_AT_ONCE", 2)
    sagas = [put("saga.started charge:S charge:C", f"o-{number}", ago=3600) for number in range(5)]
    trial, results = try_out()
    assert (trial.of, trial.looked_at) == (3, 3)
    assert results.flags["saga_stalled ship"].new.sagas == [saga.pk for saga in reversed(sagas[2:])]


def test_a_saga_with_many_events_is_read_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "EVENTS_AT_ONCE", 4)
    for number in range(4):
        put("saga.started charge:S charge:C ship:S ship:C", f"o-{number}")
    trial, results = try_out()
    assert (trial.looked_at, results.events) == (4, 20)


def test_a_costly_definition_is_tried_in_smaller_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "LONGEST", 0)
    for number in range(4):
        put_slow(f"slow-{number}", pause=9)
    trial, results = try_out()
    assert (trial.looked_at, results.flags["step_in_doubt ship"].count) == (4, 4)


def test_a_long_saga_is_judged_in_its_longest_pauses() -> None:
    began = timezone.now() - timedelta(hours=1)
    put("saga.started", now=began)
    for number in range(70):
        put("ship:R", now=began + timedelta(seconds=2 * number + 2), first=number + 10)
    put("ship:C", now=began + timedelta(seconds=160), first=100)
    _, results = try_out()
    assert results.flags["attempt_storm ship"].count == 1


def test_lists_end_and_counts_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagas.trials.results.MOST_LISTED", 2)
    monkeypatch.setattr("sagas.trials.results.MOST_LINES", 3)
    for number in range(5):
        put(f"saga.started step-{number}:T", f"o-{number}")
    put("saga.started step-4:T", "o-5")
    _, results = try_out()
    assert len(results.flags) == len(results.strangers) == 3
    assert results.strangers["step-4"].count == 2
    assert results.newly.count == 6
    assert len(results.newly.sagas) == 2
    assert results.left_out == 4


def test_asking_twice_is_asking_once() -> None:
    put("saga.started")
    trial = trials.ask(HASTY, "draft", ADA)
    assert trials.ask(HASTY, "draft", ADA) == trial
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.object_id) == ("ada", "trial.asked", str(trial))
    finish(trial)
    assert trials.ask(HASTY, "draft", ADA) != trial


def test_no_more_than_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_AT_WORK", 1)
    trials.ask(HASTY, "draft", ADA)
    with pytest.raises(TooManyError, match="waiting already"):
        trials.ask(ORDER, "draft", ADA)
    assert Trial.objects.count() == 1


@pytest.mark.parametrize(
    "text",
    ["", "type: [", "a: &a [*a, *a]", "type: x\nversion: '1'\nsteps: [{name: a}]", "&a [" * 200, "\x00"],
)
def test_what_is_no_definition_is_no_trial(text: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        trials.ask(text, "draft", ADA)
    assert caught.value.complaints[0].place.line >= 1
    assert not Trial.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_cancelled_trial_stops_where_it_is() -> None:
    for number in range(3):
        put("saga.started", f"o-{number}")
    trial = trials.ask(HASTY, "draft", ADA)
    claim = working.take(timezone.now())
    assert claim
    trials.cancel(trial, ADA)
    working.look(claim)
    trial.refresh_from_db()
    assert claim.is_lost
    assert (trial.state, trial.looked_at, trial.results) == ("cancelled", 0, {})
    assert AuditEntry.objects.latest("sequence").action == "trial.cancelled"
    with pytest.raises(FinishedError):
        trials.cancel(trial, ADA)
    assert trials.work() == 0


def test_what_was_tried_is_loaded_to_the_letter() -> None:
    saga = put("saga.started charge:S")
    text = HASTY + "# to the letter ä\n"
    trial, _ = try_out(text)
    activated = trials.activate(trial, trial.digest, ADA)
    assert (activated.loaded.is_new, activated.adoption.state, activated.adoption.adopted) == (
        True,
        "done",
        1,
    )
    row = Definition.objects.get()
    assert (row.source, row.digest) == (text, hashlib.sha256(text.encode()).hexdigest())
    saga.refresh_from_db()
    trial.refresh_from_db()
    assert saga.definition == trial.definition == row
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.action, entry.actor, entry.after["file"]) == ("definition.loaded", "ada", str(trial))


def test_only_what_was_tried_to_the_end_is_loaded() -> None:
    trial = trials.ask(HASTY, "draft", ADA)
    with pytest.raises(NotTriedError):
        trials.activate(trial, trial.digest, ADA)
    trials.cancel(trial, ADA)
    with pytest.raises(NotTriedError):
        trials.activate(trial, trial.digest, ADA)
    assert not Definition.objects.exists()


def test_what_has_changed_is_not_loaded() -> None:
    trial, _ = try_out()
    with pytest.raises(ChangedError):
        trials.activate(trial, "0" * 64, ADA)
    # Somebody at the database.
    Trial.objects.update(text=HASTY.replace("5s", "5h"))
    with pytest.raises(ChangedError):
        trials.activate(trial, trial.digest, ADA)
    assert not Definition.objects.exists()


def test_a_version_that_is_taken_is_refused_with_its_place() -> None:
    define()
    trial, _ = try_out(ORDER.replace("30s", "5s"))
    assert trials.already_loaded(trial)
    with pytest.raises(DefinitionError, match="version must be a new one"):
        trials.activate(trial, trial.digest, ADA)


def test_a_saga_that_cannot_be_judged_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    sagas = [put("saga.started charge:T", f"o-{number}") for number in range(3)]
    prospects = replaying.judge.prospects
    times = iter(range(10))

    def mistaken(*what: Any) -> Any:
        if next(times) == 0:
            raise ValueError("a mistake of ours")
        return prospects(*what)

    monkeypatch.setattr(replaying.judge, "prospects", mistaken)
    trial, results = try_out()
    assert (trial.state, results.looked_at) == ("done", 3)
    assert results.unread.sagas == [sagas[-1].pk]
    assert results.flags["step_in_doubt charge"].count == 2


def test_old_trials_are_removed_and_so_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    try_out(ORDER)
    waiting = trials.ask(HASTY, "draft", ADA)
    Trial.objects.update(asked_at=timezone.now() - working.KEPT - timedelta(hours=1))
    trials.work()
    assert list(Trial.objects.values_list("pk", flat=True)) == [waiting.pk]
    monkeypatch.setattr(working, "MOST_KEPT", 2)
    made = [try_out(ORDER.replace("30s", f"{n}s"))[0].pk for n in range(1, 5)]
    trials.work()
    assert list(Trial.objects.order_by("pk").values_list("pk", flat=True)) == made[-2:]


def test_a_draft_is_tried_without_a_row() -> None:
    for number in range(3):
        put_slow(f"slow-{number}", pause=9)
    before = stored()
    told: list[tuple[int, int]] = []
    results = trials.try_here(
        definitions.parse(HASTY, "x.yaml"), timezone.now(), lambda *progress: told.append(progress)
    )
    assert results.flags["step_in_doubt ship"].count == 3
    assert told == [(3, 3)]
    assert stored() == before
    assert not Trial.objects.exists()
