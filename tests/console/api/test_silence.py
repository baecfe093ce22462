"""How participants are heard, as the API tells it, and what may be declared of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from console.permissions import Role
from sagas import participants
from sagas.audit import Actor
from sagas.models import Hearing, Participant, Problem, Rhythm, Silence
from sagas.vocabulary import Code
from tests.console.cast import Person, person

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/participants/payment"


@pytest.fixture
def ada() -> Person:
    return person("ada", Role.ADMIN)


@pytest.fixture
def payment() -> Participant:
    return participants.create("payment", Actor.system())


def hearing(ada: Person) -> dict:
    told = ada.program.get(ADDRESS).json()["hearing"]
    assert ada.program.get("/api/v1/participants").json()["results"][0]["hearing"] == told
    return told


def test_it_is_told_as_it_changes(payment: Participant, ada: Person) -> None:
    nothing = dict.fromkeys(["last_heard_at", "usual_pause", "silent_after", "silent_since", "problem"])
    assert hearing(ada) == {"voice": "unheard", **nothing}
    now = timezone.now().replace(microsecond=0)
    text = now.isoformat().replace("+00:00", "Z")
    Hearing.objects.create(participant=payment, heard_at=now)
    assert hearing(ada) == {"voice": "learning", **nothing, "last_heard_at": text}
    Rhythm.objects.create(
        participant=payment,
        since=now - timedelta(days=30),
        until=now,
        period_since=now,
        usual=4,
        patience=60,
    )
    learned = {"usual_pause": 4.0, "silent_after": 60.0}
    assert hearing(ada) == {"voice": "speaks", **nothing, "last_heard_at": text, **learned}
    problem = Problem.objects.create(
        step="payment", code=Code.SOURCE_SILENT, condition="stuck", severity="error", opened_at=now
    )
    silence = Silence.objects.create(
        participant=payment, problem=problem, since=now, patience=60, is_declared=False, opened_at=now
    )
    silent = {"silent_since": text, "problem": problem.pk}
    assert hearing(ada) == {"voice": "silent", "last_heard_at": text, **learned, **silent}
    Silence.objects.filter(pk=silence.pk).update(closed_at=now)
    assert hearing(ada)["voice"] == "speaks"


def test_what_may_be_declared(payment: Participant, ada: Person) -> None:
    def patch(**body):
        return ada.program.patch(ADDRESS, body, content_type="application/json")

    Hearing.objects.create(participant=payment, heard_at=timezone.now())
    told = patch(speaks_every=300).json()
    assert (told["speaks_every"], told["may_be_silent"]) == (300, False)
    assert told["hearing"]["silent_after"] == 300
    for bad in ({"speaks_every": 9}, {"speaks_every": "often"}, {"may_be_silent": True}):
        assert patch(**bad).status_code == 400
    told = patch(speaks_every=None, may_be_silent=True).json()
    assert (told["speaks_every"], told["may_be_silent"]) == (None, True)
    assert told["hearing"]["voice"] == "not_judged"
    assert patch(owner="x").json()["may_be_silent"] is True


def test_it_may_be_declared_at_once(ada: Person) -> None:
    body = {"name": "ledger", "speaks_every": 86400}
    answer = ada.program.post("/api/v1/participants", body, content_type="application/json")
    assert answer.status_code == 201
    assert (answer.json()["speaks_every"], answer.json()["hearing"]["voice"]) == (86400, "unheard")
