"""Participants: added, changed, their keys and secrets shown once."""

import re

import pytest

from sagas import participants
from sagas.models import AuditEntry, Participant, ParticipantKey
from tests.console.cast import Person
from tests.console.web.scene import ADA, Scene, page


def test_participants_are_shown_with_how_they_are_doing(scene: Scene, viewer: Person) -> None:
    html = page(viewer, "/participants/")
    row = html[html.index(f'id="participant-{scene.shipping.pk}"') :]
    for text in ("shipping", "https://shipping.shop.example", "1 in force", "no signing secret", "1 open"):
        assert text in row
    assert re.search(r'data-label="Quarantined"><a [^>]+>1</a>', row)


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
