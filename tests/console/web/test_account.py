"""Signing in and out, passwords, one's own tokens, and what cannot be reached."""

import re

import pytest
from django.test import Client

from console.models import ApiToken
from sagas.models import AuditEntry
from tests.console.cast import Person
from tests.console.web.scene import page

PASSWORD = "correct horse battery staple"


@pytest.fixture
def with_password(viewer: Person) -> Person:
    viewer.user.set_password(PASSWORD)
    viewer.user.save()
    # Whoever was signed in with the old one is not any more.
    viewer.browser.force_login(viewer.user)
    return viewer


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
