"""Rules and conflicts through ingest and the sweep: found, settled, closed, and passed on to linked sagas."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from django.db import DatabaseError

from sagas.detection import links, statements
from sagas.detection.sweep import sweep
from sagas.models import Finding, Nudge, Problem, Saga, SagaKey
from sagas.vocabulary import Code
from tests.sagas.ruling import CONFLICT, NOT_REFUNDED, ORDER, REFUND, SHIPPED_IS_PAID, define, put
from tests.sagas.storing import due_at

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Nobody looks at these while they go on, so that what is found is found by rules.
SHIPPED = "saga.started charge:S charge:C ship:S ship:C"


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def open_findings() -> list[str]:
    """Of rules and conflicts: what else is wrong with these sagas is of no interest here."""
    codes = (Code.RULE_BROKEN, Code.RULE_UNDECIDED, Code.OVERLAPPING_SAGAS)
    found = Finding.objects.filter(closed_at=None, code__in=codes).order_by("saga__saga_id", "code", "step")
    return [f"{one.saga.saga_id} {one.code} {one.step}" for one in found.select_related("saga")]


def test_a_broken_rule_is_found_once_it_has_settled_and_closes_by_itself():
    define(SHIPPED_IS_PAID)
    assert due_at(put(SHIPPED, now=NOW)) is None
    saga = put("charge:KS charge:K+", first=5, now=at(10))
    assert due_at(saga) == at(11 + 30)
    assert sweep(at(40)) == 0
    assert sweep(at(41)) == 1
    finding = Finding.objects.get(code=Code.RULE_BROKEN)
    assert (finding.code, finding.step) == ("rule_broken", "rule:shipped-is-paid")
    assert (finding.condition, finding.severity, finding.since) == ("inconsistent", "critical", at(11))
    assert finding.evidence == [{"source": "shop", "id": place} for place in ("2", "4", "6")]
    assert finding.problem.title == "rule “shipped ⇒ paid” is broken"
    assert finding.problem.explanation == "charge card was undone, ship parcel completed"
    saga.refresh_from_db()
    assert saga.condition == "inconsistent"
    # Only that it went back and stopped is still to come.
    assert due_at(saga) > at(900)
    # A later word that has nothing to do with it changes nothing.
    put("saga.note", first=7, now=at(50))
    sweep(at(50))
    assert open_findings() == ["o-1 rule_broken rule:shipped-is-paid"]
    put("charge:S charge:C", first=8, now=at(60))
    sweep(at(61))
    finding.refresh_from_db()
    assert finding.closed_at == at(61)


def test_two_rules_of_one_saga_are_two_problems_and_no_step():
    other = '  - {name: charge, expression: "!steps.charge.undone", severity: warning}\n'
    define(SHIPPED_IS_PAID + other)
    put(f"{SHIPPED} charge:K+", now=NOW)
    sweep(at(60))
    assert open_findings() == [
        "o-1 rule_broken rule:charge",
        "o-1 rule_broken rule:shipped-is-paid",
    ]
    assert {
        (problem.step, problem.severity) for problem in Problem.objects.filter(code=Code.RULE_BROKEN)
    } == {
        ("rule:charge", "warning"),
        ("rule:shipped-is-paid", "critical"),
    }


def test_sagas_of_one_rule_are_one_problem():
    define(SHIPPED_IS_PAID)
    for number in range(5):
        put(f"{SHIPPED} charge:K+", f"o-{number}", order=str(number), now=NOW)
    sweep(at(60))
    assert Problem.objects.get(code__in=(Code.RULE_BROKEN, Code.OVERLAPPING_SAGAS)).open_count == 5


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_arrival_does_not_matter(order):
    define(SHIPPED_IS_PAID)
    parts = [("saga.started charge:S charge:C", 0), ("ship:S ship:C", 3), ("charge:K+", 5)]
    for place in order:
        words, first = parts[place]
        put(words, first=first, at=first, now=NOW)
    sweep(at(60))
    finding = Finding.objects.get(code=Code.RULE_BROKEN)
    assert (finding.code, finding.since) == ("rule_broken", at(5))
    assert finding.detail["message"] == "Order 8492 is out and nobody pays for it."


def test_payload_values_are_kept_in_any_order_and_with_their_types():
    define(
        f'{ORDER}rules: [{{name: sum, expression: "data.total.net + data.total.tax == data.total.gross"}}]\n'
    )
    put("ship:C", first=1, at=1, now=NOW, total={"net": 50, "tax": 9.5, "gross": 60})
    put("charge:C", first=0, now=NOW, total={"net": 40, "tax": 9.5, "gross": 49.5})
    sweep(at(60))
    finding = Finding.objects.get(code="rule_broken")
    assert finding.detail["values"] == {
        "data.total.gross": "60",
        "data.total.net": "50",
        "data.total.tax": "9.5",
    }
    put("saga.note", first=2, at=2, now=NOW, total={"net": 50, "tax": 10, "gross": 60})
    sweep(at(70))
    assert open_findings() == []


def test_a_rule_is_undecided_while_an_effect_is_unknown():
    define(SHIPPED_IS_PAID)
    put("saga.started charge:S charge:T ship:S ship:C", now=NOW)
    sweep(at(40))
    assert open_findings() == ["o-1 rule_undecided rule:shipped-is-paid"]
    put("charge:C", first=5, now=at(50))
    sweep(at(50))
    assert open_findings() == []


def test_an_effect_becomes_unknown_by_time_alone():
    define(SHIPPED_IS_PAID)
    # charge has 10 s, so that nothing is unknown before.
    put("saga.started charge:S ship:S ship:C", now=NOW)
    sweep(at(12))
    assert "o-1 rule_undecided rule:shipped-is-paid" not in open_findings()
    sweep(at(42))
    assert "o-1 rule_undecided rule:shipped-is-paid" in open_findings()


class TestLinked:
    """A rule that looks at sagas of another type."""

    def test_it_is_found_when_the_other_saga_comes_later(self):
        define(NOT_REFUNDED, REFUND)
        put(SHIPPED, now=NOW)
        sweep(at(60))
        assert open_findings() == []
        put("pay-out:S pay-out:C", "r-1", type="refund", now=at(1000))
        assert Nudge.objects.count() == 1
        sweep(at(1002))
        # It settles from what happened there.
        assert (open_findings(), Nudge.objects.count()) == ([], 0)
        assert due_at(Saga.objects.get(saga_type="order")) == at(1001 + 30)
        assert sweep(at(1031)) == 1
        assert open_findings() == ["o-1 rule_broken rule:not-refunded"]

    def test_it_is_found_when_the_other_saga_came_before(self):
        define(NOT_REFUNDED, REFUND)
        put("pay-out:S pay-out:C", "r-1", type="refund", now=NOW)
        put(SHIPPED, now=at(100))
        sweep(at(200))
        assert open_findings() == ["o-1 rule_broken rule:not-refunded"]

    def test_it_closes_when_the_other_saga_changes(self):
        define(NOT_REFUNDED, REFUND)
        put(SHIPPED, now=NOW)
        put("pay-out:S pay-out:C", "r-1", type="refund", now=NOW)
        sweep(at(60))
        assert open_findings() == ["o-1 rule_broken rule:not-refunded"]
        put("pay-out:K+", "r-1", type="refund", first=2, now=at(70))
        sweep(at(70))
        assert open_findings() == []

    def test_it_closes_when_the_other_saga_turns_out_to_be_of_another_order(self):
        define(NOT_REFUNDED, REFUND)
        put(SHIPPED, now=NOW)
        put("pay-out:S pay-out:C", "r-1", type="refund", now=NOW)
        sweep(at(60))
        put("saga.note", "r-1", type="refund", first=2, order="17", now=at(70))
        sweep(at(70))
        assert open_findings() == []

    def test_what_becomes_unknown_there_by_time_alone_is_passed_on(self):
        define(NOT_REFUNDED, REFUND)
        put(SHIPPED, now=NOW)
        put("pay-out:S", "r-1", type="refund", now=at(100))
        sweep(at(105))
        # Its deadline passes in one sweep, the next one looks at the order.
        sweep(at(111))
        sweep(at(112))
        assert open_findings() == []
        sweep(at(145))
        assert open_findings() == ["o-1 rule_undecided rule:not-refunded"]

    def test_a_definition_that_comes_later_is_judged_by(self):
        define(ORDER, REFUND)
        put(SHIPPED, now=NOW)
        put("pay-out:S pay-out:C", "r-1", type="refund", now=NOW)
        assert not Nudge.objects.exists()
        define(NOT_REFUNDED.replace('version: "1"', 'version: "2"'))
        put(SHIPPED, "o-2", version="2", now=at(60))
        sweep(at(120))
        assert open_findings() == ["o-2 rule_broken rule:not-refunded"]

    def test_nobody_is_nudged_where_nobody_looks(self):
        define(SHIPPED_IS_PAID, REFUND)
        put(SHIPPED, now=NOW)
        put("pay-out:S", "r-1", type="refund", now=NOW)
        sweep(at(20))
        assert not Nudge.objects.exists()

    def test_a_nudge_survives_whoever_dies_over_it(self, monkeypatch):
        define(NOT_REFUNDED, REFUND)
        put(SHIPPED, now=NOW)
        put("pay-out:S pay-out:C", "r-1", type="refund", now=NOW)
        with monkeypatch.context() as patched, pytest.raises(DatabaseError):
            patched.setattr(statements, "MAKE_DUE", f"{statements.MAKE_DUE} RETURNING 1/0")
            sweep(at(60))
        assert Nudge.objects.filter(saga__saga_id="r-1").count() == 1
        sweep(at(60))
        assert open_findings() == ["o-1 rule_broken rule:not-refunded"]

    def test_a_key_of_hundreds_is_not_gone_through(self):
        define(NOT_REFUNDED, REFUND)
        put(SHIPPED, now=NOW)
        saga = Saga.objects.get()
        others = [Saga(saga_type="refund", saga_id=f"r-{number}") for number in range(300)]
        Saga.objects.bulk_create(others)
        SagaKey.objects.bulk_create(SagaKey(saga=other, name="order", value="8492") for other in others)
        found = links.fetch({saga.pk: saga.definition_id})
        assert len(found[saga.pk]) == 51
        sweep(at(60))
        assert Finding.objects.get(code="rule_undecided").detail["reason"] == "crowd"


class TestConflicts:
    @pytest.mark.parametrize("refund_first", [True, False])
    def test_they_are_found_whichever_came_last(self, refund_first):
        define(CONFLICT, REFUND)
        both = [("charge:S", "o-1", "order", 0), ("pay-out:S", "r-1", "refund", 1)]
        for words, saga_id, type, first in reversed(both) if refund_first else both:
            put(words, saga_id, type=type, first=first, at=first, now=NOW)
            sweep(at(2))
        sweep(at(3))
        assert open_findings() == ["o-1 overlapping_sagas charge"]
        finding = Finding.objects.get(code=Code.OVERLAPPING_SAGAS)
        assert (finding.condition, finding.severity, finding.since) == ("inconsistent", "error", at(1))
        assert finding.evidence == [{"source": "shop", "id": "0"}]
        there = [{"source": "shop", "id": "1"}]
        assert finding.detail["others"] == [
            {"type": "refund", "id": "r-1", "steps": ["pay-out"], "events": there}
        ]
        assert finding.problem.title == "two sagas are at work on the same order"

    @pytest.mark.parametrize(
        ("words", "saga_id", "type"),
        [
            ("pay-out:C saga.completed", "r-1", "refund"),
            ("charge:C ship:C", "o-1", "order"),
            ("charge:F", "o-1", "order"),
        ],
    )
    def test_they_close_when_one_is_over_or_let_go(self, words, saga_id, type):
        define(CONFLICT, REFUND)
        put("saga.started charge:S", now=NOW)
        put("saga.started pay-out:S", "r-1", type="refund", now=NOW)
        sweep(at(2))
        sweep(at(2))
        assert open_findings() == ["o-1 overlapping_sagas charge"]
        put(words, saga_id, type=type, first=2, now=at(3))
        sweep(at(5))
        assert open_findings() == []

    def test_what_is_not_at_the_named_steps_is_no_conflict(self):
        define(CONFLICT, REFUND)
        put("saga.started", now=NOW)
        put("saga.started pay-out:S", "r-1", type="refund", now=NOW)
        put("saga.started pay-out:S", "r-2", type="refund", order="17", now=NOW)
        sweep(at(2))
        assert open_findings() == []
        put("charge:S charge:C", first=1, now=at(3))
        sweep(at(5))
        assert open_findings() == ["o-1 overlapping_sagas charge"]

    def test_two_of_one_type_both_have_it(self):
        define(f"{ORDER}conflicts: [{{with: order, key: order}}]\n")
        put("saga.started charge:S", now=NOW)
        put("saga.started charge:S", "o-2", now=NOW)
        put("saga.started charge:S", "o-3", order="17", now=NOW)
        sweep(at(2))
        sweep(at(2))
        assert open_findings() == ["o-1 overlapping_sagas ", "o-2 overlapping_sagas "]
        assert Problem.objects.get(code__in=(Code.RULE_BROKEN, Code.OVERLAPPING_SAGAS)).open_count == 2


def test_who_does_not_look_at_others_does_not_pay_for_it():
    """What ingest decides of a saga without rules is what it decided before there were any."""
    define(ORDER)
    saga = put("saga.started charge:S", now=NOW)
    assert due_at(saga) == at(11) + timedelta(microseconds=1)
    assert links.fetch({saga.pk: saga.definition_id}) == {}
