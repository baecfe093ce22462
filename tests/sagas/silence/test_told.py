"""A silence in words: the problem, the sentence of a saga that waits, and the mail."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from sagas import facts, fold, story
from sagas.alerts import knowing
from sagas.alerts.knowing import Group
from sagas.alerts.summarising import summarise
from sagas.detection.silence.veil import Silent
from sagas.detection.verdict import Verdict
from sagas.facts import Facts
from sagas.models import Finding, Incident, Problem
from sagas.vocabulary import Code, Occasion
from tests.sagas.saying import DEFINITION, say
from tests.sagas.storing import put

SINCE = datetime(2026, 11, 27, 10, 2, 7, tzinfo=UTC)
NOW = SINCE + timedelta(minutes=5)


def silent(problem: str = "payment", usual: float | None = 4, declared: bool = False) -> dict:
    return Silent("payment", problem, SINCE, usual, 300, declared).detail


@pytest.mark.parametrize(
    ("detail", "title", "explanation"),
    [
        (silent(), "payment has gone silent",
         "nothing was heard of it since 27 Nov 10:02:07 UTC; normally it speaks every 4 s"),
        (silent(usual=1.9), "payment has gone silent",
         "nothing was heard of it since 27 Nov 10:02:07 UTC; normally it speaks every few seconds"),
        (silent(declared=True), "payment has gone silent",
         "nothing was heard of it since 27 Nov 10:02:07 UTC; it should speak at least every 5 min"),
        (silent(""), "no participant is heard",
         "nothing was heard of anybody since 27 Nov 10:02:07 UTC: it is more likely that nobody reaches"
         " Amends than that all are silent"),
    ],
)  # fmt: skip
def test_the_problem(detail: dict, title: str, explanation: str) -> None:
    assert story.title(Code.SOURCE_SILENT, "charge", detail, DEFINITION) == title
    assert story.explanation(Code.SOURCE_SILENT, "charge", detail, DEFINITION) == explanation


@pytest.mark.parametrize(
    ("detail", "waiting", "expected"),
    [
        (silent(), 212, "payment has said nothing to Amends since 10:02:07 UTC; normally it speaks every 4 s."
         " 212 sagas wait for it."),
        (silent(), 1, "payment has said nothing to Amends since 10:02:07 UTC; normally it speaks every 4 s."
         " 1 saga waits for it."),
        (silent(declared=True), None,
         "payment has said nothing to Amends since 10:02:07 UTC; it should speak at least every 5 min."),
        (silent(""), 3, "payment has said nothing to Amends since 10:02:07 UTC, and nobody else has either: "
         "more likely nobody reaches Amends. 3 sagas wait for it."),
    ],
)  # fmt: skip
def test_the_sentence_of_a_saga(detail: dict, waiting: int | None, expected: str) -> None:
    state = fold.derive(facts.merge(Facts(), say("saga.started charge:S")), DEFINITION, NOW)
    found = (
        Verdict(Code.SOURCE_SILENT, "charge", 0, 0, (), detail)
        if waiting is None
        else SimpleNamespace(
            code="source_silent", step="charge", detail=detail, problem=SimpleNamespace(open_count=waiting)
        )
    )
    assert story.plain(story.tell(state, [found], DEFINITION, NOW)) == expected


def group() -> Group:
    return Group(Incident(), list(knowing.problems().values()))


@pytest.mark.django_db
def test_what_a_mail_says() -> None:
    saga = put("saga.started charge:S", now=NOW)
    problem = Problem.objects.create(
        step="payment",
        code=Code.SOURCE_SILENT,
        condition="stuck",
        severity="error",
        title="payment has gone silent",
        explanation="nothing was heard of it",
        participant="payment",
        opened_at=NOW,
    )
    empty = summarise(group(), Occasion.OPENED, timezone.now())
    assert (empty.saga_type, empty.participant, empty.count, empty.sagas) == ("", "payment", 0, ())
    Finding.objects.create(
        saga=saga,
        problem=problem,
        code=problem.code,
        step="charge",
        condition="stuck",
        severity="error",
        since=NOW,
        detail=silent(),
        opened_at=NOW,
    )
    problem.open_count = 1
    problem.save()
    told = summarise(group(), Occasion.OPENED, NOW)
    said = "".join(part.text for part in told.sentence)
    assert said.endswith("normally it speaks every 4 s. 1 saga waits for it.")
    assert [one.id for one in told.sagas] == ["o-1"]
