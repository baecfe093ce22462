"""Dead links in our own pages: every file and heading that a Markdown link names must be there.

Addresses elsewhere are not asked: what they answer today says nothing about this change.
"""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(
    r"\]\(\s*<?([^)<>\s]+)>?[^)]*\)|^\[[^\]]+\]:\s+(\S+)|(?:src|href)=\"([^\"]+)\"", re.MULTILINE
)
CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def anchors(text: str) -> set[str]:
    """The names under which a page's headings can be linked to."""
    names: set[str] = set()
    for heading in HEADING.findall(re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        names.add(name if name not in names else f"{name}-1")
    return names


def dead_links(page: Path) -> list[str]:
    dead = []
    for match in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        link = next(part for part in match if part)
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            dead.append(f"{page.relative_to(ROOT)}: {link}")
    return dead


def main() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    pages = [ROOT / name for name in listed.stdout.split("\0") if name]
    dead = [line for page in pages if page.exists() for line in dead_links(page)]
    print("\n".join(f"dead link in {line}" for line in dead) or f"No dead links in {len(pages)} pages.")
    sys.exit(bool(dead))


if __name__ == "__main__":
    main()
