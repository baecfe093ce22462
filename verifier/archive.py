"""A case file's ZIP, read by somebody who does not trust it: nothing is unpacked, and nothing is endless."""

import json
import zipfile
import zlib
from collections import Counter
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FORMAT = "amends.case-file/1"
# The manifest names every file but itself and the proof, which says by whom it was made when.
MANIFEST, PROOF, ENTRIES = "manifest.json", "proof.json", "audit.json"

# Bytes, unpacked: of all files, and of one that is read as a whole.
LARGEST = 2 * 1024**3
LARGEST_JSON = 256 * 1024**2
PIECE = 1024**2

# Damage, a password, a compression that Amends does not use.
BROKEN = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


class UnreadableError(Exception):
    """It is no case file, or too damaged to tell what is wrong; says what to do."""


class Archive:
    """Raises UnreadableError wherever it cannot be read."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise UnreadableError(f"{path} cannot be opened as a ZIP: {error}") from None
        size = sum(info.file_size for info in self._zip.infolist())
        if size > LARGEST:
            raise UnreadableError(f"{path} would unpack to {size:,} bytes, which is no case file of Amends.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._zip.close()

    def names(self) -> Counter[str]:
        """How often each file is there, which should be once."""
        return Counter(self._zip.namelist())

    def digest(self, name: str) -> str:
        """SHA-256 of the file, in hex."""
        made = sha256()
        try:
            with self._zip.open(name) as file:
                while piece := file.read(PIECE):
                    made.update(piece)
        except BROKEN as error:
            raise UnreadableError(f"{name} cannot be read from the ZIP: {error}") from None
        return made.hexdigest()

    def json(self, name: str) -> Any:
        try:
            return json.loads(self._read(name))
        except (ValueError, RecursionError) as error:
            raise UnreadableError(f"{name} is no JSON: {error}") from None

    def _read(self, name: str) -> bytes:
        try:
            if self._zip.getinfo(name).file_size > LARGEST_JSON:
                raise UnreadableError(f"{name} is larger than any that Amends writes.")
            return self._zip.read(name)
        except KeyError:
            raise UnreadableError(
                f"There is no {name} in it: this is no case file, or not all of it."
            ) from None
        except BROKEN as error:
            raise UnreadableError(f"{name} cannot be read from the ZIP: {error}") from None
