"""Making a case file: gathered, packed, and sealed by the audit entry that tells of it.

That entry names the manifest by its hash, so that the chain covers every file of the ZIP, and it is anchored
at once, so that the hash which proves the file is kept wherever anchors are.
"""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compensation.models import Batch, Repair
from console.casefiles import contents, gathering, packing, page, proving
from console.casefiles.case import Case
from console.seeing import Seeing
from sagas import audit
from sagas.audit import Actor, anchors
from sagas.models import Saga
from verifier.checking import MADE

VERSION: str = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

# Letters of a file's name that every system keeps.
_other = re.compile(r"[^A-Za-z0-9.-]+", re.ASCII)
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class CaseFile:
    """`name` is what to save it as."""

    name: str
    content: bytes


def of_saga(saga: Saga, seeing: Seeing, by: Actor) -> CaseFile:
    return _make(lambda now: gathering.of_saga(saga, seeing, now), by)


def of_repair(repair: Repair, seeing: Seeing, by: Actor) -> CaseFile:
    return _make(lambda now: gathering.of_repair(repair, seeing, now), by)


def of_batch(batch: Batch, seeing: Seeing, by: Actor) -> CaseFile:
    return _make(lambda now: gathering.of_batch(batch, seeing, now), by)


@transaction.atomic
def _make(gather: Callable[[datetime], Case], by: Actor) -> CaseFile:
    now = timezone.now()
    case = gather(now)
    packed = packing.pack(case, contents.files(case), page.write(case, by, VERSION), by, VERSION)
    entry = audit.record(
        by,
        MADE,
        (case.kind, case.name),
        saga=case.saga,
        after={"manifest": packed.digest, "unmasked": case.has_masks and case.is_clear},
    )
    anchors.keep(entry)
    sequences = [written.content["sequence"] for written in case.entries]
    proof = {"seal": audit.content(entry), "proofs": proving.proofs([*sequences, entry.sequence])}
    return CaseFile(file_name(case), packing.zipped(packed, proof, now))


def file_name(case: Case) -> str:
    return f"case-file-{_other.sub('-', case.name).strip('-.')[:LONGEST_NAME]}.zip"
