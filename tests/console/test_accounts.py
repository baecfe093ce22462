"""`manage.py create_user` and `create_token`: the commands that checks and scripts rely on."""

import io
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from sagas.models import AuditEntry

pytestmark = pytest.mark.django_db
PASSWORD = "a long pass phrase"


def manage(*words: str, **more: Any) -> str:
    """What the command printed; its last line alone, as scripts take it."""
    out = io.StringIO()
    call_command(*words, stdout=out, **more)
    return out.getvalue().splitlines()[-1]


def test_a_user_can_sign_in_and_has_the_roles() -> None:
    assert (
        manage("create_user", "ada", "--role", "operator", "--role", "approver", "--password", PASSWORD)
        == "ada"
    )
    user = authenticate(username="ada", password=PASSWORD)
    assert isinstance(user, User)
    assert set(user.groups.values_list("name", flat=True)) == {"operator", "approver"}
    entry = AuditEntry.objects.get()
    assert (entry.actor_kind, entry.actor) == ("system", "manage.py create_user")
    assert (entry.action, entry.object_id) == ("user.created", "ada")
    assert entry.after == {"roles": ["approver", "operator"]}


def test_a_user_that_is_there_stays_as_it_is() -> None:
    manage("create_user", "ada", "--role", "viewer", "--password", PASSWORD)
    with pytest.raises(CommandError, match="There is a user ada already; nothing was changed"):
        manage("create_user", "ada", "--role", "admin", "--password", "another pass phrase")
    ada = User.objects.get()
    assert ada.check_password(PASSWORD)
    assert [group.name for group in ada.groups.all()] == ["viewer"]
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ada", "--role", "king", "--password", PASSWORD], "invalid choice: 'king'"),
        (["ada", "--password", PASSWORD], "the following arguments are required: --role"),
        (["a b", "--role", "viewer", "--password", PASSWORD], "Enter a valid username"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_one_line(words: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        manage("create_user", *words)
    assert not User.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_script_is_warned_of_a_weak_password() -> None:
    err = io.StringIO()
    assert manage("create_user", "ada", "--role", "viewer", "--password", "ada", stderr=err) == "ada"
    assert "weak: This password is too short" in err.getvalue()


def test_a_person_is_refused_a_weak_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("ada\n"))
    with pytest.raises(CommandError, match="password will not do: This password is too short"):
        manage("create_user", "ada", "--role", "viewer")
    assert not User.objects.exists()


def test_a_password_may_come_by_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    manage("create_user", "ada", "--role", "viewer")
    assert User.objects.get().check_password(PASSWORD)


def test_no_password_at_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(CommandError, match="No password was given"):
        manage("create_user", "ada", "--role", "viewer")


def test_a_token_is_printed_alone_and_opens_the_api() -> None:
    manage("create_user", "ada", "--role", "viewer", "--password", PASSWORD)
    token = manage("create_token", "ada")
    assert token.startswith("amd_") and " " not in token
    client = Client()
    assert client.get("/api/v1/sagas").status_code == 401
    assert client.get("/api/v1/sagas", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.action, entry.actor) == ("token.issued", "manage.py create_token")
    assert token not in str(entry.after)


def test_a_token_needs_an_active_user() -> None:
    with pytest.raises(CommandError, match="no active user ada"):
        manage("create_token", "ada")
    manage("create_user", "ada", "--role", "viewer", "--password", PASSWORD)
    token = manage("create_token", "ada")
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="no active user ada"):
        manage("create_token", "ada")
    answer = Client().get("/api/v1/sagas", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
