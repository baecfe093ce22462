"""What is masked in the sagas of one type: payloads, keys, errors, findings, words about them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import msgspec

from sagas.definitions import Definition, Rule, placeholders
from sagas.definitions.masked import Words, covers, names_taken, split
from sagas.detection.rules import PREFIX
from sagas.events.mapping import MAPPED_KEYS
from sagas.fold import State, Step
from sagas.ingest.observing import ERROR_PATHS
from sagas.masking.text import MASK, mask

# In place of what a problem's sentence would tell.
UNTOLD = "what it looks at is masked"
# Where Amends' own events hold what a participant answered: the answer, or the answer's own `data`.
ANSWERS: tuple[Words, ...] = (("answer",), ("answer", "data"))
# And its words, where they may be the text of an answer that could not be looked into.
WHY: Words = ("why",)


@dataclass(frozen=True)
class Masks:
    """`names` are business keys and labels; `errors`: whether what failures say is masked.

    `versions` are all definitions of the type, the newest first: rules and requests are told by them.
    """

    paths: tuple[Words, ...] = ()
    names: frozenset[str] = frozenset()
    errors: bool = False
    versions: tuple[Definition, ...] = ()

    @classmethod
    def of(cls, versions: Sequence[Definition]) -> Self:
        """The newest, which is the first, says what is masked; the others, what they once took from there."""
        paths = tuple(split(path) for path in versions[0].masked)
        names = frozenset[str]().union(*(names_taken(version, paths) for version in versions))
        errors = any(covers(paths, ".".join(words)) for words in ERROR_PATHS)
        return cls(paths, names, errors, tuple(versions))

    def __bool__(self) -> bool:
        return bool(self.paths)

    def hides(self, word: str) -> bool:
        """Whether a placeholder such as `key.NAME` or `data.PATH` stands for something masked."""
        if word.startswith(placeholders.KEY):
            return word.removeprefix(placeholders.KEY) in self.names
        return word.startswith(placeholders.DATA) and covers(self.paths, word.removeprefix(placeholders.DATA))

    def payload(self, text: str | None) -> str | None:
        """Of an event that somebody sent."""
        return None if text is None else mask(text, self.paths)

    def told(self, text: str | None) -> str | None:
        """Of an event that Amends itself recorded: what a participant answered is like a payload."""
        if text is None or not self:
            return text
        return mask(text, [WHY, *(start + path for start in ANSWERS for path in self.paths)])

    def attributes(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """Of an event: the keys that a mapping found stand among them."""
        found = dict(attributes)
        if self.names and MAPPED_KEYS in found:
            found[MAPPED_KEYS] = mask(str(found[MAPPED_KEYS]), [(name,) for name in self.names])
        return found

    def values(self, values: Mapping[str, str]) -> dict[str, str]:
        """Business keys or shown values, by name."""
        return {name: MASK if name in self.names else value for name, value in values.items()}

    def error(self, text: str) -> str:
        """What a failure gave as its reason."""
        return MASK if text and self.errors else text

    def state(self, state: State) -> State:
        """What is shown of where a saga stands. The facts below it stay clear."""
        steps = [self._step(step) for step in state.steps] if self.errors else state.steps
        return msgspec.structs.replace(
            state, keys=self.values(state.keys), display=self.values(state.display), steps=steps
        )

    def _step(self, step: Step) -> Step:
        runs = [msgspec.structs.replace(run, error=self.error(run.error)) for run in step.runs]
        return msgspec.structs.replace(step, runs=runs)

    def detail(self, step: str, detail: Mapping[str, Any]) -> dict[str, Any]:
        """Of a finding; `step` as it names it."""
        found = dict(detail)
        if "error" in found:
            found["error"] = self.error(found["error"])
        if found.get("key") in self.names:
            found |= {name: MASK for name in ("value",) if name in found}
            found |= {name: [MASK for _ in found[name]] for name in ("values",) if name in found}
        if step.startswith(PREFIX):
            found |= self._rule_detail(step, found)
        return found

    def _rule_detail(self, step: str, detail: Mapping[str, Any]) -> dict[str, Any]:
        values: Mapping[str, str] = detail.get("values", {})
        found: dict[str, Any] = {
            "values": {name: MASK if value and self.hides(name) else value for name, value in values.items()}
        }
        if detail.get("error") and self._looks_behind(step):
            found["error"] = MASK
        quoting = next((rule for rule in self._rules(step) if any(map(self.hides, _quoted(rule)))), None)
        if detail.get("message") and quoting:
            found["message"] = _message(quoting, found["values"])
        return found

    def explanation(self, step: str, text: str) -> str:
        """Of a problem, whose sentence was made from the first saga that had it."""
        may_tell = self.errors or (step.startswith(PREFIX) and self._looks_behind(step))
        return UNTOLD if text and may_tell else text

    def _looks_behind(self, step: str) -> bool:
        """Whether a rule of this name looks at something masked."""
        return any(
            any(map(self.hides, _quoted(rule)))
            or any(covers(self.paths, path) for path in rule.mentions.paths)
            or not self.names.isdisjoint(rule.mentions.keys)
            or (self.names and "" in rule.mentions.keys)
            for rule in self._rules(step)
        )

    def _rules(self, step: str) -> list[Rule]:
        """Those of this name in all versions: nobody knows by which of them something was found."""
        name = step.removeprefix(PREFIX)
        return [rule for version in self.versions for rule in version.rules if rule.name == name]


NOTHING = Masks()


def _quoted(rule: Rule) -> list[str]:
    return placeholders.PLACEHOLDER.findall(rule.message)


def _message(rule: Rule, values: Mapping[str, str]) -> str:
    """A message anew, as nobody can tell in the old one where a value begins and ends."""
    return placeholders.PLACEHOLDER.sub(lambda match: values.get(match[1]) or MASK, rule.message)
