"""A definition written from what was seen: what is in it, and that it always loads."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagas import definitions, describing, facts, ingest
from sagas.definitions import Definition, paths
from sagas.definitions.checking import CONTROL
from sagas.describing import Suggestions, sampling
from sagas.describing.observing import MOST_STEPS, Times
from sagas.describing.writing import deadline, quoted
from sagas.events import Incoming
from sagas.facts import Facts, Observed
from sagas.models import Saga
from sagas.vocabulary import SAID_TO_AMENDS, Kind
from tests.sagas.saying import START, say
from tests.sagas.storing import define, put

GOOD = "saga.started reserve:S reserve:C charge:S charge:C ship:S ship:C saga.completed"
BAD = "saga.started reserve:S reserve:C charge:S charge:F reserve:KS reserve:K+ saga.failed"


def folded(*events: Observed) -> Facts:
    return facts.merge(Facts(), events)


def written(sagas: Sequence[Facts], suggestions: Suggestions | None = None, saga_type: str = "order") -> str:
    return describing.write(describing.observe(saga_type, sagas), suggestions or Suggestions(), "1")


def described(*sagas: Facts) -> Definition:
    return definitions.parse(written(sagas), "seen.yaml")


def told(*words: str) -> list[Facts]:
    return [folded(*say(each)) for each in words]


def uncommented(text: str) -> str:
    """With all that it suggests taken for said."""
    return re.sub(
        r"^( *)# (?=( *)(keys:|display:|compensation:|owner:|runbook:|deadline:|  ))", r"\1", text, flags=re.M
    )


def test_steps_stand_in_the_order_in_which_they_ran() -> None:
    definition = described(*told(*[GOOD] * 3, BAD))
    assert [step.name for step in definition.steps] == ["reserve", "charge", "ship"]
    assert [step.after for step in definition.steps] == [None, None, None]
    assert [step.participant for step in definition.steps] == ["reserve", "charge", "ship"]
    assert all(step.required for step in definition.steps)


def test_steps_that_ran_beside_one_another_wait_for_the_same() -> None:
    side = "saga.started check:S check:C flight:S hotel:S hotel:C flight:C charge:S charge:C saga.completed"
    definition = described(*told(side, side))
    assert definition.predecessors == {
        "check": (),
        "flight": ("check",),
        "hotel": ("check",),
        "charge": ("flight", "hotel"),
    }


def test_one_saga_that_ran_otherwise_proves_nothing() -> None:
    odd = "saga.started charge:S reserve:S reserve:C charge:C ship:S ship:C saga.completed"
    definition = described(*told(*[GOOD] * 30, odd))
    assert [step.name for step in definition.steps] == ["reserve", "charge", "ship"]
    assert definition.predecessors["charge"] == ("reserve",)


def test_steps_that_never_met_do_not_wait_for_one_another() -> None:
    definition = described(*told("card:S card:C saga.completed", "invoice:S invoice:C saga.completed"))
    assert definition.predecessors == {"card": (), "invoice": ()}
    assert [step.required for step in definition.steps] == [False, False]


def test_what_is_not_in_nearly_all_finished_sagas_is_not_required() -> None:
    thanked = GOOD.replace("saga.completed", "thank:S thank:C saga.completed")
    skipped = GOOD.replace("saga.completed", "thank:N saga.completed")
    by_name = {step.name: step for step in described(*told(*[GOOD] * 50, thanked, skipped)).steps}
    assert not by_name["thank"].required
    assert by_name["ship"].required
    assert all(step.required for step in described(*told(thanked, skipped)).steps)
    text = written(told(*[GOOD] * 50, thanked, skipped))
    assert "required: false  # it completed in 2 of 52 sagas that finished" in text


def test_where_nobody_tells_the_end_quiet_sagas_count_as_finished() -> None:
    open_end = GOOD.replace(" saga.completed", "")
    later = [folded(*(moved(event, 3600) for event in say("reserve:S")))]
    seen = describing.observe("order", [*later, *told(*[open_end] * 4)])
    assert (seen.finished, seen.is_told) == (4, False)
    assert "Nobody tells the end of these sagas" in describing.write(seen, Suggestions(), "1")
    # As long as nothing else went on for a while, each may still go on.
    assert describing.observe("order", told(*[open_end] * 4)).finished == 0


def moved(event: Observed, seconds: int) -> Observed:
    return Observed(
        event.source, event.event_id, event.kind, event.time + seconds * facts.SECOND, step=event.step
    )


def test_what_was_undone_and_what_was_not_is_told_for_a_person_to_decide() -> None:
    text = written(told(*[GOOD] * 2, BAD, BAD.replace("reserve:KS reserve:K+", "reserve:KS reserve:K-")))
    reserve, charge, _ = text.split("  - name: ")[1:]
    assert "kind: compensatable  # it ran in 4 sagas, failed in 0, was undone in 1" in reserve
    assert "In 1 saga undoing it failed." in reserve
    assert "# compensation:" in reserve
    assert "failed in 2, was undone in 0" in charge
    assert "Never seen undone. Is it compensatable, pivot, retriable or readonly?" in charge
    assert "# compensation:" not in charge
    left = written(told(BAD.replace(" reserve:KS reserve:K+", " other:KS other:K+")))
    assert "In 1 saga that went back after it had completed, nobody spoke of undoing it." in left


@pytest.mark.parametrize(
    ("samples", "p99", "seconds"),
    [
        (99, 1, None),
        (100, 0.2, 10),
        (100, 3.3, 10),
        (100, 3.4, 15),
        (100, 40, 120),
        (100, 4000, 14400),
        (100, 14401, 86400),
        (100, 30000, 2 * 86400),
        (100, 1e9, 3650 * 86400),
    ],
)  # fmt: skip
def test_a_deadline_is_generous_and_only_from_enough_runs(
    samples: int, p99: float, seconds: float | None
) -> None:
    assert deadline(Times(samples, p99, p99)) == seconds


def test_deadlines_come_from_what_was_measured() -> None:
    few, enough = told(*[GOOD] * 99), told(*[GOOD] * 100)
    assert [step.deadline for step in described(*few).steps] == [None] * 3
    assert "# deadline: 30s  # Only 99 completed, the longest in 10 s: too few to say." in written(few)
    definition = described(*enough)
    assert [step.deadline for step in definition.steps] == [30, 30, 30]
    assert definition.deadline == 300


def test_who_told_of_it_in_most_sagas_is_its_participant() -> None:
    def by(participant: str) -> Facts:
        return folded(Observed("s", "1", Kind.STEP_COMPLETED, START, step="pay", participant=participant))

    text = written([by("payment"), by("payment"), by("legacy: #1")])
    assert definitions.parse(text, "x").steps[0].participant == "payment"
    assert 'it told of it in 2 sagas, "legacy: #1" in 1: who owns it?' in text


PAYLOADS = {
    number: [
        paths.decode(
            f'{{"order_id": {number}, "customer": {{"id": "c-{number % 3}", "mail": "a@b.example"}},'
            f' "total": {{"amount": {number}.90, "currency": "EUR"}}, "at": "2026-11-2{number}T10:00:00Z",'
            f' "attempt": {{"id": "{number}-{event}"}}, "a.b": {{"id": {number}}},'
            f' "lines": [{{"id": {number}}}]}}'
        )
        for event in range(3)
    ]
    for number in range(8)
}


def test_keys_and_what_to_show_are_suggested_by_their_paths() -> None:
    found = describing.suggest(PAYLOADS)
    assert [(each.label, each.paths, each.distinct) for each in found.keys] == [
        ("order", ("order_id",), 8),
        ("customer", ("customer.id",), 3),
    ]
    assert [(each.label, each.paths) for each in found.display] == [
        ("total", ("total.amount", "total.currency"))
    ]
    assert describing.suggest(dict(list(PAYLOADS.items())[:4])) == Suggestions(4)


def test_suggestions_are_comments_that_hold_when_the_sign_is_taken_away() -> None:
    text = written(told(*[GOOD] * 120, *[BAD] * 120), describing.suggest(PAYLOADS))
    assert "example" not in text.replace("@shop.example", "").replace("runbooks.shop.example", "")
    assert not definitions.parse(text, "x").keys
    definition = definitions.parse(uncommented(text), "x")
    assert definition.keys == {"order": "order_id", "customer": "customer.id"}
    assert definition.display == {"total": ["total.amount", "total.currency"]}
    compensation = definition.steps[0].compensation
    assert compensation
    assert compensation.deadline == 30


@pytest.mark.parametrize(
    ("text", "yaml"),
    [
        ("charge-card", "charge-card"),
        ("total.amount", "total.amount"),
        ("on", '"on"'),
        ("Null", '"Null"'),
        ("1.0", '"1.0"'),
        ("2026-11-27", '"2026-11-27"'),
        ("- a", '"- a"'),
        ("a: b # c", '"a: b # c"'),
        ('"', '"\\""'),
        ("Größe", '"Größe"'),
        ("a\u202eb", '"a\\u202Eb"'),
        ("a\u2028b", '"a\\Lb"'),
        ("a\nb", '"a\\nb"'),
        ("", '""'),
    ],
)
def test_quoted(text: str, yaml: str) -> None:
    assert quoted(text) == yaml


def test_what_a_definition_cannot_hold_is_left_out_and_said() -> None:
    events = [Observed("s", name, Kind.STEP_STARTED, START, step=name) for name in ("ok", "a\nb", "x" * 201)]
    text = written([folded(*events)])
    assert [step.name for step in definitions.parse(text, "x").steps] == ["ok"]
    assert '"a\\nb"' in text.splitlines()[-1]


@pytest.mark.parametrize("letter", ["x", "\U0001f600", '"'])
def test_as_many_of_the_commonest_steps_as_fit_are_kept(letter: str) -> None:
    names = [f"{number:03}{letter * 197}" for number in range(MOST_STEPS + 100)]
    always = Observed("s", "always", Kind.STEP_STARTED, START, step="always")
    ran = [Observed("s", name, Kind.STEP_COMPLETED, START, step=name) for name in names]
    definition = described(folded(always, *ran[::2]), folded(always, *ran[1::2]))
    assert 50 < len(definition.steps) <= MOST_STEPS
    assert definition.step("always")


YAML_LIKE = [
    "on",
    "null",
    "~",
    "1.0",
    "1e5",
    "-",
    "- a",
    "a: b",
    "#",
    "a #b",
    "{a}",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "%",
]
name_letters = st.characters(codec="utf-8")
hostile = st.sampled_from(YAML_LIKE) | st.text(name_letters, min_size=1, max_size=30)
kinds = [kind for kind in Kind if kind.family != "operator" or kind in SAID_TO_AMENDS]
event = st.builds(
    Observed,
    source=st.sampled_from(["a", "b"]),
    event_id=st.integers(0, 400).map(str),
    kind=st.sampled_from(kinds),
    time=st.integers(START, START + 100 * facts.SECOND),
    step=hostile,
    execution=st.sampled_from(["", "1"]),
    participant=hostile,
    version=hostile,
    error=hostile,
)
sagas = st.lists(
    st.lists(event, min_size=1, max_size=8, unique_by=lambda each: (each.source, each.event_id)), max_size=6
)
payloads = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | hostile,
    lambda inner: st.dictionaries(hostile.map(lambda name: f"{name}_id"), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sagas=sagas,
    payloads=st.lists(payloads, min_size=5, max_size=6),
    saga_type=hostile.filter(lambda name: not CONTROL.search(name)),
)
def test_it_always_loads(sagas: list[list[Observed]], payloads: list[object], saga_type: str) -> None:
    seen = describing.observe(saga_type, [folded(*events) for events in sagas])
    suggestions = describing.suggest({number: [payload] * 2 for number, payload in enumerate(payloads)})
    text = describing.write(seen, suggestions, "1")
    definition = definitions.parse(text, "seen.yaml")
    assert definition.type == saga_type
    assert {step.name for step in definition.steps} == {step.name for step in seen.steps}
    of_steps = {kind for kind in kinds if kind.needs_step or kind.family == "operator"}
    named = {event.step for events in sagas for event in events if event.kind in of_steps}
    assert {step.name for step in seen.steps} | set(seen.left_out) == named
    assert all(CONTROL.search(name) for name in seen.left_out)
    # And so do its suggestions.
    definitions.parse(uncommented(text), "seen.yaml")


@pytest.mark.django_db
def test_sagas_are_read_from_the_store() -> None:
    assert describing.describe("order") is None
    for number in range(3):
        put(GOOD, f"o-{number}", ago=10)
    found = describing.describe("order")
    assert found
    assert (found.seen.sagas, found.version) == (3, "1")
    assert [step.name for step in definitions.parse(found.text, "x").steps] == ["reserve", "charge", "ship"]


@pytest.mark.django_db
def test_the_version_is_a_new_one() -> None:
    define()
    put(GOOD)
    found = describing.describe("order")
    assert found
    assert found.version == "2"
    define(found.text)


@pytest.mark.django_db
def test_the_version_is_what_most_events_call_it_if_that_is_free() -> None:
    def tell(saga_id: str, version: str) -> None:
        started = Incoming(
            source="shop",
            id="1",
            kind=Kind.SAGA_STARTED,
            saga_type="order",
            saga_id=saga_id,
            attributes={"sagaversion": version},
        )
        ingest.store([started], participant=None)

    for number, version in enumerate(["2026.2", "2026.1", "2026.1"]):
        tell(f"o-{number}", version)
    versions = []
    for _ in range(3):
        found = describing.describe("order")
        assert found
        versions.append(found.version)
        define(found.text)
    assert versions == ["2026.1", "2026.2", "1"]


@pytest.mark.django_db
def test_no_more_is_read_than_the_bounds_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        put(GOOD, f"o-{number}", ago=10)
    monkeypatch.setattr(sampling, "MOST_SAGAS", 3)
    found = describing.describe("order")
    assert found
    assert found.seen.sagas == 3
    most = len(Saga.objects.latest("pk").facts) * 3 // 2
    monkeypatch.setattr(sampling, "MOST_FACTS", most)
    found = describing.describe("order")
    assert found
    assert found.seen.sagas == 1
    monkeypatch.setattr(sampling, "LARGEST_FACTS", 10)
    assert describing.describe("order") is None
