"""Exports of the audit log: what is in the file, whoever dies while it is written, and who gets it."""

import asyncio
import csv
import hashlib
import io
import json
import os
import stat
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.http import StreamingHttpResponse
from django.test import Client
from django.utils import timezone

from console import audit_search, exports
from console.audit_search import Search
from console.exports import files, lines, writing
from console.models import AuditExport
from console.permissions import Role
from sagas import audit
from sagas.audit import Actor, Entry, proof
from sagas.models import AuditEntry, Saga
from tests.console.cast import person
from tests.sagas.dying import Worker
from verifier import chain

pytestmark = pytest.mark.django_db(transaction=True)

ADA = Actor("person", "ada", "192.0.2.7")
FORMULA = '=HYPERLINK("http://evil.example")'


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DATA", tmp_path)


@pytest.fixture
def log() -> None:
    saga = Saga.objects.create(saga_type="order", saga_id="-o/1")
    with transaction.atomic():
        audit.record_all(
            Entry(ADA, "step.skipped", ("step", f"S-{n}"), saga, FORMULA, {"n": n}, -n) for n in range(1, 8)
        )
        audit.record(Actor.system(), "repair.done", ("repair", 'ü,\n"R"'))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 3)


def done(search: Search = Search(), format: str = "csv") -> AuditExport:  # noqa: B008  (it is frozen)
    export = exports.ask(search, format, ADA)
    exports.work()
    export.refresh_from_db()
    assert export.state == "done", export.failure
    return export


def content(export: AuditExport) -> bytes:
    return files.finished(export).read_bytes()


def table(export: AuditExport) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content(export).decode(), newline="")))


def test_a_csv_holds_what_matches_in_order_and_no_formula(log: None) -> None:
    export = done()
    rows = table(export)
    assert [row["sequence"] for row in rows] == ["1", "2", "3", "4", "5", "6", "7", "8"]
    assert rows[0] == {
        "sequence": "1",
        "at": audit.content(AuditEntry.objects.get(pk=1))["at"],
        "actor_kind": "person",
        "actor": "ada",
        "address": "192.0.2.7",
        "action": "step.skipped",
        "object_kind": "step",
        "object_id": "S-1",
        "saga": str(Saga.objects.get().pk),
        "saga_type": "order",
        "saga_id": "'-o/1",
        "reason": "'" + FORMULA,
        "before": '{"n":1}',
        "after": "-1",
        "content_hash": AuditEntry.objects.get(pk=1).content_hash,
        "previous_hash": audit.GENESIS,
        "hash": AuditEntry.objects.get(pk=1).hash,
    }
    assert (rows[-1]["object_id"], rows[-1]["saga_type"], rows[-1]["before"]) == ('ü,\n"R"', "", "")
    assert (export.written, export.of, export.size) == (8, 8, len(content(export)))
    assert export.digest == hashlib.sha256(content(export)).hexdigest()


def test_lines_of_json_can_be_proven(log: None) -> None:
    export = done(Search(action="step.", is_beginning=True), "jsonl")
    rows = [json.loads(line) for line in content(export).decode().splitlines()]
    assert [row["object_id"] for row in rows] == [f"S-{n}" for n in range(1, 8)]
    assert {row["saga_id"] for row in rows} == {"-o/1"}
    few = [{name: row[name] for name in chain.FIELDS} for row in rows[2:4]]
    assert chain.check(proof.of([3, 4]), few) == []


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\t=1", "'\t=1"), ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"), ("＝1", "'＝1"), ("a=1", "a=1"), ("", ""), (None, ""), (7, 7), ("'=1", "'=1"),
        ({"a": "=1"}, '{"a":"=1"}'), (["=1"], '["=1"]'), (-1.5, "'-1.5"), (True, "true"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(value: Any, cell: Any) -> None:
    assert lines.cell(value) == cell


def test_what_matches_nothing_is_a_file_too(log: None) -> None:
    assert table(done(Search(actor="nobody"))) == []
    assert content(done(Search(actor="nobody"), "jsonl")) == b""


def test_what_comes_later_is_no_part_of_it(log: None) -> None:
    export = exports.ask(Search(), "csv", ADA)
    with transaction.atomic():
        audit.record(ADA, "later.done", ("later", "1"))
    exports.work()
    export.refresh_from_db()
    assert (export.until, export.written) == (8, 8)


def test_asking_and_the_file_are_in_the_log(log: None) -> None:
    export = done(Search(actor="ada"))
    asked, exported = AuditEntry.objects.filter(action__startswith="audit.").order_by("sequence")
    assert (asked.action, asked.actor, asked.object_id) == ("audit.export_asked", "ada", str(export))
    assert asked.after == {"format": "csv", "search": {"actor": "ada"}, "until": 8}
    assert (exported.action, exported.actor, exported.address) == ("audit.exported", "ada", "192.0.2.7")
    assert exported.after == {**asked.after, "entries": 7, "sha256": export.digest}


def test_nobody_else_on_the_machine_reads_the_file(log: None) -> None:
    path = files.finished(done())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_it_goes_on_where_the_dead_worker_had_come_to(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = content(done())
    export = exports.ask(Search(), "csv", ADA)
    AuditExport.objects.filter(pk=export.pk).update(until=8)
    monkeypatch.setattr(writing, "BUDGET", 0)
    exports.work()
    export.refresh_from_db()
    assert (export.state, export.written, export.position) == ("running", 3, 3)
    # Half of a chunk that no row speaks of.
    with files.unfinished(export).open("ab") as file:
        file.write(b"4,half a li")
    exports.work()
    exports.work()
    export.refresh_from_db()
    assert (export.state, export.written) == ("done", 8)
    assert content(export) == whole


def test_it_begins_anew_where_the_file_is_gone(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "BUDGET", 0)
    export = exports.ask(Search(), "csv", ADA)
    exports.work()
    files.unfinished(export).unlink()
    for _ in range(5):
        exports.work()
    export.refresh_from_db()
    assert (export.state, export.written, len(table(export))) == ("done", 8, 8)


def test_kill_9_anywhere_leaves_the_same_file(
    log: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "CHUNK", 20)
    with transaction.atomic():
        audit.record_all(Entry(ADA, "step.skipped", ("step", str(n))) for n in range(30))
    until, places = AuditEntry.objects.count(), []
    expected = sum(1 for _ in audit_search.find(Search(actor="ada")).filter(sequence__lte=until))
    monkeypatch.setenv("DATA", str(tmp_path))
    with Worker(str(connection.settings_dict["NAME"])) as worker:
        for line in range(1, 200):
            export = exports.ask(Search(actor="ada"), "csv", ADA)
            AuditExport.objects.filter(pk=export.pk).update(until=until)
            places.append(worker.work("export", die_at=line))
            finish_patiently(export)
            assert (export.state, export.written) == ("done", expected), places[-1]
            assert [row["sequence"] for row in table(export)] == [
                str(n) for n in range(1, until + 1) if n != 8
            ], places[-1]
            if places[-1] == "finished":
                break
    assert places[-1] == "finished"
    assert len(places) > 25
    assert {place.partition(":")[0] for place in places} >= {"exports/writing.py", "exports/files.py"}
    assert isinstance(audit.verify(), audit.Verified)


def finish_patiently(export: AuditExport) -> None:
    """PostgreSQL lets go of the dead worker's turn when it has noticed."""
    for _ in range(200):
        exports.work()
        export.refresh_from_db()
        if not export.is_at_work:
            return
        time.sleep(0.05)
    raise AssertionError(f"{export} is {export.state}")


def test_one_that_kills_its_workers_is_given_up(log: None) -> None:
    export = exports.ask(Search(), "csv", ADA)
    AuditExport.objects.update(fruitless=writing.MOST_FRUITLESS)
    exports.work()
    export.refresh_from_db()
    assert (export.state, "died of it" in export.failure) == ("failed", True)


def test_a_disk_that_takes_nothing_is_told(log: None, tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("in the way")
    export = exports.ask(Search(), "csv", ADA)
    exports.work()
    export.refresh_from_db()
    assert (export.state, export.failure) == ("failed", "The file could not be written: File exists.")


def test_one_runs_at_a_time(log: None) -> None:
    exports.ask(Search(), "csv", ADA)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute(writing.TAKE_TURN)
            assert exports.work() == 0
            cursor.execute(writing.END_TURN)
        assert exports.work() == 8
    finally:
        other.close()


def test_a_cancelled_one_stops_and_its_file_goes(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    export = exports.ask(Search(), "csv", ADA)
    append = files.append

    def cancelled_meanwhile(*args: Any) -> bool:
        exports.cancel(export, ADA)
        return append(*args)

    monkeypatch.setattr(files, "append", cancelled_meanwhile)
    exports.work()
    export.refresh_from_db()
    assert (export.state, list(files.folder().iterdir())) == ("cancelled", [])
    with pytest.raises(exports.FinishedError, match="has ended already"):
        exports.cancel(export, ADA)
    assert not AuditEntry.objects.filter(action="audit.exported").exists()


def test_after_a_day_nothing_is_left(log: None) -> None:
    old, young = done(), done()
    yesterday = timezone.now() - files.KEPT - timedelta(minutes=1)
    AuditExport.objects.filter(pk=old.pk).update(asked_at=yesterday)
    forgotten = files.folder() / "audit-E-999.csv"
    forgotten.write_text("of another database")
    os.utime(forgotten, (yesterday.timestamp(), yesterday.timestamp()))
    exports.work()
    assert list(AuditExport.objects.all()) == [young]
    assert list(files.folder().iterdir()) == [files.finished(young)]


def test_no_more_wait_than_can(monkeypatch: pytest.MonkeyPatch) -> None:
    client = person("vera", Role.VIEWER)
    for _ in range(10):
        exports.ask(Search(), "csv", ADA)
    with pytest.raises(exports.TooManyError):
        exports.ask(Search(), "csv", ADA)
    answer = client.program.post("/api/v1/audit/exports", {"format": "csv"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many")
    page = client.browser.post("/audit/exports", {"format": "csv"})
    assert (page.status_code, b"10 exports are waiting already" in page.content) == (409, True)


@pytest.fixture
def program() -> Client:
    return person("vera", Role.VIEWER).program


@pytest.fixture
def browser() -> Client:
    return person("vera", Role.VIEWER).browser


def body(answer: Any) -> bytes:
    assert isinstance(answer, StreamingHttpResponse)

    async def pieces() -> list[bytes]:
        return [piece async for piece in answer]

    return b"".join(asyncio.run(pieces()))


def test_the_api_from_asking_to_the_file(log: None, program: Client) -> None:
    asked = {
        "format": "jsonl",
        "actor": "ada",
        "object_kind": "step",
        "reason": "evil.example",
        "type": "order",
    }
    answer = program.post("/api/v1/audit/exports", asked, content_type="application/json")
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    where = answer["Location"]
    refused = program.get(f"{where}/file")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_file")
    exports.work()
    told = program.get(where).json()
    assert (told["state"], told["written"], told["of"], told["asked_by"]) == ("done", 7, 7, "vera")
    answer = program.get(f"{where}/file", headers={"Accept": "text/csv"})
    assert answer["Content-Disposition"] == f'attachment; filename="audit-{told["name"]}.jsonl"'
    whole = body(answer)
    assert (len(whole), hashlib.sha256(whole).hexdigest()) == (told["bytes"], told["sha256"])
    assert program.get("/api/v1/audit/exports").json()["results"] == [told]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"format": "xlsx"},
        {"format": "csv", "nonsense": 1},
        {"format": "csv", "actor": "a\0b"},
        {"format": "csv", "after": "tomorrow"},
        {"format": "csv", "after": "9999-12-31T23:59:59.999999Z"},
        {"format": "csv", "before": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_the_api_refuses_what_cannot_be_used(program: Client, asked: dict[str, Any]) -> None:
    answer = program.post("/api/v1/audit/exports", asked, content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert not AuditExport.objects.exists()


def test_after_is_later_than_that_moment(log: None, program: Client) -> None:
    for _ in range(2):
        with transaction.atomic():
            audit.record(ADA, "later.done", ("later", "1"))
    first, second = AuditEntry.objects.filter(action="later.done").order_by("sequence")
    assert first.at < second.at
    asked = {"format": "csv", "after": first.at.isoformat()}
    program.post("/api/v1/audit/exports", asked, content_type="application/json")
    exports.work()
    assert [row["sequence"] for row in table(AuditExport.objects.get())] == [str(second.sequence)]


def test_the_page_from_asking_to_the_file(log: None, browser: Client) -> None:
    page = browser.get("/audit/?actor=ad&object=step").content.decode()
    assert '<input type="hidden" name="object" value="step">' in page
    answer = browser.post("/audit/exports", {"actor": "ad", "object": "step", "format": "csv"})
    assert (answer.status_code, answer["Location"]) == (
        303,
        "/audit/?actor=ad&object=step#exports",
    )
    export = AuditExport.objects.get()
    assert "Cancel" in browser.get("/audit/").content.decode()
    refused = browser.get(f"/audit/exports/{export.pk}/file")
    assert (refused.status_code, b"there is no file to download" in refused.content) == (409, True)
    exports.work()
    page = browser.get("/audit/").content.decode()
    assert f'href="/audit/exports/{export.pk}/file"' in page
    answer = browser.get(f"/audit/exports/{export.pk}/file")
    assert answer["Content-Type"].startswith("text/csv")
    assert body(answer).count(b"step.skipped") == 7


def test_the_page_says_where_a_file_is_missing(log: None, browser: Client) -> None:
    export = done()
    files.finished(export).unlink()
    answer = browser.get(f"/audit/exports/{export.pk}/file")
    assert (answer.status_code, b"is not on this machine" in answer.content) == (409, True)


def test_the_page_cancels(log: None, browser: Client) -> None:
    export = exports.ask(Search(), "csv", ADA)
    assert browser.post(f"/audit/exports/{export.pk}/cancel").status_code == 303
    assert browser.post(f"/audit/exports/{export.pk}/cancel").status_code == 409
    export.refresh_from_db()
    assert export.state == "cancelled"


def test_the_page_takes_no_other_format(browser: Client) -> None:
    assert browser.post("/audit/exports", {"format": "xlsx"}).status_code == 422
    assert not AuditExport.objects.exists()
