"""The table of docs/anomalies.md from the code: `make` writes it, `check` tells whether that was forgotten.

What opens a code is its function's own docstring; the example is the one that the tests prove.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("SECRET_KEY", "only-for-writing-docs-" * 3)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

import django  # noqa: E402  (its settings are named above)

django.setup()

# Definitions are rows, so that Django has to be set up before.
from sagas.advice import ADVICE  # noqa: E402  (likewise)
from sagas.detection import judge  # noqa: E402  (likewise)
from sagas.vocabulary import FAULTS, LOOKS, Code, Condition  # noqa: E402  (likewise)
from tests.sagas.examples import EXAMPLES, TOLD  # noqa: E402  (likewise)

PAGE = ROOT / "docs" / "anomalies.md"
TITLES = "| code | shown as | severity | opens when | example | the safest thing to do |"
WORDS = {
    "S": "started",
    "R": "attempt failed",
    "C": "completed",
    "F": "failed",
    "T": "timed out",
    "N": "skipped",
}
WORDS |= {"KS": "undoing started", "K+": "undone", "K-": "undoing failed"}


def spell(words: str) -> str:
    """`charge started → charge completed`; many of the same are counted."""
    told: list[list] = []
    for word in words.split():
        step, _, code = word.rpartition(":")
        text = f"{step} {WORDS[code]}" if step else word.replace("saga.", "saga ").replace("_", " ")
        if told and told[-1][0] == text and len(words.split()) > 6:
            told[-1][1] += 1
        else:
            told.append([text, 1])
    return " → ".join(text if count == 1 else f"{text} ({count} times)" for text, count in told)


def row(code: Code) -> str:
    fault = FAULTS[code]
    shown = LOOKS[fault.condition].label if fault.condition != Condition.HEALTHY else "no change"
    when = FUNCTIONS[code.value].__doc__ if code.value in FUNCTIONS else BEYOND[code]
    example = spell(EXAMPLES[code].words) if code in EXAMPLES else TOLD[code]
    cells = [f"`{code}`", shown, fault.severity, " ".join(when.split()), example, ADVICE[code].sentence]
    return f"| {' | '.join(cells)} |"


FUNCTIONS = {
    function.__name__: function for function in (*judge.OF_A_RUN, *judge.OF_A_SAGA, *judge.GONE_BACK)
}
# What one saga's facts alone cannot tell.
BEYOND = {
    Code.RULE_BROKEN: "A [rule](rules.md) of the definition is false, and stayed so for its settling time.",
    Code.RULE_UNDECIDED: "A rule cannot be decided, because nobody knows whether a step took effect.",
    Code.OVERLAPPING_SAGAS: (
        "Two open sagas share a business key, and are at work on steps that a definition says conflict."
    ),
    Code.SOURCE_SILENT: (
        "A participant says nothing for longer than it usually or by declaration does: told once, on the"
        " participant, and marked on the sagas that wait for it."
    ),
}


def table() -> str:
    order = sorted(Code, key=lambda code: (-FAULTS[code].condition.rank, -FAULTS[code].severity.rank))
    return "\n".join([TITLES, "| --- | --- | --- | --- | --- | --- |", *map(row, order)])


def page(text: str) -> str:
    """The page with the table as it should be: whatever stands between the lines that start with a bar."""
    before, _, rest = text.partition(TITLES)
    lines = rest.split("\n")
    after = next(place for place, line in enumerate(lines[1:], 1) if not line.startswith("|"))
    return before + table() + "\n" + "\n".join(lines[after:])


if __name__ == "__main__":
    text = PAGE.read_text()
    if sys.argv[1:] == ["make"]:
        PAGE.write_text(text := page(text))
    if text != page(text):
        sys.exit("docs/anomalies.md is not what the code says: run `make anomalies`.")
    print("docs/anomalies.md is what the code says.")
