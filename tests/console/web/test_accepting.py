"""Accepting on the pages: what is shown before, what is refused, and how it is shown afterwards."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.http import HttpResponse
from django.utils import timezone

from compensation import reading
from console.web import saga_choices
from sagas import acceptance, ingest
from sagas.advice import ADVICE
from sagas.detection.sweep import sweep
from sagas.events import Incoming
from sagas.models import AuditEntry, Finding, Participant, Problem, Saga
from sagas.vocabulary import Code, Kind
from tests.console.cast import Person
from tests.console.web.scene import ADA, Scene, make_problem, make_saga, page

SAGA = "/sagas/order-fulfilment/order-8492/"


def address(scene: Scene, act: str = "accept") -> str:
    return f"{SAGA}findings/{scene.finding.pk}/{act}"


def form(html: str) -> dict[str, str]:
    """What the page's own form would send."""
    (inside,) = re.findall(r'<form method="post" class="form">(.*?)</form>', html, re.DOTALL)
    return dict(re.findall(r'name="(digest|count)" value="([^"]+)"', inside))


def press(who: Person, where: str, **more: str) -> HttpResponse:
    return who.browser.post(where, form(page(who, where)) | more)


def accept(scene: Scene) -> Finding:
    return acceptance.accept(scene.finding, ADA, "known <b>outage</b>", acceptance.of_finding(scene.finding))


def test_what_is_accepted_is_shown_before(scene: Scene, operator: Person) -> None:
    Finding.objects.update(stake=Decimal("129.90"), currency="EUR")
    html = page(operator, address(scene))
    for text in ("ship parcel never answered", "129.90 EUR", "New evidence brings it back by itself"):
        assert text in html
    assert set(form(html)) == {"digest"}


def test_accepted_it_is_shown_with_who_and_why(scene: Scene, operator: Person) -> None:
    answer = press(operator, address(scene), reason="Ticket OPS-7")
    assert (answer.status_code, answer["Location"]) == (
        303,
        f"{SAGA}?tab=findings#finding-{scene.finding.pk}",
    )
    html = page(operator, f"{SAGA}?tab=findings")
    for text in ("Accepted", "otto", "Ticket OPS-7", "Withdraw…"):
        assert text in html
    assert "In doubt" not in html
    assert "Nothing needs you." in page(operator)


def test_what_was_accepted_is_told_still(scene: Scene, operator: Person) -> None:
    saga = put_silent()
    finding = saga.findings.get()
    acceptance.accept(finding, ADA, "known", acceptance.of_finding(finding))
    html = page(operator, "/sagas/order-fulfilment/silent/")
    text = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    assert "shipping was asked to ship parcel at" in text
    assert "and has not answered" in text
    assert "What is wrong with this saga was accepted: nothing waits for anybody." in text


def put_silent() -> Saga:
    """Shipping was asked ten minutes ago, and has said nothing since."""
    event = Incoming(
        source="//shop",
        id="1",
        kind=Kind.STEP_STARTED,
        saga_type="order-fulfilment",
        saga_id="silent",
        step="ship-parcel",
        time=timezone.now() - timedelta(minutes=10),
    )
    ingest.store([event], participant=Participant.objects.get(name="shipping"))
    Finding.objects.all().delete()
    Problem.objects.all().delete()
    sweep()
    return Saga.objects.get(saga_id="silent")


def test_without_a_reason_what_was_typed_stays(scene: Scene, operator: Person) -> None:
    answer = press(operator, address(scene), reason=" ")
    assert answer.status_code == 400
    assert "Say why: the reason is shown" in answer.content.decode()
    assert Finding.objects.get().accepted_at is None


def test_what_has_changed_meanwhile_is_refused_and_shown_as_it_is_now(scene: Scene, operator: Person) -> None:
    before = form(page(operator, address(scene)))
    Finding.objects.update(evidence=[{"source": "//shop/ship", "id": "17"}])
    answer = operator.browser.post(address(scene), before | {"reason": "Ticket <OPS-7>"})
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "This finding has changed since you looked. Nothing was accepted: look again." in html
    assert "Ticket &lt;OPS-7&gt;" in html
    assert form(html) != before
    assert not AuditEntry.objects.filter(action="finding.accepted").exists()
    # What the page shows now can be accepted.
    again = operator.browser.post(address(scene), form(html) | {"reason": "looked again"})
    assert again.status_code == 303


def test_who_comes_second_is_told_who_was_faster(scene: Scene, operator: Person) -> None:
    before = form(page(operator, address(scene)))
    accept(scene)
    answer = operator.browser.post(address(scene), before | {"reason": "mine"})
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "ada accepted this at" in html
    assert "known &lt;b&gt;outage&lt;/b&gt;" in html
    assert '<form method="post" class="form">' not in html


def test_withdrawing(scene: Scene, operator: Person) -> None:
    accept(scene)
    where = address(scene, "withdraw")
    assert "Withdraw the acceptance of" in page(operator, where)
    answer = press(operator, where)
    assert answer.status_code == 303
    assert Saga.objects.get(pk=scene.saga.pk).condition == "in_doubt"
    html = page(operator, f"{SAGA}?tab=findings")
    assert "Reopened" in html and "by <b>otto</b>" in html
    late = operator.browser.post(where, {"reason": "again"})
    assert late.status_code == 409
    assert "This is not accepted any more" in late.content.decode()


def test_a_viewer_may_look_and_is_told_who_could(scene: Scene, viewer: Person) -> None:
    for where in (address(scene), f"/problems/{scene.problem.pk}/accept"):
        html = page(viewer, where)
        assert "Only a person with the role operator, approver or admin may accept findings" in html
        assert '<form method="post" class="form">' not in html


def test_a_finding_of_another_saga_is_not_found(scene: Scene, operator: Person) -> None:
    make_saga("other")
    where = f"/sagas/order-fulfilment/other/findings/{scene.finding.pk}/accept"
    assert operator.browser.get(where).status_code == 404
    assert operator.browser.get(f"{SAGA}findings/{2**70}/accept").status_code == 404
    assert operator.browser.get(f"/problems/{2**70}/accept").status_code == 404


@pytest.mark.django_db(transaction=True)
class TestAll:
    def test_all_of_a_problem_with_the_number_confirmed(self, scene: Scene, operator: Person) -> None:
        where = f"/problems/{scene.problem.pk}/accept"
        answer = press(operator, where, reason="known outage")
        assert (answer.status_code, answer["Location"]) == (303, f"/problems/{scene.problem.pk}/")
        html = page(operator, answer["Location"])
        for text in ("1 finding accepted.", "known outage", "Nothing of this waits for anybody."):
            assert text in html
        assert "Resolved" not in html

    def test_the_number_has_to_be_confirmed(self, scene: Scene, operator: Person) -> None:
        where = f"/problems/{scene.problem.pk}/accept"
        sent = form(page(operator, where)) | {"reason": "known outage"}
        for count in ("", "x", "-1"):
            answer = operator.browser.post(where, sent | {"count": count})
            assert answer.status_code == 400
            assert "Confirm how many you mean." in answer.content.decode()
        assert Finding.objects.get().accepted_at is None

    def test_more_than_were_confirmed_is_refused(self, scene: Scene, operator: Person) -> None:
        where = f"/problems/{scene.problem.pk}/accept"
        sent = form(page(operator, where)) | {"reason": "known outage"}
        Problem.objects.update(open_count=2, total_count=2)
        answer = operator.browser.post(where, sent)
        assert answer.status_code == 409
        assert "There are 2 findings to accept now, and you confirmed 1." in answer.content.decode()
        assert Finding.objects.get().accepted_at is None

    def test_nothing_to_accept(self, scene: Scene, operator: Person) -> None:
        Problem.objects.update(open_count=0, closed_at=timezone.now())
        Finding.objects.update(closed_at=timezone.now())
        assert "There is nothing to accept" in page(operator, f"/problems/{scene.problem.pk}/accept")


def test_the_problem_lists_what_was_accepted_apart(scene: Scene, operator: Person) -> None:
    other = make_saga("order-8500")
    problem = make_problem("is overdue", [other, scene.saga], code=Code.STEP_OVERDUE, step="a")
    finding = problem.findings.get(saga=other)
    acceptance.accept(finding, ADA, "known outage", acceptance.of_finding(finding))
    html = page(operator, f"/problems/{problem.pk}/")
    waiting, accepted = html.split('id="accepted-title"')
    assert "order-8492" in waiting and "order-8500" not in waiting
    assert "order-8500" in accepted and "known outage" in accepted
    assert "order-8500" not in page(operator, f"/sagas/?problem={problem.pk}")


@pytest.mark.parametrize("code", Code)
def test_a_problem_says_what_can_be_done_for_each_code(code: Code, scene: Scene, operator: Person) -> None:
    Problem.objects.update(code=code)
    Finding.objects.update(code=code)
    html = page(operator, f"/problems/{scene.problem.pk}/")
    titles = re.findall(r"<h3>(\d) · (.*?)</h3>", html)
    assert [int(number) for number, _ in titles] == [*range(1, len(titles) + 1)]
    assert (titles[-1][1], len(titles)) == ("Accept it as it is", len(ADVICE[code].ways))
    assert ADVICE[code].sentence in html
    assert html.partition('id="choices"')[2].count("button button-primary") == 1
    accept_ = f"/problems/{scene.problem.pk}/accept"
    assert re.findall(r'id="choice-\w+" href="([^"]+)"', html)[-1] == accept_


@pytest.mark.parametrize("code", Code)
def test_a_saga_says_what_can_be_done_for_each_code(code: Code, scene: Scene) -> None:
    saga = make_saga("order-1", scene.definition)
    make_problem("something", [saga], code=code, step="a")
    now = timezone.now()
    findings = list(saga.findings.select_related("problem", "saga"))
    offered = saga_choices.choices(saga, reading.subject(saga, now), findings, now)
    assert [choice.kind for choice in offered.offered] == list(ADVICE[code].ways)
    assert offered.sentence == ADVICE[code].sentence
    assert all(choice.title and (choice.says or choice.why_not) for choice in offered.offered)
    assert offered.offered[-1].address.endswith(f"/findings/{findings[0].pk}/accept")
    # What is not asked for can be done all the same.
    shown = {choice.kind for choice in (*offered.offered, *offered.others)}
    assert shown >= set(saga_choices.Intent.values)


def test_a_problem_that_no_saga_has_yet_says_where_to_look(scene: Scene, operator: Person) -> None:
    Finding.objects.all().delete()
    Problem.objects.update(code=Code.SOURCE_SILENT, saga_type="", step="shipping", open_count=0)
    html = page(operator, f"/problems/{scene.problem.pk}/")
    assert re.findall(r"<h3>(.*?)</h3>", html) == ["1 · Look at the participant"]
    assert "See whether the participant runs and can reach Amends" in html


def test_of_several_findings_each_is_accepted_by_itself(scene: Scene) -> None:
    saga = make_saga("order-1", scene.definition)
    make_problem("one", [saga], step="a")
    make_problem("other", [saga], code=Code.STEP_OVERDUE, step="b")
    now = timezone.now()
    findings = list(saga.findings.select_related("problem", "saga"))
    offered = saga_choices.choices(saga, reading.subject(saga, now), findings, now)
    assert offered.offered[-1].address.endswith("/sagas/order-fulfilment/order-1/?tab=findings#detail")
