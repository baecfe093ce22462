"""What a case file proves, what it does not, and what is wrong with it, in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verifier import chain, plans
from verifier.archive import ENTRIES, FORMAT, MANIFEST, PROOF, Archive, UnreadableError

MADE = "case_file.made"
# Numbers of entries that a sentence names.
MOST_NAMED = 20


@dataclass
class Verdict:
    """`is_vouched`: every part of the log in it was compared with something that was kept elsewhere."""

    about: str
    wrong: list[str] = field(default_factory=list)
    proven: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    is_vouched: bool = False


def check(archive: Archive, anchors: Mapping[int, str]) -> Verdict:
    """`anchors`: numbers of audit entries and the hashes that were kept for them where nobody could rewrite.

    Raises UnreadableError for what is no case file.
    """
    manifest = archive.json(MANIFEST)
    if not _is_manifest(manifest):
        raise UnreadableError(f"{MANIFEST} is not of the form {FORMAT}, which this version reads.")
    made, subject = manifest["made"], manifest["subject"]
    verdict = Verdict(
        f"Case file of {subject['kind']} {subject['id']}, made {made['at']} by {made['by']}"
        f" with Amends {made['version']}"
    )
    _check_files(archive, manifest, verdict)
    proof = archive.json(PROOF)
    if not _is_proof(proof):
        verdict.wrong.append(f"{PROOF} is not of the form that Amends writes")
        return verdict
    entries = archive.json(ENTRIES)
    if not isinstance(entries, list):
        verdict.wrong.append(f"{ENTRIES} is not a list of entries")
        return verdict
    seal = proof["seal"]
    verdict.wrong += _unsealed(archive, subject, seal)
    sound = [one for one in proof["proofs"] if not chain.check(one, [])]
    _check_entries(entries, seal, set(manifest["masked_entries"]), proof["proofs"], sound, verdict)
    plans.check(archive, entries, verdict.wrong, verdict.proven)
    _compare(sound, anchors, verdict)
    verdict.unproven += manifest["left_out"]
    verdict.unproven.append(
        "Events, findings and attempts are what Amends held when it made this file. They are not chained one"
        " by one, so that the chain says nothing about the time before."
    )
    return verdict


def _is_manifest(manifest: Any) -> bool:
    match manifest:
        case {
            "format": str(form),
            "subject": {"kind": str(), "id": str()},
            "made": {"at": str(), "by": str(), "version": str()},
            "files": dict() as files,
            "masked_entries": list() as masked,
            "left_out": list() as left_out,
        }:
            return (
                form == FORMAT
                and all(isinstance(digest, str) for digest in files.values())
                and all(isinstance(sequence, int) for sequence in masked)
                and all(isinstance(words, str) for words in left_out)
            )
    return False


def _is_proof(proof: Any) -> bool:
    match proof:
        case {"seal": {"sequence": int(), "action": str(), "object_kind": _, "object_id": _}, "proofs": [*_]}:
            return True
    return False


def _check_files(archive: Archive, manifest: Any, verdict: Verdict) -> None:
    there, files = archive.names(), manifest["files"]
    wrong = [f"{name} is there {count} times" for name, count in there.items() if count > 1]
    wrong += [
        f"{name} is not in the manifest: somebody has added it"
        for name in there
        if name not in files and name not in {MANIFEST, PROOF}
    ]
    for name, digest in files.items():
        if name not in there:
            wrong.append(f"{name} is missing")
        elif archive.digest(name) != digest:
            wrong.append(f"{name} is not what the manifest says: it was changed")
    if not wrong:
        verdict.proven.append(f"All {len(files)} files are what the manifest says, to the byte.")
    verdict.wrong += wrong


def _unsealed(archive: Archive, subject: Any, seal: Any) -> list[str]:
    """What keeps the entry that tells of the making from telling of exactly this file."""
    if seal["action"] != MADE or (seal["object_kind"], seal["object_id"]) != (subject["kind"], subject["id"]):
        return [f"entry {seal['sequence']}, which should tell of its making, tells of something else"]
    told = seal.get("after")
    if not isinstance(told, dict) or told.get("manifest") != archive.digest(MANIFEST):
        return [f"{MANIFEST} is not the one that was made by entry {seal['sequence']}: it was changed"]
    return []


def _check_entries(
    entries: Sequence[Any],
    seal: Any,
    masked: set[int],
    proofs: Sequence[Any],
    sound: Sequence[Any],
    verdict: Verdict,
) -> None:
    wrong = [what for proof in proofs for what in chain.check(proof, [])]
    numbers = [entry.get("sequence") if isinstance(entry, dict) else None for entry in entries]
    if any(type(number) is not int for number in numbers):
        wrong.append(f"an entry in {ENTRIES} has no number")
    shown = [entry for entry, number in zip(entries, numbers, strict=True) if number not in masked]
    if _proof_of(seal, sound) is None and not wrong:
        wrong.append(
            f"there is no proof that entry {seal['sequence']}, which tells of its making, is in the log"
        )
    without = [entry for entry in shown if _proof_of(entry, sound) is None]
    for proof in sound:
        wrong += chain.check(proof, [entry for entry in [*shown, seal] if _proof_of(entry, sound) is proof])
    if not wrong:
        verdict.proven.append(
            f"{len(shown) - len(without) + 1} audit entries are in the chain as they are shown here, the last"
            f" of them entry {seal['sequence']}, which says who made exactly this file."
        )
    hidden = [number for number in numbers if number in masked]
    if hidden:
        verdict.unproven.append(
            f"{_count(hidden)} shown with masks, and cannot be compared with the log's. {_named(hidden)}"
        )
    if without and not wrong:
        told = [entry.get("sequence") if isinstance(entry, dict) else None for entry in without]
        verdict.unproven.append(f"{_count(told)} here without links to an anchor. {_named(told)}")
    verdict.wrong += wrong


def _proof_of(entry: Any, proofs: Iterable[Any]) -> Any:
    """The proof that reaches over the entry; None: none does."""
    number = entry.get("sequence") if isinstance(entry, dict) else None
    if type(number) is not int:
        return None
    return next((proof for proof in proofs if proof["first"] <= number <= proof["end"]["sequence"]), None)


def _compare(sound: Sequence[Any], anchors: Mapping[int, str], verdict: Verdict) -> None:
    """With what was kept elsewhere."""
    reached = dict.fromkeys(range(len(sound)), 0)
    for number, kept in sorted(anchors.items()):
        places = [place for place, proof in enumerate(sound) if chain.hash_at(proof, number) is not None]
        if not places:
            verdict.unproven.append(
                f"The hash of entry {number} was not compared: its links are not in here."
            )
            continue
        if chain.hash_at(sound[places[0]], number) != kept:
            verdict.wrong.append(
                f"entry {number} has another hash here than the one that was kept elsewhere: log or case file"
                " was rewritten"
            )
            continue
        reached[places[0]] = number
        verdict.proven.append(
            f"Entry {number} has the hash that was kept elsewhere, and so has all before it here."
        )
    open_ends = [
        proof["end"] for place, proof in enumerate(sound) if reached[place] < proof["end"]["sequence"]
    ]
    verdict.is_vouched = bool(sound) and not open_ends
    for end in open_ends:
        verdict.unproven.append(
            f"That nobody rewrote the whole log up to entry {end['sequence']}, and this file with it: compare"
            f" the hash of that entry with one that was kept elsewhere. Here it is {end['hash']}"
        )
    if verdict.is_vouched and not verdict.wrong:
        verdict.proven.append("Nobody has rewritten log or case file since.")


def _count(numbers: Sequence[Any]) -> str:
    return "One audit entry is" if len(numbers) == 1 else f"{len(numbers)} audit entries are"


def _named(numbers: Sequence[Any]) -> str:
    more = len(numbers) - MOST_NAMED
    named = ", ".join(str(number) for number in numbers[:MOST_NAMED])
    return f"({named}{f' and {more} more' if more > 0 else ''})"
