"""What is in a case file, as its reader may see it; that its making is kept, and that it proves itself."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse

from compensation.batches import agreeing, deciding, planning
from compensation.models import Batch
from console import choosing
from console.casefiles import gathering, packing
from sagas import audit, definitions
from sagas.audit import Actor
from sagas.models import AuditAnchor, AuditEntry, Event, Transition
from tests.console import cast, world
from tests.console.cast import Person
from tests.console.test_masks import ABOUT, MASKED, RESERVED, YAML, answer
from tests.console.test_matrix import undone
from verifier.archive import Archive
from verifier.checking import Verdict, check

pytestmark = pytest.mark.django_db

HOSTILE = """<script>alert(1)</script>'"><img src=x onerror=alert(1)>{{ 7|add:7 }}]]></style>\u202e"""
NORA = Actor("person", "nora")


@dataclass(frozen=True)
class Stage:
    built: world.World
    people: dict[str, Person]
    batch: Batch

    @property
    def addresses(self) -> dict[str, str]:
        return {
            "saga": "/sagas/order/o%2F1/case-file",
            "repair": f"/repairs/{self.built.repair.pk}/case-file",
            "batch": f"/batches/{self.batch.pk}/case-file",
        }


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: Any) -> Iterator[Stage]:
    with django_db_blocker.unblock(), undone(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "YAML", YAML)
        patch.setattr(world, "ABOUT", ABOUT.replace("Ada", json.dumps(HOSTILE)[1:-1]))
        patch.setattr(world, "RESERVED", RESERVED)
        people = {name: who for name, who in cast.everyone().items() if name != "outsider"}
        for who in people.values():
            assert who.browser and who.program
        built = world.build()
        answer(built)
        batch = agreed(people["approver"])
        newest = YAML.replace('version: "1"', 'version: "1.1"') + MASKED
        definitions.load(newest, "order.yaml", world.US)
        yield Stage(built, people, batch)


def agreed(by: Person) -> Batch:
    """A batch of the saga that is in repair, which is left alone, and of another one; somebody agreed."""
    chosen = choosing.named([("order", "o-2"), ("order", "o/1")])
    batch = deciding.create(chosen, "compensate", "reserve-stock", HOSTILE, NORA, None)
    planning.plan(batch.pk)
    must = {"demands": [{"approvers": 1, "groups": ["approver"], "because": "Because."}], "expires": 3600.0}
    Batch.objects.filter(pk=batch.pk).update(requirement=must)
    batch.refresh_from_db()
    batch = agreeing.ask(batch, batch.plan_hash, NORA)
    return agreeing.agree(batch, batch.plan_hash, Actor("person", "approver"), by.user, HOSTILE)


def files(answer: HttpResponse) -> dict[str, bytes]:
    assert answer.status_code == 200 and answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"].startswith('attachment; filename="case-file-')
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def verdict(answer: HttpResponse, folder: Path, anchors: dict[int, str] | None = None) -> Verdict:
    path = folder / "case.zip"
    path.write_bytes(answer.content)
    with Archive(path) as archive:
        return check(archive, anchors or {})


@pytest.mark.parametrize("kind", ["saga", "repair", "batch"])
def test_it_proves_itself_and_its_making_is_kept_and_anchored(
    kind: str, stage: Stage, tmp_path: Path
) -> None:
    with undone():
        made = stage.people["viewer"].browser.post(stage.addresses[kind])
        entry = AuditEntry.objects.latest("sequence")
        anchor = AuditAnchor.objects.latest("sequence")
        told = verdict(made, tmp_path, {anchor.sequence: anchor.hash})
    assert not told.wrong and told.is_vouched, told
    names = {"saga": "order/o/1", "repair": str(stage.built.repair), "batch": str(stage.batch)}
    assert (entry.actor, entry.action, entry.object_kind, entry.object_id) == (
        "viewer",
        "case_file.made",
        kind,
        names[kind],
    )
    assert (anchor.sequence, anchor.hash) == (entry.sequence, entry.hash)
    assert entry.after == {"manifest": json_digest(made), "unmasked": False}
    assert entry.saga_id == (None if kind == "batch" else stage.built.saga.pk)


def json_digest(made: HttpResponse) -> str:
    return packing.Packed({}, files(made)["manifest.json"]).digest


def test_a_saga_with_all_that_is_known_of_it(stage: Stage) -> None:
    with undone():
        found = files(stage.people["viewer"].browser.post(stage.addresses["saga"]))
    assert {name for name in found if not name.startswith("verifier/")} == {
        *("index.html", "manifest.json", "proof.json", "audit.json"),
        *("saga.json", "timeline.json", "events.json", "findings.json", "repairs.json"),
    }
    assert {name for name in found if name.startswith("verifier/")} == set(packing.verifier_files())
    read = {name: json.loads(text) for name, text in found.items() if name.endswith(".json")}
    assert read["saga.json"]["story"] and read["saga.json"]["status"] == "running"
    assert len(read["events.json"]) == Event.objects.filter(saga=stage.built.saga).count()
    assert read["events.json"][1]["data"] is None and isinstance(read["events.json"][0]["data"], str)
    [finding] = [one for one in read["findings.json"] if one["id"] == stage.built.finding.pk]
    assert [turn["what"] for turn in finding["transitions"]] == list(
        Transition.objects.filter(finding=stage.built.finding).order_by("pk").values_list("what", flat=True)
    )
    [repair] = read["repairs.json"]
    [action] = repair["actions"]
    assert [(one["status_code"], one["seconds"]) for one in action["attempts"]] == [(409, 0.0), (409, 0.0)]
    assert {one["action"] for one in read["audit.json"]} >= {"repair.started", "action.refused"}
    for name, value in read.items():
        assert found[name] == packing.canonical(value), name


def test_a_repair_alone_leaves_out_what_others_did(stage: Stage) -> None:
    with undone():
        for name in ("R-0", str(stage.built.repair)):
            audit.record(NORA, "repair.looked_at", ("repair", name), saga=stage.built.saga)
        found = files(stage.people["viewer"].browser.post(stage.addresses["repair"]))
    named = {one["object_id"] for one in json.loads(found["audit.json"]) if one["object_kind"] == "repair"}
    assert named == {str(stage.built.repair)}


def test_a_batch_with_who_agreed_to_what(stage: Stage, tmp_path: Path) -> None:
    with undone():
        made = stage.people["viewer"].browser.post(stage.addresses["batch"])
    found, told = files(made), verdict(made, tmp_path)
    batch = json.loads(found["batch.json"])
    assert [(one["by"], one["verdict"]) for one in batch["reviews"]] == [("approver", "agreed")]
    assert "why_you_may_not_agree" not in batch
    sagas = json.loads(found["batch_sagas.json"])
    assert sagas["is_whole"] and [(one["saga"]["id"], one["state"]) for one in sagas["sagas"]] == [
        ("o-2", "planned"),
        ("o/1", "left"),
    ]
    entries = json.loads(found["audit.json"])
    assert [one["action"] for one in entries if one["object_kind"] == "batch"][-2:] == [
        "batch.asked",
        "batch.agreed",
    ]
    assert any(
        f"are the plan {stage.batch.plan_hash}" in words and "(batch.agreed)" in words
        for words in told.proven
    )
    assert any("each saga and repair has a case file" in words for words in told.unproven)


@pytest.mark.parametrize("kind", ["saga", "repair", "batch"])
@pytest.mark.parametrize("name", ["viewer", "approver"])
def test_what_is_masked_is_in_none_of_its_files(name: str, kind: str, stage: Stage, tmp_path: Path) -> None:
    with undone():
        made = stage.people[name].browser.post(stage.addresses[kind])
        assert not AuditEntry.objects.filter(action="payload.unmasked").exists()
    for file, content in files(made).items():
        assert b"zyx.marker" not in content, file
    told = verdict(made, tmp_path)
    assert not told.wrong
    assert any("shown with masks" in words for words in told.unproven) == (kind != "batch")


@pytest.mark.parametrize("kind", ["saga", "repair", "batch"])
def test_unmasking_takes_the_right_to_and_is_kept(kind: str, stage: Stage, tmp_path: Path) -> None:
    for name, is_program in (("viewer", False), ("operator", True)):
        who = stage.people[name]
        with undone():
            before = AuditEntry.objects.count()
            refused = (
                cast.post(who.program, api(stage.addresses[kind]), {"unmask": True})
                if is_program
                else who.browser.post(stage.addresses[kind], {"unmask": "on"})
            )
            assert refused.status_code == 403 and b"approver or admin" in refused.content
            assert AuditEntry.objects.count() == before
    with undone():
        made = cast.post(stage.people["approver"].program, api(stage.addresses[kind]), {"unmask": True})
        unmasked, entry = AuditEntry.objects.order_by("-sequence")[:2][::-1]
    assert (unmasked.action, unmasked.object_kind, unmasked.after) == (
        "payload.unmasked",
        kind,
        {"case_file": True},
    )
    assert (entry.action, entry.after["unmasked"]) == ("case_file.made", True)
    found = files(made)
    assert b"zyx.marker" in found["index.html"] or kind == "batch"
    assert not json.loads(found["manifest.json"])["masked_entries"]
    assert not verdict(made, tmp_path).wrong


def api(address: str) -> str:
    return address.removeprefix("/")


class Tags(HTMLParser):
    """Which there are, what they link to, and whether each is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action"}]
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", ["saga", "repair", "batch"])
def test_its_page_stands_for_itself_and_shows_everything_as_text(kind: str, stage: Stage) -> None:
    with undone():
        made = cast.post(stage.people["approver"].program, api(stage.addresses[kind]), {"unmask": True})
    html = files(made)["index.html"].decode()
    page = Tags(html)
    assert "alert(1)" in html and page.open == []
    assert not page.names & {"script", "img", "link", "iframe", "form", "object", "base"}
    assert page.handlers == [] and all(link.startswith("#") for link in page.links), page.links
    assert "default-src 'none'" in html and "@import" not in html and "url(http" not in html


def test_what_is_left_out_is_said(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_EVENTS", 2)
    monkeypatch.setattr(gathering, "MOST_ENTRIES", 1)
    monkeypatch.setattr(gathering, "MOST_REPAIRS", 0)
    with undone():
        made = stage.people["viewer"].browser.post(stage.addresses["saga"])
    found = files(made)
    assert len(json.loads(found["events.json"])) == 2 and len(json.loads(found["audit.json"])) == 1
    told = verdict(made, tmp_path)
    events = stage.built.saga.events.count()
    assert {f"{events - 2} older events.", "1 older repair.", "Older entries of the audit log."} < set(
        told.unproven
    )
    assert f"{events - 2} older events." in found["index.html"].decode()


def test_a_saga_that_nobody_described_and_nothing_happened_to(stage: Stage, tmp_path: Path) -> None:
    """By the smallest there can be: the one entry is of its making."""
    with undone():
        world.ingest.store(
            [world.Incoming(source="//x", id="1", kind="saga.note", saga_type="plain", saga_id="ü/..\\\n")],
            participant=stage.built.shipping,
        )
        made = stage.people["viewer"].browser.post("/sagas/plain/%C3%BC%2F..%5C%0A/case-file")
        assert made["Content-Disposition"] == 'attachment; filename="case-file-plain.zip"'
        assert not verdict(made, tmp_path).wrong
