"""A problem, a filter or names become the keys of sagas, the oldest first, with a title that people read."""

import pytest

from console import choosing
from console.choosing import UnknownSagasError
from sagas.models import Problem, Saga
from tests.console import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def built() -> world.World:
    return world.build()


def test_of_a_problem_those_are_chosen_that_wait_for_somebody(built: world.World) -> None:
    chosen = choosing.of_problem(built.problem)
    assert list(chosen.sagas) == [built.saga.pk]
    assert chosen.title == "ship parcel never answered, 1 saga"
    assert chosen.selection == {"problem": built.problem.pk}


def test_of_a_problem_that_is_over_nothing_is_chosen(built: world.World) -> None:
    built.finding.closed_at = built.finding.opened_at
    built.finding.save()
    assert list(choosing.of_problem(Problem.objects.get()).sagas) == []


def test_what_matches_is_taken_oldest_first_and_says_by_what_it_was_found(built: world.World) -> None:
    found = Saga.objects.filter(saga_type="order").order_by("-pk")
    asked = {"type": ["order"], "condition": ["in_doubt", "stuck"], "key": ["order:1", "parcel:2"]}
    chosen = choosing.matching(found, asked)
    assert list(chosen.sagas) == [built.saga.pk, built.well.pk]
    assert chosen.title == "2 sagas: type order, condition in doubt or stuck, key order:1 and parcel:2"
    assert chosen.selection == {"filter": asked}
    assert choosing.matching(found, {}).title == "All 2 sagas"


def test_named_ones_are_taken_in_the_order_given_and_once(built: world.World) -> None:
    chosen = choosing.named([("order", "o-2"), ("order", "o/1"), ("order", "o-2")])
    assert list(chosen.sagas) == [built.well.pk, built.saga.pk]
    assert chosen.title == "2 sagas"
    assert chosen.selection == {"sagas": [{"type": "order", "id": "o-2"}, {"type": "order", "id": "o/1"}]}


def test_no_saga_is_left_out_in_silence(built: world.World) -> None:
    names = [("order", "o-2"), *((kind, "o-2") for kind in ("a", "b", "c", "d"))]
    with pytest.raises(UnknownSagasError, match="no saga a/o-2, b/o-2, c/o-2 and 1 more"):
        choosing.named(names)
