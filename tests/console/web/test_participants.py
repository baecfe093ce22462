"""Participants: added, changed, their keys and secrets shown once."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from sagas import participants
from sagas.models import AuditEntry, Hearing, Participant, ParticipantKey, Rhythm, Silence
from sagas.vocabulary import Code
from tests.console.cast import Person
from tests.console.web.scene import ADA, Scene, make_problem, make_saga, page


def test_participants_are_shown_with_how_they_are_doing(scene: Scene, viewer: Person) -> None:
    html = page(viewer, "/participants/")
    row = html[html.index(f'id="participant-{scene.shipping.pk}"') :]
    for text in ("shipping", "https://shipping.shop.example", "1 in force", "no signing secret", "1 open"):
        assert text in row
    assert re.search(r'data-label="Quarantined"><a [^>]+>2</a>', row)


def test_a_participant_is_added_and_recorded(scene: Scene, admin: Person) -> None:
    answer = admin.browser.post(
        "/participants/", {"name": " ledger ", "base_url": "https://l.example", "owner": "o"}
    )
    assert answer["Location"] == "/participants/ledger/"
    assert Participant.objects.get(name="ledger").base_url == "https://l.example"
    entry = AuditEntry.objects.first()
    assert (entry.actor, entry.action, entry.object_id) == ("ada", "participant.created", "ledger")


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"name": ""}, "must not be empty"),
        ({"name": "shipping"}, "There is a participant shipping already."),
        ({"name": "x", "base_url": "ftp://x"}, "must be an address"),
    ],
)
def test_what_cannot_be_taken_is_said_and_given_back(
    given: dict[str, str], complaint: str, scene: Scene, admin: Person
) -> None:
    answer = admin.browser.post("/participants/", {"owner": "keep me", **given})
    assert answer.status_code == 422
    assert complaint in answer.content.decode()
    assert "keep me" in answer.content.decode()
    assert Participant.objects.count() == 1


def test_a_key_is_shown_once_and_scoped(scene: Scene, admin: Person) -> None:
    answer = admin.browser.post("/participants/shipping/keys", {"saga_types": "a, b ,"})
    secret = re.search(r'id="secret">(amp_[^<]+)<', answer.content.decode())[1]
    key = participants.find_by_secret(secret)
    assert key.saga_types == ["a", "b"]
    assert secret not in page(admin, "/participants/shipping/")
    assert "no-store" in answer["Cache-Control"]


def test_a_revoked_key_lets_nobody_in(scene: Scene, admin: Person) -> None:
    secret = participants.issue_key(scene.shipping, [], ADA)
    key = ParticipantKey.objects.latest("pk")
    admin.browser.post(f"/participants/shipping/keys/{key.pk}/revoke")
    assert participants.find_by_secret(secret) is None
    assert "opens nothing any more" in page(admin, "/participants/shipping/")
    before = AuditEntry.objects.count()
    admin.browser.post(f"/participants/shipping/keys/{key.pk}/revoke")
    assert AuditEntry.objects.count() == before


def test_a_key_is_revoked_only_under_its_own_participant(scene: Scene, admin: Person) -> None:
    participants.create("ledger", ADA)
    assert admin.browser.post(f"/participants/ledger/keys/{scene.key.pk}/revoke").status_code == 404
    scene.key.refresh_from_db()
    assert scene.key.revoked_at is None


def test_a_signing_secret_is_shown_once_and_replaced(scene: Scene, admin: Person) -> None:
    html = admin.browser.post("/participants/shipping/secret").content.decode()
    first = re.search(r'id="secret">(whsec_[^<]+)<', html)[1]
    assert participants.signing_secret(Participant.objects.get()) == first
    assert first not in page(admin, "/participants/shipping/")
    assert "Replace the secret" in page(admin, "/participants/shipping/")
    admin.browser.post("/participants/shipping/secret")
    assert participants.signing_secret(Participant.objects.get()) != first


def test_where_and_whose_is_changed(scene: Scene, admin: Person) -> None:
    address = "/participants/shipping/settings"
    admin.browser.post(address, {"base_url": "https://new.example/", "owner": "new"})
    changed = Participant.objects.get()
    assert (changed.base_url, changed.owner) == ("https://new.example", "new")
    answer = admin.browser.post(address, {"base_url": "nonsense", "owner": "keep me"})
    assert answer.status_code == 422
    assert "keep me" in answer.content.decode()
    assert Participant.objects.get().owner == "new"


def test_a_participant_says_what_it_does(scene: Scene, viewer: Person) -> None:
    html = page(viewer, "/participants/shipping/")
    assert "ship parcel" in html
    assert "ship parcel never answered" in html
    assert "charge card" not in html


def test_an_unknown_participant_is_not_found(scene: Scene, viewer: Person) -> None:
    assert viewer.browser.get("/participants/nobody/").status_code == 404


def hear(scene: Scene, *, ago: float, usual: float | None = 4, patience: float | None = 60) -> None:
    now = timezone.now()
    at = now - timedelta(seconds=ago)
    Hearing.objects.create(participant=scene.shipping, heard_at=at)
    since = now - timedelta(days=30)
    Rhythm.objects.create(
        participant=scene.shipping,
        since=since,
        until=at,
        period_since=since,
        usual=usual,
        patience=patience,
    )


def fall_silent(scene: Scene, waiting: int) -> Silence:
    hear(scene, ago=300)
    problem = make_problem(
        "shipping has gone silent",
        [make_saga(f"late-{number}") for number in range(waiting)],
        code=Code.SOURCE_SILENT,
        saga_type="",
        step="shipping",
        explanation="nothing was heard of it since then; normally it speaks every 4 s",
    )
    return Silence.objects.create(
        participant=scene.shipping,
        problem=problem,
        since=timezone.now() - timedelta(seconds=300),
        patience=60,
        usual=4,
        is_declared=False,
        opened_at=timezone.now() - timedelta(seconds=240),
    )


def test_how_it_speaks_is_shown(scene: Scene, viewer: Person) -> None:
    assert "Never heard" in page(viewer, "/participants/")
    assert "Nothing was heard of it so far." in page(viewer, "/participants/shipping/")
    hear(scene, ago=5)
    html = page(viewer, "/participants/shipping/")
    assert "Normally it speaks every 4 s; it counts as silent after 1 min." in html
    assert "Speaks" in page(viewer, "/participants/")
    Rhythm.objects.update(usual=None, patience=None)
    assert "Learning" in page(viewer, "/participants/")
    assert "Its rhythm is not known yet: that takes 50 pauses" in page(viewer, "/participants/shipping/")


@pytest.mark.parametrize(
    ("waiting", "words"),
    [(0, "No saga waits for it"), (1, "1 saga waits for it"), (12, "12 sagas wait for it")],
)
def test_a_silence_is_shown_with_who_waits(waiting: int, words: str, scene: Scene, viewer: Person) -> None:
    silence = fall_silent(scene, waiting)
    html = page(viewer, "/participants/shipping/")
    for text in ("shipping has said nothing to Amends since", words, "Normally it speaks every 4 s."):
        assert text in html
    assert f'href="/problems/{silence.problem_id}/"' in html
    assert "still silent" in html
    listed = page(viewer, "/participants/")
    assert "Silent" in listed[listed.index(f'id="participant-{scene.shipping.pk}"') :]


def test_a_silence_without_a_saga_is_shown_on_attention(scene: Scene, viewer: Person) -> None:
    silence = fall_silent(scene, 0)
    row = page(viewer)
    row = row[row.index(f'id="problem-{silence.problem_id}"') :]
    assert "shipping has gone silent" in row
    assert "as a whole" in row
    html = page(viewer, f"/problems/{silence.problem_id}/")
    assert "No saga waits for it." in html


def test_what_is_declared_of_its_silence_is_changed(scene: Scene, admin: Person) -> None:
    hear(scene, ago=5)
    address = "/participants/shipping/silence"
    assert admin.browser.post(address, {"judged": "declared", "interval": " 5m "}).status_code == 302
    assert Participant.objects.get().speaks_every == 300
    html = page(admin, "/participants/shipping/")
    assert "It should speak at least every 5 min." in html
    assert 'value="5m"' in html
    answer = admin.browser.post(address, {"judged": "declared", "interval": "soon"})
    assert answer.status_code == 422
    assert "must be a duration such as 30s" in answer.content.decode()
    assert 'value="soon"' in answer.content.decode()
    admin.browser.post(address, {"judged": "never", "interval": "5m"})
    now = Participant.objects.get()
    assert (now.speaks_every, now.may_be_silent) == (None, True)
    assert "Not judged" in page(admin, "/participants/shipping/")
    admin.browser.post(address, {"judged": "learned"})
    assert not Participant.objects.get().may_be_silent
    actions = AuditEntry.objects.filter(action="participant.changed")
    assert actions.count() == 3


def test_a_pace_is_chosen_on_its_page(scene: Scene, admin: Person, viewer: Person) -> None:
    wrong = admin.browser.post("/participants/shipping/pace", {"at_once": "none", "per_second": "2"})
    assert wrong.status_code == 422 and "whole number from 1 to 256" in wrong.content.decode()
    assert 'value="none"' in wrong.content.decode()
    admin.browser.post("/participants/shipping/pace", {"at_once": "4", "per_second": "2.5"})
    shown = viewer.browser.get("/participants/shipping/").content.decode()
    assert "4 calls at a time of one repair of many sagas, 2.5 a second of all of them" in shown
