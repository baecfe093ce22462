"""A few entries are proven to be in the chain without the others, and without Amends."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from sagas import audit
from sagas.audit import Actor, Entry, proof
from sagas.models import AuditEntry, AuditHead
from verifier import chain

ANNA = Actor("person", "anna", "192.0.2.7")
FEW = [3, 4, 7]


def parsed(value: Any) -> Any:
    """As it arrives elsewhere."""
    return json.loads(json.dumps(value))


@pytest.fixture
def proven(db: None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    with transaction.atomic():
        audit.record_all(
            Entry(
                ANNA,
                "step.skipped",
                ("step", f"S-{number}"),
                reason="ünless",
                after={"price": 0.1, "n": 10**20},
            )
            for number in range(1, 10)
        )
    entries = AuditEntry.objects.filter(sequence__in=FEW).order_by("sequence")
    return parsed(proof.of(FEW)), parsed([audit.content(entry) for entry in entries])


def test_a_few_entries_are_proven_to_the_head(proven: tuple[Any, Any]) -> None:
    found, entries = proven
    head = AuditHead.objects.get()
    assert found["end"] == {"sequence": 9, "hash": head.hash}
    assert len(found["content_hashes"]) == 7
    assert chain.check(found, entries) == []


def test_a_proof_ends_where_it_is_asked_to(proven: tuple[Any, Any]) -> None:
    found = proof.of(FEW, until=8)
    assert found["end"] == {"sequence": 8, "hash": AuditEntry.objects.get(sequence=8).hash}
    assert chain.check(found, proven[1]) == []


@pytest.mark.parametrize(("sequences", "until"), [([], None), ([3], 2), ([0], None), ([10], None), ([3], 10)])
def test_there_is_no_proof_of_what_is_not_there(
    proven: tuple[Any, Any], sequences: list[int], until: int
) -> None:
    with pytest.raises(proof.NoProofError):
        proof.of(sequences, until=until)


def change(path: str, value: Any) -> Callable[[Any, Any], None]:
    def apply(found: Any, entries: Any) -> None:
        where, (*ways, last) = {"proof": found, "entries": entries}, path.split(".")
        for way in ways:
            where = where[int(way) if isinstance(where, list) else way]
        where[int(last) if isinstance(where, list) else last] = value

    return apply


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        (change("entries.1.reason", "another"), "entry 4 is not what was written"),
        (change("entries.1.after.price", 0.2), "entry 4 is not what was written"),
        (change("entries.1.sequence", 5), "entry 5 is not what was written"),
        (change("entries.1.sequence", 2), "entry 2 is not among those"),
        (change("entries.1.sequence", 10), "entry 10 is not among those"),
        (change("entries.1.sequence", 3), "entry 3 is there twice"),
        (change("entries.1.sequence", True), "the entry in place 2 has no number"),
        (change("entries.1", None), "the entry in place 2 has no number"),
        (change("entries.1.note", "added"), "entry 4 has a field that no hash covers: note"),
        (change("entries.1.after", float("nan")), "entry 4 cannot be hashed"),
        (lambda found, entries: entries[1].pop("reason"), "entry 4 has no reason"),
        (change("proof.previous_hash", "a" * 64), "do not lead to the hash of entry 9"),
        (change("proof.content_hashes.2", "a" * 64), "do not lead to the hash of entry 9"),
        (change("proof.end.hash", "a" * 64), "do not lead to the hash of entry 9"),
        (change("proof.end.sequence", 8), "7 links from entry 3, and ends at 8"),
        (lambda found, entries: found["content_hashes"].pop(2), "6 links from entry 3, and ends at 9"),
        (change("proof.first", 1), "begins with entry 1, and chains it to something before"),
        (change("proof.content_hashes.2", "A" * 64), "no SHA-256 in hex"),
        (change("proof.content_hashes.2", 1), "no SHA-256 in hex"),
        (change("proof.content_hashes", []), "not of the form"),
        (change("proof.first", 0), "not of the form"),
        (change("proof.end", None), "not of the form"),
    ],
)  # fmt: skip
def test_whatever_was_changed_is_told(
    proven: tuple[Any, Any], changed: Callable[[Any, Any], None], what: str
) -> None:
    changed(*proven)
    assert any(what in wrong for wrong in chain.check(*proven)), chain.check(*proven)


@pytest.mark.parametrize("hostile", [None, 1, "proof", [], {}])
def test_what_is_no_proof_is_told(hostile: Any) -> None:
    assert chain.check(hostile, []) == ["the proof is not of the form that Amends writes"]


def test_the_check_runs_where_there_is_no_amends(proven: tuple[Any, Any], tmp_path: Path) -> None:
    Path(tmp_path, "chain.py").write_text(Path(chain.__file__).read_text())
    Path(tmp_path, "told.json").write_text(json.dumps(proven))
    script = (
        "import sys, json; sys.path.insert(0, '.'); import chain;"
        "print(chain.check(*json.load(open('told.json'))))"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"
