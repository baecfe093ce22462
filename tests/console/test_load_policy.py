"""`manage.py load_policy`: what it says, and what it refuses."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from compensation import default_policy
from sagas.models import AuditEntry

pytestmark = pytest.mark.django_db


def load(path: Path) -> str:
    out = StringIO()
    call_command("load_policy", str(path), stdout=out)
    return out.getvalue().strip()


def test_a_policy_is_in_force_once_it_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("approval:\n  - {when: count > 10, because: Many.}\n")
    told = load(file)
    row = default_policy.in_force().row
    assert row
    assert (told, row.loaded_by) == (
        f"default policy {row.pk}: in force from now on",
        "manage.py load_policy",
    )
    assert load(file) == f"default policy {row.pk}: in force already"
    assert AuditEntry.objects.get().action == "policy.loaded"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "there is no such file"),
        (b"\xff", "is not UTF-8"),
        (b"", "Nothing was loaded.\n.*policy.yaml:1:1: is empty; must hold a mapping"),
        (
            b"approval:\n  - {when: count > }\n",
            r"Nothing was loaded.\n.*policy.yaml:2:19: approval\[0\].when: ",
        ),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_loaded(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / "policy.yaml").write_bytes(content)
    with pytest.raises(CommandError, match=complaint):
        load(tmp_path / "policy.yaml")
    assert default_policy.in_force().row is None
