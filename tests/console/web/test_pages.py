"""Participants, definitions, quarantine, repairs, audit and accounts: what their pages do."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from console.models import ApiToken
from sagas import definitions, participants
from sagas.models import AuditEntry, Participant, ParticipantKey, Quarantined
from tests.console.cast import Person
from tests.console.web.scene import ADA, Scene, make_quarantined, make_repair, make_saga


def page(somebody: Person, address: str) -> str:
    answer = somebody.browser.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


PASSWORD = "correct horse battery staple"


@pytest.fixture
def with_password(viewer: Person) -> Person:
    viewer.user.set_password(PASSWORD)
    viewer.user.save()
    # Whoever was signed in with the old one is not any more.
    viewer.browser.force_login(viewer.user)
    return viewer


# Participants


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


# Definitions


def test_a_definition_is_shown_with_its_steps_and_its_text(scene: Scene, viewer: Person) -> None:
    html = page(viewer, "/definitions/order-fulfilment/3/")
    for text in (
        "Order fulfilment",
        "charge card",
        "refund card",
        "POST /compensations/charge-card",
        "pivot",
    ):
        assert text in html
    for text in ("30 s", "5 min", "GET /steps/ship-parcel?saga={saga}", "total.currency", "order_id"):
        assert text in html
    assert "kind: compensatable" in html
    assert "orders.yaml" not in html


def test_types_that_nobody_described_are_listed(scene: Scene, viewer: Person) -> None:
    make_saga("x", saga_type="never-described")
    html = page(viewer, "/definitions/")
    assert "Order fulfilment" in html
    assert "never-described" in html[html.index("Seen, but not described") :]


def test_an_older_version_says_so(scene: Scene, viewer: Person) -> None:
    newer = scene.definition.source.replace('version: "3"', 'version: "4"')
    definitions.load(newer, "orders.yaml", ADA)
    assert "Not the newest" in page(viewer, "/definitions/order-fulfilment/3/")
    assert "Not the newest" not in page(viewer, "/definitions/order-fulfilment/4/")


# Quarantine


def test_a_quarantined_event_is_shown_as_it_came(scene: Scene, viewer: Person) -> None:
    kept = make_quarantined(scene.shipping, body=b"\xff\x00<b>no json</b>", saga_types=["order-fulfilment"])
    html = page(viewer, f"/quarantine/{kept.pk}/")
    assert "\\xff\\x00&lt;b&gt;no json&lt;/b&gt;" in html
    assert "16 bytes" in html
    assert "order-fulfilment" in html


def test_a_long_body_is_cut_and_says_so(scene: Scene, viewer: Person) -> None:
    kept = make_quarantined(scene.shipping, body=b"x" * 70_000)
    html = page(viewer, f"/quarantine/{kept.pk}/")
    assert "70000 bytes, the first 65,536 shown" in html
    assert "x" * 65_536 in html
    assert "x" * 65_537 not in html


def test_events_are_replayed_and_what_became_of_them_is_told(scene: Scene, operator: Person) -> None:
    good = make_quarantined(
        scene.shipping,
        reason="unknown_type",
        saga_types=["order-fulfilment"],
        body=b'{"specversion":"1.0","id":"e-1","source":"/shipping","type":"step.completed",'
        b'"correlationid":"order-8492","sagatype":"order-fulfilment","sagastep":"ship-parcel"}',
    )
    answer = operator.browser.post(
        "/quarantine/replay", {"id": [good.pk, scene.quarantined.pk], "back": "reason=unknown_type"}
    )
    assert answer["Location"] == "/quarantine/?reason=unknown_type"
    assert "1 taken, 1 refused again." in page(operator, "/quarantine/")
    good.refresh_from_db()
    assert good.state == Quarantined.State.REPLAYED
    assert scene.saga.events.count() == 1
    assert AuditEntry.objects.first().action == "quarantine.replayed"


def test_choosing_nothing_replays_nothing(scene: Scene, operator: Person) -> None:
    operator.browser.post("/quarantine/replay", {"id": ["x", "\0", ""]})
    assert "Choose events to replay." in page(operator, "/quarantine/")


def test_the_way_back_stays_here(scene: Scene, operator: Person) -> None:
    answer = operator.browser.post("/quarantine/replay", {"back": "//evil.example/?a=b"})
    assert answer["Location"].startswith("/quarantine/?")


def test_the_quarantine_is_narrowed_and_says_why_it_is_empty(scene: Scene, viewer: Person) -> None:
    make_quarantined(scene.shipping, reason="out_of_scope", detail="its key may not")
    assert page(viewer, "/quarantine/").count("data-row") == 2
    assert page(viewer, "/quarantine/?reason=out_of_scope").count("data-row") == 1
    assert page(viewer, "/quarantine/?participant=shipping").count("data-row") == 2
    assert "No event waits here that matches." in page(viewer, "/quarantine/?participant=nobody")
    assert "Nothing was replayed" in page(viewer, "/quarantine/?state=replayed")
    Quarantined.objects.all().delete()
    assert "Every event was understood." in page(viewer, "/quarantine/")


# Repairs


def test_repairs_are_listed_with_their_progress(scene: Scene, operator: Person) -> None:
    mine = make_repair(make_saga("mine"), state="done", started_by=operator.user)
    html = page(operator, "/repairs/")
    assert f"R-{scene.repair.pk}" in html
    assert "1 of 2" in html
    assert "Ticket OPS-2291" in html
    only = page(operator, "/repairs/?by=me")
    assert f"R-{mine.pk}" in only
    assert f"R-{scene.repair.pk}<" not in only
    assert f"R-{mine.pk}" in page(operator, "/repairs/?state=done")
    assert "No repair is stopped." in page(operator, "/repairs/?state=stopped")
    assert "No repair is stopped that you started." in page(operator, "/repairs/?state=stopped&by=me")


def test_with_no_repair_it_says_where_one_starts(viewer: Person) -> None:
    assert "Nothing was repaired yet." in page(viewer, "/repairs/")


# Audit


def test_the_audit_log_is_filtered(scene: Scene, viewer: Person) -> None:
    def rows(query: str) -> int:
        return page(viewer, f"/audit/?{query}").count("data-row")

    everything = AuditEntry.objects.count()
    assert rows("") == everything == 3
    assert rows("actor=ada") == 3
    assert rows("actor=ad") == 3
    assert rows("actor=bob") == 0
    assert rows("action=participant.") == 2
    assert rows("object=definition") == 1
    assert rows("object=participant:ship") == 2
    assert rows("saga=order-8492") == 0
    tomorrow = timezone.now() + timedelta(days=1)
    assert rows(f"since={tomorrow:%Y-%m-%dT%H:%M}") == 0
    assert rows(f"until={tomorrow:%Y-%m-%d}") == 3
    assert "No entry matches." in page(viewer, "/audit/?actor=bob")


def test_times_are_asked_for_in_the_viewers_zone(scene: Scene, viewer: Person) -> None:
    viewer.browser.cookies["zone"] = "Asia/Tokyo"
    here = timezone.now() + timedelta(hours=9)
    assert page(viewer, f"/audit/?since={here + timedelta(minutes=2):%Y-%m-%dT%H:%M}").count("data-row") == 0
    assert page(viewer, f"/audit/?since={here - timedelta(minutes=2):%Y-%m-%dT%H:%M}").count("data-row") == 3


def test_the_chain_is_verified_on_request(scene: Scene, viewer: Person) -> None:
    html = viewer.browser.post("/audit/verify").content.decode()
    assert "Chain verified" in html
    assert "to #3" in html
    fragment = viewer.browser.post("/audit/verify", headers={"HX-Request": "true", "HX-Target": "chain"})
    assert "<html" not in fragment.content.decode()


def test_a_changed_entry_is_seen_on_the_page_and_by_the_chain(scene: Scene, viewer: Person) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE sagas_auditentry SET actor = 'mallory' WHERE sequence = 2")
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    html = page(viewer, "/audit/")
    assert re.search(r'id="entry-2"[^>]*row-bad', html)
    assert not re.search(r'id="entry-[13]"[^>]*row-bad', html)
    assert "Chain broken" in viewer.browser.post("/audit/verify").content.decode()


def test_before_and_after_are_shown(scene: Scene, viewer: Person, admin: Person) -> None:
    admin.browser.post("/participants/shipping/settings", {"base_url": "", "owner": "new owner"})
    html = page(viewer, "/audit/")
    assert "&quot;owner&quot;: &quot;new owner&quot;" in html
    assert "&quot;owner&quot;: &quot;shipping@shop.example&quot;" in html


# Accounts


def test_signing_in_and_out(with_password: Person) -> None:
    client = Client()
    assert 'name="password"' in client.get("/accounts/login/").content.decode()
    wrong = client.post("/accounts/login/", {"login": "vera", "password": "no"})
    assert "not correct" in wrong.content.decode()
    right = client.post("/accounts/login/", {"login": "vera", "password": PASSWORD, "next": "/sagas/"})
    assert right["Location"] == "/sagas/"
    assert client.get("/").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/").status_code == 302
    told = [(entry.actor, entry.action, entry.address) for entry in AuditEntry.objects.order_by("sequence")]
    assert told == [("vera", "user.signed_in", "127.0.0.1"), ("vera", "user.signed_out", "127.0.0.1")]


def test_an_account_that_is_switched_off_is_told_so(with_password: Person) -> None:
    with_password.user.is_active = False
    with_password.user.save()
    answer = Client().post("/accounts/login/", {"login": "vera", "password": PASSWORD}, follow=True)
    assert answer.status_code in {200, 403}
    assert AuditEntry.objects.count() == 0


@pytest.mark.parametrize("address", ["//evil.example/", "https://evil.example/", "javascript:alert(1)"])
def test_signing_in_leads_to_no_other_site(address: str, with_password: Person) -> None:
    answer = Client().post("/accounts/login/", {"login": "vera", "password": PASSWORD, "next": address})
    assert answer["Location"] == "/"


def test_a_password_is_changed(with_password: Person) -> None:
    new = "another horse battery"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert with_password.browser.post("/accounts/password/change/", form).status_code == 302
    with_password.user.refresh_from_db()
    assert with_password.user.check_password(new)
    assert AuditEntry.objects.first().action == "user.password_changed"
    weak = with_password.browser.post(
        "/accounts/password/change/", {**form, "oldpassword": new, "password1": "x", "password2": "x"}
    )
    assert "too short" in weak.content.decode()


def test_an_account_without_a_password_is_told_so(viewer: Person) -> None:
    viewer.user.set_unusable_password()
    viewer.user.save()
    answer = viewer.browser.get("/accounts/password/change/", follow=True)
    assert answer.status_code == 403
    assert "has no password" in answer.content.decode()


@pytest.mark.parametrize(
    "path", ["signup/", "email/", "password/reset/", "reauthenticate/", "confirm-email/"]
)
def test_no_other_account_page_can_be_reached(path: str, viewer: Person) -> None:
    assert viewer.browser.get(f"/accounts/{path}").status_code == 404


def test_too_many_tries_are_held_back(viewer: Person) -> None:
    client = Client()
    answers = [client.post("/accounts/login/", {"login": "vera", "password": "no"}) for _ in range(12)]
    texts = [answer.content.decode() for answer in answers]
    assert any("Too many" in text for text in texts)


def test_a_token_is_shown_once_and_revoked(viewer: Person) -> None:
    html = viewer.browser.post("/account/tokens/").content.decode()
    secret = re.search(r'id="secret">(amd_[^<]+)<', html)[1]
    assert secret not in page(viewer, "/account/tokens/")
    assert Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/sagas").status_code == 200
    viewer.browser.post(f"/account/tokens/{ApiToken.objects.get().pk}/revoke")
    assert Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/sagas").status_code == 401
    assert "Revoked" in page(viewer, "/account/tokens/")


# Errors


def test_a_missing_page_says_so(scene: Scene, viewer: Person, stranger: Client) -> None:
    answer = viewer.browser.get("/no/such/<b>page</b>")
    assert answer.status_code == 404
    assert "/no/such/&lt;b&gt;page&lt;/b&gt;" in answer.content.decode()
    assert stranger.get("/no/such/page").status_code == 404
