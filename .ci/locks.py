"""The locks: `make` pins pyproject.toml's dependencies with uv, `check` tells whether that was forgotten.

What is pinned comes from whatever registry this machine uses; no registry's address stands in a lock.
"""

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"requirements.lock": [], "requirements-dev.lock": ["--extra", "dev", "-c", "requirements.lock"]}
COMPILE = ["uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11", "--quiet"]
COMPILE += ["--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate"]


def first_line() -> str:
    """Names the dependencies that a lock was made from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [project["requires-python"], project["dependencies"], project["optional-dependencies"]]
    digest = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:16]
    return f"# Made by `make lock` from the dependencies in pyproject.toml ({digest})."


def make() -> None:
    """Known pins are kept where they still fit; `uv pip compile --upgrade` is for another day."""
    for name, options in LOCKS.items():
        subprocess.run([*COMPILE, *options, "-o", name], cwd=ROOT, check=True)
        lock = ROOT / name
        lock.write_text(f"{first_line()}\n{lock.read_text()}")


def check() -> list[str]:
    wrong = []
    for name in LOCKS:
        text = (ROOT / name).read_text()
        if not text.startswith(first_line() + "\n"):
            wrong.append(f"{name} is not of this pyproject.toml: run `make lock`")
        if "://" in text or "--index" in text or "--find-links" in text:
            wrong.append(f"{name} names a registry")
        if any(not line.startswith((" ", "#")) and "==" not in line for line in text.splitlines()):
            wrong.append(f"{name} has a line that pins nothing")
    return wrong


if __name__ == "__main__":
    if sys.argv[1:] == ["make"]:
        make()
    wrong = check()
    print("\n".join(wrong) or "The locks are of this pyproject.toml.")
    sys.exit(bool(wrong))
