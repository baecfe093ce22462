"""`python3 -m verifier CASE_FILE.zip [--anchor ENTRY:HASH …]`."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from verifier.archive import Archive, UnreadableError
from verifier.checking import Verdict, check

VOUCHED, WRONG, UNREADABLE, ALONE = 0, 1, 2, 3

CODES = """\
exit codes: 0 whole, and as it was when its anchors were kept elsewhere; 1 something is wrong with it;
2 it cannot be read, or the command is not right; 3 whole in itself, but not all of it was compared with
anchors that were kept elsewhere."""


def main(words: Sequence[str]) -> int:
    asked = _parser().parse_args(words)
    try:
        with Archive(asked.file) as archive:
            verdict = check(archive, dict(asked.anchor))
    except UnreadableError as error:
        print(_printable(str(error)), file=sys.stderr)
        return UNREADABLE
    print("\n".join(_lines(verdict)))
    if verdict.wrong:
        return WRONG
    return VOUCHED if verdict.is_vouched else ALONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python3 -m verifier",
        description="Checks a case file of Amends, without Amends.",
        epilog=CODES,
    )
    parser.add_argument("file", type=Path, metavar="CASE_FILE.zip")
    parser.add_argument(
        "--anchor",
        type=anchor,
        action="append",
        default=[],
        metavar="ENTRY:HASH",
        help="the hash of an audit entry that was kept elsewhere; may be given several times",
    )
    return parser


def anchor(text: str) -> tuple[int, str]:
    """`1204:5f0c…`. Raises ArgumentTypeError."""
    found = re.fullmatch(r"([1-9]\d{0,17}):([0-9a-f]{64})", text.strip().lower(), re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError("give the entry's number, a colon, and its hash of 64 hex digits")
    return int(found[1]), found[2]


def _lines(verdict: Verdict) -> list[str]:
    whole = "WHOLE, and as it was" if verdict.is_vouched else "WHOLE in itself"
    lines = [f"{verdict.about}.", "", "NOT WHOLE" if verdict.wrong else whole]
    for head, told in (
        ("Wrong:", verdict.wrong),
        ("Proven:", verdict.proven),
        ("Not proven:", verdict.unproven),
    ):
        if told:
            lines += ["", head, *(f"- {what}" for what in told)]
    return [_printable(line) for line in lines]


def _printable(text: str) -> str:
    """Without what would steer a terminal: names in the file may come from anybody."""
    return "".join(sign if sign.isprintable() else "�" for sign in text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
