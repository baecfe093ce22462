"""Problems: findings grouped, counted exactly, and the same again when they come back soon."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Count, Q, Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagas import acceptance
from sagas.audit import Actor
from sagas.detection.problems import SAME_AGAIN
from sagas.detection.sweep import sweep
from sagas.models import Finding, Problem, Saga
from tests.sagas.storing import define, make_due, put

pytestmark = pytest.mark.django_db


def stakes_of(problem: Problem) -> dict[str, Decimal]:
    return {stake.currency: stake.amount for stake in problem.stakes.all() if stake.amount}


def sums_of(problem: Problem) -> dict[str, Decimal]:
    found = problem.findings.filter(closed_at=None, accepted_at=None, stake__gt=0)
    return dict(found.values_list("currency").annotate(Sum("stake")))


def assert_counts_are_true() -> None:
    is_open = Q(findings__closed_at=None)
    waiting = Count("findings", filter=is_open & Q(findings__accepted_at=None))
    accepted = Count("findings", filter=is_open & Q(findings__accepted_at__isnull=False))
    problems = Problem.objects.annotate(waiting=waiting, accepted=accepted, all=Count("findings"))
    for problem in problems:
        assert problem.open_count == problem.waiting
        assert problem.accepted_count == problem.accepted
        assert problem.total_count == problem.all
        assert (problem.closed_at is None) == (problem.open_count > 0)
        assert stakes_of(problem) == sums_of(problem)
    open_keys = list(Problem.objects.filter(closed_at=None).values_list("saga_type", "step", "code"))
    assert len(open_keys) == len(set(open_keys))
    waiting_for_somebody = Finding.objects.filter(closed_at=None, accepted_at=None)
    unwell = set(waiting_for_somebody.values_list("saga_id", flat=True))
    assert unwell == set(Saga.objects.exclude(condition="healthy").values_list("pk", flat=True))


def test_types_steps_and_codes_are_apart() -> None:
    put("saga.started a:T b:T", "o-1")
    put("saga.started a:T", "o-2")
    put("saga.started a:C a:K-", "o-3")
    sweep()
    counts = {(problem.step, problem.code): problem.open_count for problem in Problem.objects.all()}
    assert counts == {("a", "step_in_doubt"): 2, ("b", "step_in_doubt"): 1, ("a", "compensation_failed"): 1}
    assert_counts_are_true()


def test_a_problem_is_over_with_its_last_finding() -> None:
    put("saga.started a:T", "o-1")
    put("saga.started a:T", "o-2")
    sweep()
    put("a:C saga.completed", "o-1", first=2)
    sweep()
    assert (Problem.objects.get().open_count, Problem.objects.get().closed_at) == (1, None)
    put("a:C saga.completed", "o-2", first=2)
    sweep()
    problem = Problem.objects.get()
    assert (problem.open_count, problem.total_count) == (0, 2)
    assert problem.closed_at is not None
    assert_counts_are_true()


def test_what_comes_back_soon_is_the_same_problem_again() -> None:
    put("saga.started a:T", "o-1")
    sweep()
    put("a:C saga.completed", "o-1", first=2)
    now = timezone.now()
    sweep(now)
    put("saga.started a:T", "o-2")
    sweep(now + SAME_AGAIN - timedelta(seconds=1))
    problem = Problem.objects.get()
    assert (problem.open_count, problem.total_count, problem.closed_at) == (1, 2, None)
    assert_counts_are_true()


def test_what_comes_back_late_is_a_new_problem() -> None:
    put("saga.started a:T", "o-1")
    sweep()
    put("a:C saga.completed", "o-1", first=2)
    now = timezone.now()
    sweep(now)
    put("saga.started a:T", "o-2")
    sweep(now + SAME_AGAIN + timedelta(seconds=1))
    assert list(Problem.objects.order_by("pk").values_list("open_count", "total_count")) == [(0, 1), (1, 1)]
    assert_counts_are_true()


# Sagas that are told of, and what is done about a problem: accepted, or withdrawn.
TOLD = st.tuples(st.integers(0, 3), st.sampled_from("TCF"), st.sampled_from("ab"), st.integers(0, 3))
DONE = st.sampled_from(["accept", "withdraw"])
ACTS = st.lists(st.one_of(TOLD, DONE), max_size=14)
STAKED = """
type: order
version: "1"
stake: {amount: total, currency: EUR}
steps: [{name: a, kind: pivot}, {name: b, kind: pivot}]
"""


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTS)
def test_counts_are_true_after_anything(acts) -> None:
    Finding.objects.all().delete()
    Problem.objects.all().delete()
    Saga.objects.all().update(condition="healthy", has_findings=False)
    make_due(timezone.now())
    define(STAKED)
    for place, act in enumerate(acts):
        match act:
            case "accept":
                for finding in Finding.objects.filter(closed_at=None, accepted_at=None)[:2]:
                    acceptance.accept(finding, Actor.system(), "known", acceptance.of_finding(finding))
            case "withdraw":
                for finding in Finding.objects.filter(closed_at=None).exclude(accepted_at=None)[:1]:
                    acceptance.withdraw(finding, Actor.system())
            case saga, word, step, total:
                first = Saga.objects.count() * 1000 + place
                put(f"{step}:{word}", f"o-{saga}", first=first, data=f'{{"total": {total}.25}}')
        if place % 3 == 0:
            sweep()
            assert_counts_are_true()
    sweep()
    assert_counts_are_true()


@pytest.mark.django_db(transaction=True)
def test_many_sweeps_open_and_close_the_same_problems_at_once() -> None:
    """Every round half of the sagas fall ill while the others recover, and four sweeps see it together."""
    for turn in range(4):
        for number in range(24):
            is_ill = number % 2 == turn % 2
            put(f"{'ab'[number % 2]}:{'T' if is_ill else 'C'}", f"o-{number}", first=turn)
        threads = [threading.Thread(target=_sweep) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sweep()
        assert_counts_are_true()


def _sweep() -> None:
    try:
        sweep()
    finally:
        connection.close()
