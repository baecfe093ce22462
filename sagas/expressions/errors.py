"""What can be wrong with an expression, when it is loaded and when it is evaluated."""

import re
from collections.abc import Iterable

# The library's words: `ERROR: <input>:LINE:COLUMN: message`, counted from 1, then the line itself.
REPORTED = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*?)(?: \[[A-Z_]+\])?(?:\n|\Z)")
STATUS = re.compile(r"\A[A-Z_]+: | \[[A-Z_]+\]\Z")

UNDECLARED = re.compile(r"undeclared reference to '(.*)' \(in container ''\)")

# How the library names operators → how they are written.
OPERATORS = {"_?_:_": "? :", "@in": "in", "!_": "!", "-_": "-", "_[_]": "[ ]"}

# Its words → ours. `{0}` and on are the groups.
WORDS = [
    (
        re.compile(r"undeclared reference to 'map' .*"),
        "`map` is not offered, as its lists can grow without end; use exists, all, exists_one or filter",
    ),
    (UNDECLARED, "`{0}` is neither a variable nor a function here"),
    (
        re.compile(r"found no matching overload for '(.+)' applied to '\((.*)\)'"),
        "`{0}` cannot be applied to ({1})",
    ),
    (
        re.compile(r"Syntax error: (?:mismatched|extraneous) input '<EOF>' expecting .*"),
        "something is missing at the end",
    ),
    (
        re.compile(r"Syntax error: (?:mismatched|extraneous) input '(.*?)' expecting .*"),
        "`{0}` is not expected here",
    ),
    (re.compile(r"Syntax error: token recognition error at: '(.*)'"), "`{0}` is no CEL"),
    (re.compile(r"Syntax error: (.*)"), "{0}"),
    (re.compile(r"Key not found in map : (.*)"), "there is no {0}"),
    (re.compile(r'No value with name "(.*)" found in Activation'), "nobody knows {0}"),
    (re.compile(r"No matching overloads found : (.+?)\((.*)\)"), "`{0}` cannot be applied to ({1})"),
    (re.compile(r"Iteration budget exceeded"), "its loops have more than 10,000 rounds"),
    (re.compile(r"Exceeded max recursion depth of (\d+) when parsing\."), "it is nested too deeply"),
    (re.compile(r"Expression recursion limit exceeded\. limit: (\d+)"), "it is nested too deeply"),
]


class ExpressionError(ValueError):
    """An expression that cannot be taken. `line` and `column` count from 1, within its text."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column

    @classmethod
    def at(cls, text: str, place: int, message: str) -> "ExpressionError":
        """Of what stands at this place of the text, in characters from its beginning."""
        before = text[:place]
        return cls(message, before.count("\n") + 1, place - before.rfind("\n"))

    @classmethod
    def reported(cls, report: str, variables: Iterable[str] = ()) -> "ExpressionError":
        """From the library's report: the first place that it names. `variables`: those that there are."""
        found = REPORTED.findall(report)
        if not found:
            return cls(in_our_words(STATUS.sub("", STATUS.sub("", report))))
        # Without its macro, what `map` binds is not declared either; that it is missing says more.
        line, column, message = next((one for one in found if "'map'" in one[2]), found[0])
        if match := UNDECLARED.fullmatch(message):
            # `a.b.c`: it points at the last dot; what is not known is `a`, or `a.b` where there is an `a.x`.
            before, _, _ = match[1].rpartition(".")
            column = str(int(column) - len(before))
            first, *others = match[1].split(".")
            known = [name for name in variables if name.startswith(f"{first}.")]
            if known:
                word = ".".join([first, *others[:1]])
                message = f"`{word}` is not known here; known are {', '.join(known)}"
            else:
                message = message.replace(match[1], first)
        return cls(in_our_words(message), max(int(line), 1), max(int(column), 1))


class EvaluationError(Exception):
    """Evaluating gave no value: a key that is not there, numbers of two types, too much to do.

    `is_missing`: only because a key is not there, which may still come.
    """

    def __init__(self, message: str, *, is_missing: bool = False) -> None:
        super().__init__(message)
        self.is_missing = is_missing

    @classmethod
    def reported(cls, report: str) -> "EvaluationError":
        """From the library's report."""
        is_missing = report.startswith("NOT_FOUND: ")
        return cls(in_our_words(STATUS.sub("", STATUS.sub("", report))), is_missing=is_missing)


def in_our_words(message: str) -> str:
    for pattern, words in WORDS:
        if match := pattern.fullmatch(message):
            return words.format(*(OPERATORS.get(word, word.strip("_")) for word in match.groups()))
    return message
