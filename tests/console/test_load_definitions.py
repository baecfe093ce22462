"""`manage.py load_definitions`: all or none, again and again."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from console.management.commands import load_definitions
from sagas import participants
from sagas.audit import Actor
from sagas.models import AuditEntry, Definition, Saga
from tests.console.world import orphan
from tests.sagas.storing import put

pytestmark = pytest.mark.django_db

GOOD = 'type: order\nversion: "1"\nsteps:\n  - {name: charge, kind: compensatable}\n'


def load(*paths: Path) -> list[str]:
    out = StringIO()
    call_command("load_definitions", *map(str, paths), stdout=out)
    return out.getvalue().splitlines()


def test_files_and_folders_are_loaded_once(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "order.yaml").write_text(GOOD)
    (tmp_path / "deep" / "wallet.yml").write_text(GOOD.replace("order", "wallet"))
    (tmp_path / "notes.txt").write_text("no definition")
    assert load(tmp_path) == ["wallet v1: loaded", "order v1: loaded"]
    assert load(tmp_path / "order.yaml") == ["order v1: unchanged"]
    entry = AuditEntry.objects.first()
    assert entry
    assert (entry.actor, entry.action) == ("manage.py load_definitions", "definition.loaded")


def test_sagas_that_waited_are_told(tmp_path: Path) -> None:
    put("saga.started charge:S")
    (tmp_path / "order.yaml").write_text(GOOD)
    assert load(tmp_path) == ["order v1: loaded; 1 saga was read anew with it"]
    assert Saga.objects.get().definition == Definition.objects.get()


def test_what_workers_go_on_with_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(202):
        put("saga.started", f"o-{number}")
    (tmp_path / "order.yaml").write_text(GOOD)
    monkeypatch.setattr(load_definitions, "PATIENCE", 0.0)
    so_far = "200 of 202 sagas that were there before it looked at so far, and workers go on"
    assert load(tmp_path) == [f"order v1: loaded; {so_far}"]
    # Whoever loads it again takes part.
    assert load(tmp_path) == ["order v1: unchanged; 202 sagas were read anew with it"]
    assert load(tmp_path) == ["order v1: unchanged"]


def test_one_mistake_keeps_all_out_and_every_mistake_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD.replace("order", "wallet").replace("compensatable", "foo"))
    (tmp_path / "c.yaml").write_text("steps: []")
    with pytest.raises(CommandError) as caught:
        load(tmp_path)
    assert str(caught.value).splitlines() == [
        "Nothing was loaded.",
        f"{tmp_path}/b.yaml:4:26: steps[0].kind must be one of compensatable, pivot, retriable, readonly;"
        ' got "foo"',
        f"{tmp_path}/c.yaml:1:1: type is missing",
    ]
    assert not Definition.objects.exists()
    assert not AuditEntry.objects.exists()


def test_changed_content_needs_a_new_version(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    load(tmp_path)
    (tmp_path / "a.yaml").write_text(GOOD + "# changed\n")
    with pytest.raises(
        CommandError, match=r'a.yaml:2:10: version must be a new one: "1" of order was loaded'
    ):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"), [(b"\xff", "is not UTF-8"), (None, "no such file"), (b"", "is empty")]
)
def test_what_cannot_be_read_is_one_clear_line(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    if content is not None:
        (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(CommandError, match=complaint):
        load(tmp_path / "a.yaml")


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"no \.yaml or \.yml file below"):
        load(tmp_path)


def test_events_that_it_would_take_are_offered_for_a_replay(tmp_path: Path) -> None:
    shop = participants.create("shop", Actor.system())
    orphan(shop, "OrderShipped")
    text = GOOD + "events:\n  - {type: OrderShipped, kind: saga.started, saga: event.data.order}\n"
    (tmp_path / "order.yaml").write_text(text)
    offer = (
        "  1 event in quarantine is of types that it maps; replay them at http://127.0.0.1:8000/quarantine/"
    )
    assert load(tmp_path) == ["order v1: loaded", offer]
    assert load(tmp_path) == ["order v1: unchanged", offer]
    assert not Saga.objects.exists()
