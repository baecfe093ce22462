"""Trials by the API: asked for, looked at, cancelled, activated."""

import pytest
from django.http import HttpResponse

from console.permissions import Role
from sagas import trials
from sagas.models import AuditEntry, Definition, Trial
from tests.console.cast import Person, person, post
from tests.sagas.storing import define
from tests.sagas.trying import HASTY, finish, put_slow

pytestmark = pytest.mark.django_db(transaction=True)

TRIALS = "definitions/trials"


@pytest.fixture
def ada() -> Person:
    return person("ada", Role.ADMIN)


def ask(ada: Person, text: str = HASTY) -> HttpResponse:
    return ada.program.post(f"/api/v1/{TRIALS}", text, content_type="application/yaml")


def test_a_trial_from_its_text_to_its_definition(ada: Person) -> None:
    define()
    for number in range(3):
        put_slow(f"slow/{number}", pause=9)
    put_slow("quick", pause=2)
    answer = ask(ada)
    assert answer.status_code == 202
    where = answer["Location"]
    assert (answer.json()["state"], answer.json()["looked_at"], answer.json()["of"]) == ("waiting", 0, 4)
    finish(Trial.objects.get())
    told = ada.program.get(where).json()
    assert (told["state"], told["looked_at"], told["yaml"]) == ("done", 4, HASTY)
    report = told["report"]
    assert (report["flagged"], report["newly_flagged"], report["no_longer_flagged"]) == (3, 3, 0)
    (flag,) = report["flags"]
    assert (flag["code"], flag["step"], flag["count"], flag["still"]) == ("step_in_doubt", "ship", 3, 0)
    assert flag["new"] == {
        "count": 3,
        "sagas": [{"type": "order", "id": f"slow/{number}"} for number in (2, 1, 0)],
    }
    assert report["steps"] == [{"name": "charge", "count": 4}, {"name": "ship", "count": 4}]
    refused = post(ada.program, f"{TRIALS}/{told['id']}/activate", {"digest": "0" * 64})
    assert (refused.status_code, refused.json()["code"]) == (409, "changed")
    done = post(ada.program, f"{TRIALS}/{told['id']}/activate", {"digest": told["digest"]})
    assert (done.status_code, done.json()["yaml"]) == (200, HASTY)
    assert Definition.objects.get(version="2").digest == told["digest"]
    assert ada.program.get(where).json()["activated"] is True
    assert AuditEntry.objects.latest("sequence").action == "definition.loaded"


def test_mistakes_have_their_lines(ada: Person) -> None:
    answer = ask(ada, HASTY.replace("pivot", "foo"))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_definition")
    (error,) = answer.json()["errors"]
    assert error["line"] == 14
    assert not Trial.objects.exists()


def test_a_version_that_is_taken_is_told_with_its_line(ada: Person) -> None:
    define()
    ask(ada, HASTY.replace('version: "2"', 'version: "1"'))
    trial = Trial.objects.get()
    finish(trial)
    answer = post(ada.program, f"{TRIALS}/{trial.pk}/activate", {"digest": trial.digest})
    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_definition")
    assert answer.json()["errors"][0]["line"] == 3


def test_it_can_be_cancelled_once(ada: Person) -> None:
    ask(ada)
    trial = Trial.objects.get()
    answer = post(ada.program, f"{TRIALS}/{trial.pk}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    answer = post(ada.program, f"{TRIALS}/{trial.pk}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_running")
    answer = post(ada.program, f"{TRIALS}/{trial.pk}/activate", {"digest": trial.digest})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_tried")


def test_too_many_are_refused(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials.asking, "MOST_AT_WORK", 0)
    assert (ask(ada).status_code, ask(ada).json()["code"]) == (409, "too_many")


def test_the_list_is_narrowed_by_type_and_state(ada: Person) -> None:
    ask(ada)
    assert len(ada.program.get(f"/api/v1/{TRIALS}?type=order&state=waiting").json()["results"]) == 1
    assert ada.program.get(f"/api/v1/{TRIALS}?state=done").json()["results"] == []
