"""Sagas spelt in a line, for tests that read like tables."""

from hypothesis import strategies as st

from sagas import definitions, facts
from sagas.facts import Observed
from sagas.fold import SECOND
from sagas.vocabulary import SAID_TO_AMENDS, Kind

START = 1_700_000_000_000_000
NOW = facts.moment(START)


DEFINITION = definitions.parse(
    """
type: order
version: "1"
deadline: 5m
steps:
  - {name: check, kind: readonly, participant: shop}
  - name: charge
    kind: compensatable
    participant: payment
    deadline: 10s
    compensation: {title: refund, request: POST /refund, deadline: 20s}
  - {name: ship, kind: pivot, participant: shipping, deadline: 30s}
  - {name: thank, kind: retriable, participant: mail, required: false}
""",
    "order.yaml",
)


def say(words: str, *, source: str = "", gap: float = 10) -> list[Observed]:
    """`"started; charge S C; refund …"` is spelt one word an event: `saga.started charge:S charge:K+`.

    Events come `gap` seconds apart, each from the source named after its step unless `source` is given.
    """
    short = {
        "S": Kind.STEP_STARTED,
        "R": Kind.STEP_ATTEMPT_FAILED,
        "C": Kind.STEP_COMPLETED,
        "F": Kind.STEP_FAILED,
        "T": Kind.STEP_TIMED_OUT,
        "N": Kind.STEP_SKIPPED,
        "KS": Kind.COMPENSATION_STARTED,
        "KR": Kind.COMPENSATION_ATTEMPT_FAILED,
        "K+": Kind.COMPENSATION_COMPLETED,
        "K-": Kind.COMPENSATION_FAILED,
        "KN": Kind.COMPENSATION_SKIPPED,
    }
    events = []
    for place, word in enumerate(words.split()):
        step, _, code = word.rpartition(":")
        name, _, execution = step.partition("#")
        events.append(
            Observed(
                source=source or name or "engine",
                event_id=str(place),
                kind=short[code] if step else Kind(word),
                time=START + int(place * gap * SECOND),
                step=name,
                execution=execution,
                participant=source or name or "engine",
            )
        )
    return events


KINDS = [kind for kind in Kind if kind.family != "operator" or kind in SAID_TO_AMENDS]
observed = st.builds(
    Observed,
    source=st.sampled_from(["a", "b"]),
    event_id=st.integers(0, 40).map(str),
    kind=st.sampled_from(KINDS),
    time=st.integers(START, START + 40 * SECOND),
    time_given=st.booleans(),
    step=st.sampled_from(["check", "charge", "ship", "other"]),
    execution=st.sampled_from(["", "", "1", "2"]),
    attempt=st.integers(0, 3),
    deadline=st.sampled_from([0, 0, START + 7 * SECOND]),
)
event_sets = st.lists(
    observed, min_size=1, max_size=15, unique_by=lambda event: (event.source, event.event_id)
)
