"""A case's files as a ZIP with a manifest. Pure but for the verifier's own files, which come along."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import verifier
from console.casefiles.case import Case
from sagas.audit import Actor
from verifier.archive import FORMAT, MANIFEST, PROOF


@dataclass(frozen=True, slots=True)
class Packed:
    """Everything but the proof, which needs the manifest's digest."""

    files: Mapping[str, bytes]
    manifest: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest, in hex."""
        return sha256(self.manifest).hexdigest()


def canonical(value: Any) -> bytes:
    """JSON in UTF-8 with sorted keys and no spaces."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=str
    )
    return text.encode()


def pack(case: Case, contents: Mapping[str, Any], page: str, by: Actor, version: str) -> Packed:
    """`contents` are JSON values by file name, `page` is index.html; `version` is Amends' own."""
    files = {"index.html": page.encode()}
    files |= {name: canonical(value) for name, value in contents.items()}
    files |= verifier_files()
    manifest = {
        "format": FORMAT,
        "subject": {"kind": case.kind, "id": case.name},
        "made": {"at": case.at.isoformat(), "by": by.name, "version": version},
        "has_masks": case.has_masks,
        "is_clear": case.is_clear,
        "masked_entries": [entry.content["sequence"] for entry in case.entries if entry.is_masked],
        "left_out": list(case.left_out),
        "files": {name: sha256(content).hexdigest() for name, content in files.items()},
    }
    return Packed(files, canonical(manifest))


def zipped(packed: Packed, proof: Mapping[str, Any], at: datetime) -> bytes:
    """`proof` says which entry of the log names the manifest, and that it and the others are in the chain."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**packed.files, MANIFEST: packed.manifest, PROOF: canonical(proof)}.items():
            info = zipfile.ZipInfo(name, at.timetuple()[:6])
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, content)
    return file.getvalue()


def verifier_files() -> dict[str, bytes]:
    """The program that checks it, as it is here."""
    folder = Path(verifier.__file__).parent
    return {f"{folder.name}/{path.name}": path.read_bytes() for path in sorted(folder.glob("*.py"))}
