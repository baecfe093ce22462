"""Whatever is changed in a case file is found, where there is no Amends, and what is not proven is said."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from console.casefiles import packing
from console.casefiles.case import Case, Written
from sagas.audit import Actor
from verifier import __main__ as command
from verifier import chain, plans
from verifier.archive import ENTRIES, MANIFEST, PROOF

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ADA = Actor("person", "ada")
SAGAS = [
    {"position": 1, "saga": {"type": "order", "id": "o-1"}, "revision": 4, "plan_hash": "a" * 64},
    {"position": 2, "saga": {"type": "order", "id": "o-2"}, "revision": 7, "plan_hash": "b" * 64},
    {"position": 3, "saga": {"type": "order", "id": "o-3"}, "revision": 1, "plan_hash": "c" * 64},
]
STATES = ("begun", "dropped", "left")
BATCH = {
    "name": "B-1",
    "intent": "compensate",
    "step": "",
    "reason": "OPS-1",
    "canary": 0,
    "holds": True,
    "most_failures": 0.05,
}


def entry(
    sequence: int, action: str, after: Any = None, kind: str = "batch", name: str = "B-1"
) -> dict[str, Any]:
    given = {
        "sequence": sequence,
        "at": AT.isoformat(timespec="microseconds"),
        "actor_kind": "person",
        "actor": "ada",
        "action": action,
        "object_kind": "batch",
        "object_id": "B-1",
        "after": after,
    }
    return dict.fromkeys(chain.FIELDS) | {"reason": ""} | given


@dataclass(frozen=True)
class Made:
    """A case file whose log began with entry 1, and the hashes of its entries by number."""

    files: Mapping[str, bytes]
    hashes: Mapping[int, str]

    def write(self, folder: Path, **more: bytes) -> Path:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in {**self.files, **more}.items():
                archive.writestr(name, content)
        path = folder / "case.zip"
        path.write_bytes(file.getvalue())
        return path

    def with_(self, name: str, content: bytes | None) -> "Made":
        files = {**self.files, name: content} if content is not None else {**self.files}
        if content is None:
            del files[name]
        return replace(self, files=files)

    def changed(self, name: str, change: Callable[[Any], Any]) -> "Made":
        value = json.loads(self.files[name])
        change(value)
        return self.with_(name, packing.canonical(value))

    @property
    def last(self) -> str:
        """The anchor of its making."""
        number = max(self.hashes)
        return f"{number}:{self.hashes[number]}"


def make(*, events: str = "paid", masked: int = 0, sagas: Any = None) -> Made:
    """As `casefiles.making` does it, with entries 2 and 3 of a log of 4 in the file, and 5 of its making."""
    listed = sagas or [one | {"state": state} for one, state in zip(SAGAS, STATES, strict=True)]
    batch = BATCH | {"plan_hash": plans.digest(BATCH, [one | {"state": "begun"} for one in SAGAS[:2]])}
    agreed = {"plan_hash": batch["plan_hash"]}
    log = [
        entry(1, "user.created"),
        entry(2, "batch.planned", agreed),
        entry(3, "batch.agreed", agreed),
        entry(4, "user.created"),
    ]
    shown = []
    for one in log[1:3]:
        is_masked = one["sequence"] == masked
        shown.append(Written({**one, "reason": "•••"} if is_masked else one, is_masked))
    case = Case("batch", "B-1", AT, shown, left_out=["Events of its sagas."])
    contents = {
        ENTRIES: [dict(one.content) for one in shown],
        "events.json": [events],
        plans.BATCH: batch,
        plans.SAGAS: {"is_whole": True, "sagas": listed},
    }
    packed = packing.pack(case, contents, "<p>", ADA, "0.1.0")
    log.append(entry(5, "case_file.made", {"manifest": packed.digest}))
    previous, hashes, made = chain.GENESIS, {}, []
    for one in log:
        made.append(chain.content_hash(one))
        previous = hashes[one["sequence"]] = chain.link(previous, made[-1])
    proof = {
        "first": 2,
        "previous_hash": hashes[1],
        "content_hashes": made[1:],
        "end": {"sequence": 5, "hash": previous},
    }
    with zipfile.ZipFile(
        io.BytesIO(packing.zipped(packed, {"seal": log[-1], "proofs": [proof]}, AT))
    ) as file:
        return Made({name: file.read(name) for name in file.namelist()}, hashes)


MADE = make()


def run(made: Made, folder: Path, capsys: pytest.CaptureFixture[str], *anchors: str) -> tuple[int, str]:
    words = [str(made.write(folder)), *(word for anchor in anchors for word in ("--anchor", anchor))]
    code = command.main(words)
    told = capsys.readouterr()
    return code, told.out + told.err


def test_it_runs_where_there_is_nothing_but_python(tmp_path: Path) -> None:
    """No site packages, no environment, and the verifier from the ZIP itself."""
    path = MADE.write(tmp_path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
    for anchors, code in (([], 3), (["--anchor", MADE.last], 0), (["--anchor", f"5:{'0' * 64}"], 1)):
        ran = subprocess.run(
            [sys.executable, "-E", "-s", "-S", "-m", "verifier", str(path), *anchors],
            cwd=tmp_path / "unpacked",
            env={},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (code, ""), ran.stdout


def test_what_is_proven_by_itself_and_what_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(MADE, tmp_path, capsys)
    assert code == 3
    assert "Case file of batch B-1, made 2026-01-02T03:04:05+00:00 by ada with Amends 0.1.0." in told
    assert "WHOLE in itself\n" in told and "Wrong:" not in told
    assert f"All {len(MADE.files) - 2} files are what the manifest says" in told
    assert "3 audit entries are in the chain" in told
    assert "which is in the log as entry 2 (batch.planned), entry 3 (batch.agreed)" in told
    assert f"Here it is {MADE.hashes[5]}" in told
    assert "- Events of its sagas." in told


@pytest.mark.parametrize(
    ("anchors", "code", "what"),
    [
        ([5], 0, "Nobody has rewritten log or case file since."),
        ([3], 3, "Entry 3 has the hash that was kept elsewhere"),
        ([3, 5], 0, "WHOLE, and as it was"),
        ([1], 3, "The hash of entry 1 was not compared"),
    ],
)
def test_anchors(
    anchors: list[int], code: int, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, told = run(MADE, tmp_path, capsys, *(f"{number}:{MADE.hashes[number]}" for number in anchors))
    assert found == code and what in told, told


def swap(text: str) -> Callable[[Any], None]:
    """Of the first entry, the actor."""
    return lambda entries: entries[0].update(actor=text)


def relabelled(made: Made) -> Made:
    """Everything made to fit the changed event, but for what is in the log."""
    forged = made.with_("events.json", b'["not paid"]')
    digest = sha256(forged.files["events.json"]).hexdigest()
    return forged.changed(MANIFEST, lambda manifest: manifest["files"].update({"events.json": digest}))


def resealed(made: Made) -> Made:
    """And the entry of its making, too, but not its hash."""
    forged = relabelled(made)
    digest = sha256(forged.files[MANIFEST]).hexdigest()
    return forged.changed(PROOF, lambda proof: proof["seal"]["after"].update(manifest=digest))


@pytest.mark.parametrize(
    ("forged", "what"),
    [
        (MADE.with_("events.json", b'["not paid"]'), "events.json is not what the manifest says"),
        (MADE.with_("index.html", b"<p>All is well."), "index.html is not what the manifest says"),
        (MADE.with_("events.json", None), "events.json is missing"),
        (MADE.with_("evil.html", b""), "evil.html is not in the manifest"),
        (MADE.changed(ENTRIES, swap("eve")), "entry 2 is not what was written"),
        (MADE.changed(ENTRIES, lambda entries: entries[0].update(more=1)), "no hash covers: more"),
        (MADE.changed(ENTRIES, lambda entries: entries.append(1)), "has no number"),
        (MADE.changed(ENTRIES, lambda entries: entries[0].update(sequence=3)), "entry 3 is not what was"),
        (MADE.changed(MANIFEST, lambda it: it["made"].update(by="eve")), "was made by entry 5"),
        (MADE.changed(MANIFEST, lambda it: it["subject"].update(id="B-2")), "tells of something else"),
        (MADE.changed(MANIFEST, lambda it: it["masked_entries"].append(2)), "not the one that was made by"),
        (MADE.changed(PROOF, lambda it: it["seal"].update(actor="eve")), "entry 5 is not what was written"),
        (MADE.changed(PROOF, lambda it: it["seal"].update(action="x")), "tells of something else"),
        (MADE.changed(PROOF, lambda it: it["seal"].update(sequence=9)), "no proof that entry 9"),
        (MADE.changed(PROOF, lambda it: it["proofs"].clear()), "no proof that entry 5"),
        (MADE.changed(PROOF, lambda it: it["proofs"][0]["content_hashes"].pop(1)), "3 links from entry 2"),
        (MADE.changed(PROOF, lambda it: it["proofs"].append(1)), "the proof is not of the form"),
        (MADE.changed(PROOF, lambda it: it.pop("seal")), "not of the form that Amends writes"),
        (MADE.changed(plans.SAGAS, lambda it: it["sagas"][0].update(revision=5)), "not those of the plan"),
        (MADE.changed(plans.SAGAS, lambda it: it["sagas"].pop(1)), "not those of the plan"),
        (MADE.changed(plans.BATCH, lambda it: it.pop("reason")), "is not of the form"),
        (MADE.with_(ENTRIES, b"{}"), "is not a list of entries"),
        (relabelled(MADE), "not the one that was made by entry 5"),
        (resealed(MADE), "entry 5 is not what was written"),
    ],
)  # fmt: skip
def test_whatever_was_changed_is_told(
    forged: Made, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = run(forged, tmp_path, capsys, MADE.last)
    assert code == 1 and "NOT WHOLE" in told and what in told.split("Proven:")[0], told


def test_a_file_that_is_there_twice_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = MADE.write(tmp_path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("events.json", "[]")
    assert command.main([str(path)]) == 1
    assert "events.json is there 2 times" in capsys.readouterr().out


def test_a_log_that_was_forged_as_a_whole_is_found_by_an_anchor_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = make(events="not paid")
    assert run(forged, tmp_path, capsys)[0] == 3
    code, told = run(forged, tmp_path, capsys, MADE.last)
    assert code == 1 and "entry 5 has another hash here than the one that was kept elsewhere" in told


def test_what_is_masked_is_said_to_be_unproven(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(masked := make(masked=3), tmp_path, capsys, masked.last)
    assert code == 0 and "One audit entry is shown with masks" in told and "(3)" in told
    assert "2 audit entries are in the chain" in told


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"no zip", "cannot be opened as a ZIP"),
        (MADE.with_(MANIFEST, None), "There is no manifest.json in it"),
        (MADE.with_(MANIFEST, b"[" * 100_000), "manifest.json is no JSON"),
        (MADE.with_(MANIFEST, b'{"format": "amends.case-file/2"}'), "is not of the form amends.case-file/1"),
        (MADE.with_(PROOF, b"\xff"), "proof.json is no JSON"),
    ],
)
def test_what_is_no_case_file_is_told(
    content: bytes | Made, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "case.zip"
    if isinstance(content, Made):
        content.write(tmp_path)
    else:
        path.write_bytes(content)
    assert command.main([str(path)]) == 2
    assert what in capsys.readouterr().err


def test_a_damaged_zip_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = MADE.write(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'["paid"]', b'["PAID"]'))
    assert command.main([str(path)]) == 2
    assert "events.json cannot be read from the ZIP" in capsys.readouterr().err


def test_nothing_in_it_steers_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(MADE.with_("\x1b[2Jevil\u202e", b""), tmp_path, capsys)
    assert code == 1 and "\x1b" not in told and "\u202e" not in told and "[2Jevil" in told


@pytest.mark.parametrize("anchor", ["5", "5:abc", "0:" + "a" * 64, "x:" + "a" * 64, "5:" + "g" * 64])
def test_an_anchor_of_another_form_is_refused(anchor: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(["case.zip", "--anchor", anchor])
    assert stopped.value.code == 2 and "64 hex digits" in capsys.readouterr().err
