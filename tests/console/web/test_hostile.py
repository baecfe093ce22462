"""Names, ids, payloads and errors come from other services: whatever they hold is shown as text."""

import json
from urllib.parse import quote

import pytest
from django.utils import timezone

from sagas import definitions, participants
from sagas.models import Delivery, ForeignType, Participant, Replay, Saga
from tests.console.cast import Person
from tests.console.web.scene import (
    ADA,
    Scene,
    make_problem,
    make_quarantined,
    make_repair,
    make_replay,
    make_saga,
    tell,
)

HOSTILE = """<script>alert(1)</script>'"><img src=x onerror=alert(1)>{{ 7|add:7 }}{% now "Y" %}&amp;\u202e"""
# Without slashes, which only a real server can tell from those of the address (tests.console.test_paths).
NAME = HOSTILE.replace("/", "")


@pytest.fixture
def hostile(scene: Scene) -> Saga:
    saga = make_saga(
        f"a/b?c=d#e%2F {HOSTILE}",
        saga_type=f"type/{HOSTILE}",
        keys={HOSTILE: HOSTILE},
        display={HOSTILE: HOSTILE},
        waiting_on=HOSTILE,
    )
    problem = make_problem(
        HOSTILE, [saga], saga_type=saga.saga_type, step=HOSTILE, explanation=HOSTILE, owner=HOSTILE
    )
    problem.participant = HOSTILE
    problem.save()
    tell(problem, Delivery.State.FAILED, error=HOSTILE)
    service = participants.create(NAME, ADA, owner=HOSTILE)
    participants.issue_key(service, [HOSTILE], ADA)
    make_quarantined(service, reason=HOSTILE[:60], detail=HOSTILE, body=HOSTILE.encode() + b"\xff\x00")
    kept = make_quarantined(
        service, reason="orphan_event", detail=HOSTILE, foreign_type=hostile_type(service)
    )
    make_replay(kept, actor=HOSTILE, state="running")
    service.plain_json = {"type": HOSTILE, "source": HOSTILE}
    service.save()
    make_repair(saga, reason=HOSTILE, step=HOSTILE, started_by_name=HOSTILE)
    for version in ("1", "2"):
        definitions.load(definition(version), "x.yaml", ADA)
    return saga


def hostile_type(service: Participant) -> ForeignType:
    now = timezone.now()
    return ForeignType.objects.create(
        participant=service, type=HOSTILE[:500], count=1, kept=1, first_at=now, last_at=now
    )


def definition(version: str) -> str:
    """JSON is YAML, too."""
    word = f"{HOSTILE}{version}"
    compensation = {"title": word, "request": "POST /x", "body": {word: 1}}
    step = {"name": word, "title": word, "kind": "pivot", "participant": word, "compensation": compensation}
    said = {"type": NAME, "version": version, "title": word, "owner": word, "keys": {word: "a"}}
    return json.dumps(said | {"steps": [step]})


def pages(hostile: Saga) -> list[str]:
    problem = hostile.findings.get().problem_id
    kept = participants.Participant.objects.get(name=NAME).quarantined.earliest("pk").pk
    asked = quote(HOSTILE, safe="")
    return [
        "/",
        f"/?open={problem}",
        f"/problems/{problem}/",
        "/sagas/",
        f"/sagas/?q={asked}",
        f"/sagas/?type={asked}&status={asked}&condition={asked}&problem={asked}",
        "/repairs/",
        "/participants/",
        f"/participants/{quote(NAME, safe='')}/",
        "/definitions/",
        f"/definitions/{quote(NAME, safe='')}/1/",
        f"/definitions/{quote(NAME, safe='')}/1/?step={asked}1",
        f"/definitions/{quote(NAME, safe='')}/2/?with=1",
        f"/definitions/seen/?type=type%2F{asked}",
        "/quarantine/",
        f"/quarantine/?reason={asked}&participant={asked}",
        f"/quarantine/?type={asked}",
        f"/quarantine/?type={ForeignType.objects.latest('pk').pk}",
        f"/quarantine/replays/{Replay.objects.latest('pk').pk}/",
        f"/quarantine/{kept}/",
        "/audit/",
        f"/audit/?actor={asked}&action={asked}&object={asked}&saga={asked}&since={asked}&until={asked}",
    ]


def test_it_is_shown_as_text_everywhere(hostile: Saga, admin: Person) -> None:
    for page in pages(hostile):
        answer = admin.browser.get(page)
        html = answer.content.decode()
        assert answer.status_code == 200, page
        assert "<script>alert" not in html, page
        assert "<img src=x" not in html, page
        assert "onerror=alert(1)>{{ 7|add:7 }}" not in html.replace("&gt;", "\0"), page


def test_a_refused_form_gives_back_what_was_written_as_text(scene: Scene, admin: Person) -> None:
    answer = admin.browser.post("/participants/", {"name": "x", "base_url": HOSTILE, "owner": HOSTILE})
    assert answer.status_code == 422
    assert "<script>alert" not in answer.content.decode()
    assert "&lt;script&gt;" in answer.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=%ff%fe",
        "before=99999999999999999999",
        "before=-1",
        "after=%00",
        "before=1e9",
        "shown=1.x.%00.3",
    ],
)
def test_broken_queries_are_answered(query: str, scene: Scene, viewer: Person) -> None:
    for page in ("/sagas/", "/quarantine/", "/audit/", "/repairs/", "/"):
        assert viewer.browser.get(f"{page}?{query}").status_code == 200


@pytest.mark.parametrize(
    "page", ["/problems/9999999999999999999999/", "/quarantine/99999999999999999999/", "/participants/%00/"]
)
def test_what_cannot_be_is_not_found(page: str, scene: Scene, viewer: Person) -> None:
    assert viewer.browser.get(page).status_code == 404
