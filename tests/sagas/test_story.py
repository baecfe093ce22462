"""The story of a saga, word for word: every code, every reason, every status."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from sagas import definitions, facts, fold, story
from sagas.detection import judge
from sagas.detection.verdict import Verdict
from sagas.durations import exactly, span
from sagas.facts import Facts
from sagas.story import PartKind
from sagas.story.parts import because, listed, plain, text
from sagas.story.titles import STALLED
from sagas.story.trouble import STALLED as STALLED_SENTENCES
from sagas.vocabulary import Code, Status
from tests.sagas.saying import say
from tests.sagas.test_judge import ELSEWHERE

DEFINITION = definitions.parse(
    """
type: order-fulfilment
version: "1"
deadline: 5m
steps:
  - name: reserve-stock
    kind: compensatable
    participant: inventory
    deadline: 10s
    compensation: {title: release stock, request: POST /release, deadline: 10s}
  - name: charge-card
    kind: compensatable
    participant: payment
    deadline: 10s
    compensation: {title: refund card, request: POST /refund, deadline: 10s}
  - {name: ship-parcel, kind: pivot, participant: shipping, deadline: 30s}
  - {name: send-receipt, kind: retriable, participant: mail, required: false}
""",
    "order.yaml",
)
PARTICIPANTS = {"reserve-stock": "inventory", "charge-card": "payment", "ship-parcel": "shipping"}

# Codes that speak of the saga and of no step.
WHOLE = {Code.SAGA_TIMED_OUT, Code.COMMIT_AFTER_ABORT, Code.OUTCOME_MISMATCH, Code.SAGA_ID_REUSED,
         Code.SEQUENCE_GAP}  # fmt: skip

# The first event of each line is at 22:13:20, the others 10 s apart.
TWO = "saga.started reserve-stock:S reserve-stock:C charge-card:S charge-card:C"


def stand(
    words: str, after: float, definition: definitions.Definition | None
) -> tuple[fold.State, list[Verdict], datetime]:
    events = [
        msgspec.structs.replace(
            event,
            participant=PARTICIPANTS.get(event.step, ""),
            error="503 from it" if "fail" in event.kind else "",
        )
        for event in say(words)
    ]
    now = facts.moment(events[-1].time) + timedelta(seconds=after)
    state = fold.derive(facts.merge(Facts(), events), definition, now)
    return state, judge.judge(state, definition, now), now


def told(words: str, after: float, definition: definitions.Definition | None = DEFINITION) -> str:
    state, verdicts, now = stand(words, after, definition)
    return plain(story.tell(state, verdicts, definition, now)).replace(" UTC", "")


TROUBLE = [
    # step_in_doubt
    (f"{TWO} ship-parcel:S", 930, DEFINITION,
     "shipping was asked to ship parcel at 22:14:10 and has not answered; its 30 s deadline passed"
     " 15 min ago."),
    (f"{TWO} ship-parcel:S charge-card:KS charge-card:K+ reserve-stock:K+", 930, DEFINITION,
     "shipping was asked to ship parcel at 22:14:10 and has not answered; its 30 s deadline passed"
     " 15 min ago."
     " Meanwhile inventory completed release stock at 22:14:40, after 1 other step was undone."),
    (f"{TWO} ship-parcel:S ship-parcel:T", 5, DEFINITION,
     "shipping was asked to ship parcel at 22:14:10, and at 22:14:20 the call was given up: nobody knows"
     " whether it was done."),
    ("b:S", 1000, None, "b was started at 22:13:20 and has not answered; its 15 min deadline passed"
     " 1 min ago."),
    ("charge-card:S", 1000, None,
     "payment started charge-card at 22:13:20 and has not answered; its 15 min deadline passed 1 min ago."),
    # step_overdue
    ("charge-card:S charge-card:R", 60, DEFINITION,
     "payment was asked to charge card at 22:13:20; the attempt failed at 22:13:30: “503 from it”;"
     " its 10 s deadline passed 1 min ago."),
    ("charge-card:S charge-card:R charge-card:R", 60, DEFINITION,
     "payment was asked to charge card at 22:13:20 and keeps failing: 2 attempts, the last at 22:13:40:"
     " “503 from it”; its 10 s deadline passed 1 min ago."),
    # saga_stalled
    ("saga.started", 60, DEFINITION, "The saga started at 22:13:20, but reserve stock never began."),
    (TWO, 60, DEFINITION, "charge card completed at 22:14:00, but ship parcel, which comes next,"
     " never began."),
    (f"{TWO} ship-parcel:S ship-parcel:F", 60, DEFINITION,
     "ship parcel failed at 22:14:20: “503 from it”. Nothing followed: it was not tried again, and"
     " nothing was"
     " undone."),
    ("charge-card:S charge-card:F", 60, DEFINITION,
     "charge card failed at 22:13:30: “503 from it”. Nothing followed: it was not tried again, and the saga"
     " did not end."),
    ("saga.started a:C", 1000, None,
     "a completed at 22:13:30; since then nothing happened, and no end of the saga was reported."),
    ("saga.started", 1000, None, "The saga started at 22:13:20; nothing has happened since."),
    ("saga.note", 1000, None, "Nothing but notes was heard of this saga."),
    (f"{TWO} saga.suspended", 1000, DEFINITION,
     "The saga was suspended at 22:14:10 and has not been resumed."),
    (f"{TWO} saga.timed_out", 5, DEFINITION,
     "The orchestrator reported at 22:14:10 that the saga timed out, and has reported no end since."),
    ("saga.started other:S", 350, DEFINITION, "The saga should have ended 1 min ago, and still"
     " waits for other."),
    (f"{TWO} send-receipt:C charge-card:K+ reserve-stock:K+", 1000, DEFINITION,
     "The saga began to go back at 22:14:20 and stopped; not undone: send receipt. Meanwhile"
     " inventory completed"
     " release stock at 22:14:30, after 1 other step was undone."),
    # compensation_overdue
    (f"{TWO} saga.compensating charge-card:KS", 60, DEFINITION,
     "payment began refund card at 22:14:20 and has not confirmed it; its 10 s deadline passed 50 s ago."
     " The saga went back at 22:14:10, but what reserve stock did has not been undone."),
    (f"{TWO} saga.compensating", 60, DEFINITION,
     "The saga went back at 22:14:10, but what reserve stock did has not been undone."
     " Still in effect: charge card."),
    (f"{TWO} saga.failed", 60, DEFINITION,
     "The saga was given up at 22:14:10, but what reserve stock did has not been undone."
     " Still in effect: charge card."),
    ("a:C a:KS", 1000, None,
     "undoing a began at 22:13:30 and has not confirmed it; its 15 min deadline passed 1 min ago."),
    # compensation_failed
    (f"{TWO} charge-card:K+ reserve-stock:KS reserve-stock:K-", 5, DEFINITION,
     "inventory gave up on release stock at 22:14:30: “503 from it”; what reserve stock did is"
     " still in effect."
     " Meanwhile payment completed refund card at 22:14:10."),
    ("a:S a:KS a:K-", 5, None,
     "The participant gave up on undoing a at 22:13:40: “503 from it”; what a did may be in effect."),
    # attempt_storm
    ("charge-card:S " + "charge-card:R " * 20, 5, DEFINITION,
     "payment has tried to charge card 20 times, the last time at 22:16:40: “503 from it”. It may never"
     " succeed by itself."),
    # conflicting_outcome
    ("a:S a:C a:F", 5, None,
     "a was reported as completed at 22:13:30 and as failed at 22:13:40: “503 from it”: one of the two is"
     " not so."),
    # duplicate_completion, double_compensation
    ("charge-card:S charge-card:C charge-card:C", 5, DEFINITION,
     "charge card completed more often than it was asked to: first at 22:13:30, last at 22:13:40. Its"
     " effect may be there twice."),
    ("a:C a:K+ a:K+", 5, None,
     "a was undone more often than it was done: first at 22:13:30, last at 22:13:40. What undoes it may have"
     " taken effect twice."),
    # late_forward_after_compensation, late_forward_after_abort
    ("a:S a:K+ a:C", 5, None,
     "a was undone at 22:13:30 and completed afterwards, at 22:13:40: a call that came late. Its effect is"
     " there, and nobody is going to undo it."),
    ("a:C b:S a:K+ b:C", 1000, None,
     "b completed at 22:13:50, after the saga had begun to go back at 22:13:40; it has not been undone."
     " Meanwhile undoing a was completed at 22:13:40."),
    # missing_compensation
    ("a:C b:C saga.compensating b:K+ saga.failed", 5, None,
     "a is still in effect: the saga ended at 22:14:00, and nobody ever undid it. Meanwhile undoing b"
     " was completed at 22:13:50."),
    # compensation_after_commit, commit_after_abort, rollback_past_pivot
    ("a:C saga.completed a:K+", 5, None,
     "a was undone at 22:13:40 although the saga had completed at 22:13:30."),
    ("a:C saga.compensating saga.completed", 5, None,
     "The saga began to go back at 22:13:30, and yet was reported as completed at 22:13:40."),
    ("ship-parcel:C charge-card:K+", 5, DEFINITION,
     "ship parcel is the point of no return and completed at 22:13:20; the saga went back all the same, at"
     " 22:13:30. Meanwhile payment completed refund card at 22:13:30."),
    # missing_step, terminal_without_resolution, zombie_activity, outcome_mismatch
    (f"{TWO} saga.completed", 5, DEFINITION,
     "The saga was reported as completed at 22:14:10, but ship parcel was neither done nor skipped."),
    (f"{TWO} ship-parcel:S saga.completed", 5, DEFINITION,
     "The saga ended at 22:14:20 while ship parcel was on its way: nobody knows whether it was done."),
    ("a:C saga.completed b:C", 5, None, "b completed at 22:13:40, after the saga had ended at 22:13:30."),
    ("a:C saga.completed saga.failed", 5, None,
     "The engine reported two ends that exclude each other; its last word came at 22:13:40."
     " Still in effect: a."),
    # unknown_step comes after how the saga stands
    ("other:C", 5, DEFINITION,
     "other completed at 22:13:20. Next comes reserve stock. Events speak of other, which version 1 of the"
     " definition does not name."),
    # more than two sentences' worth
    ("a:S b:S c:S", 1000, None,
     "a was started at 22:13:20 and has not answered; its 15 min deadline passed 2 min ago."
     " b was started at 22:13:30 and has not answered; its 15 min deadline passed 1 min ago."
     " 1 more thing is wrong with it."),
]  # fmt: skip

PROGRESS = [
    (Status.RUNNING, "saga.started", 5, DEFINITION,
     "The saga started at 22:13:20. Next comes reserve stock."),
    (Status.RUNNING, "saga.started reserve-stock:S", 5, DEFINITION,
     "inventory was asked to reserve stock at 22:13:30 and has 10 s to answer."),
    (Status.RUNNING, "saga.started reserve-stock:S reserve-stock:C", 5, DEFINITION,
     "reserve stock completed at 22:13:40. Next comes charge card."),
    (Status.RUNNING, "a:C", 5, None, "a completed at 22:13:20."),
    (Status.COMPLETED, f"{TWO} ship-parcel:C", 5, DEFINITION, "Completed at 22:14:10, 50 s after"
     " its start."),
    (Status.COMPLETED, f"{TWO} saga.completed", 5, None, "Completed at 22:14:10, 50 s after its start."),
    (Status.COMPLETED, "saga.completed", 5, None, "Completed at 22:13:20."),
    (Status.COMPENSATING, f"{TWO} ship-parcel:F saga.compensating", 5, DEFINITION,
     "ship parcel failed at 22:14:10: “503 from it”. The saga has been going back since 22:14:20."
     " Still in effect: reserve stock and charge card."),
    (Status.COMPENSATING, f"{TWO} ship-parcel:F charge-card:KS", 5, DEFINITION,
     "ship parcel failed at 22:14:10: “503 from it”. payment began refund card at 22:14:20."
     " Still in effect: reserve stock."),
    (Status.COMPENSATED, "reserve-stock:C charge-card:F reserve-stock:KS reserve-stock:K+", 5, DEFINITION,
     "charge card failed at 22:13:30: “503 from it”. Everything was undone by 22:13:50."),
    (Status.COMPENSATED, "reserve-stock:F saga.failed", 5, DEFINITION,
     "reserve stock failed at 22:13:20: “503 from it”. There was nothing to undo."),
    (Status.COMPENSATED, "saga.compensating saga.compensated", 5, None, "Everything was undone by"
     " 22:13:30."),
    (Status.FAILED, f"{TWO} saga.failed", 5, DEFINITION,
     "The saga was given up at 22:14:10. Still in effect: reserve stock and charge card."),
    (Status.SUSPENDED, f"{TWO} saga.suspended", 5, DEFINITION,
     "The saga was suspended at 22:14:10. Still in effect: reserve stock and charge card."),
]  # fmt: skip


# What a line of words cannot say: told from details as `sagas.detection` gives them.
BESIDE = [
    (Code.SAGA_ID_REUSED, "", {"key": "order", "values": ["8492", "8493"]},
     "Two transactions share this id: it was started for order 8492 and for 8493. What is shown here is a"
     " mixture of both."),
    (Code.CLOCK_SKEW, "charge-card", {"participant": "payment", "apart": 50.0},
     "Completed at 22:13:20. charge card was answered 50 s before it was asked, by the clocks of the two"
     " that say so."),
    (Code.SEQUENCE_GAP, "", {"source": "//shop/orders", "missing": 2},
     "Completed at 22:13:20. 2 events of //shop/orders have not arrived, by the numbers of the others."),
    (Code.SEQUENCE_GAP, "", {"source": "//shop/orders", "missing": 1},
     "Completed at 22:13:20. 1 event of //shop/orders has not arrived, by the numbers of the others."),
]  # fmt: skip


@pytest.mark.parametrize(("code", "step", "detail", "expected"), BESIDE)
def test_what_words_cannot_say(code: Code, step: str, detail: dict, expected: str) -> None:
    state, _, now = stand("saga.completed", 5, None)
    told = story.tell(state, [Verdict(code, step, 0, 0, (), detail)], DEFINITION, now)
    assert plain(told).replace(" UTC", "") == expected


@pytest.mark.parametrize(("words", "after", "definition", "expected"), TROUBLE)
def test_what_is_wrong(words: str, after: float, definition: object, expected: str) -> None:
    assert told(words, after, definition) == expected


@pytest.mark.parametrize(("status", "words", "after", "definition", "expected"), PROGRESS)
def test_how_it_stands(status: Status, words: str, after: float, definition: object, expected: str) -> None:
    state, verdicts, _ = stand(words, after, definition)
    assert (state.status, verdicts) == (status, [])
    assert told(words, after, definition) == expected


def test_the_table_holds_every_code_every_reason_and_every_status() -> None:
    verdicts = [verdict for row in TROUBLE for verdict in stand(*row[:3])[1]]
    assert {verdict.code for verdict in verdicts} == set(Code) - {Code(word) for word in ELSEWHERE} - {
        row[0] for row in BESIDE
    }
    reasons = {verdict.detail["reason"] for verdict in verdicts if verdict.code == Code.SAGA_STALLED}
    assert reasons == set(STALLED) == set(STALLED_SENTENCES)
    assert {row[0] for row in PROGRESS} == set(Status)


@pytest.mark.parametrize(
    ("words", "after", "definition", "title", "explanation"),
    [
        ("ship-parcel:S", 60, DEFINITION, "ship parcel never answered",
         "shipping was asked, then nothing for more than 30 s"),
        ("x:S", 1000, None, "x never answered", "it was started, then nothing for more than 15 min"),
        ("charge-card:S charge-card:T", 5, DEFINITION, "charge card never answered",
         "the call to payment timed out: nobody knows whether it was done"),
        ("charge-card:S charge-card:R", 60, DEFINITION, "charge card is overdue",
         "payment keeps failing: “503 from it”"),
        ("charge-card:S charge-card:R charge-card:R", 60, DEFINITION, "charge card is overdue",
         "payment keeps failing: “503 from it”"),
        ("saga.started", 60, DEFINITION, "reserve stock never started",
         "nothing happened for more than 10 s before it"),
        ("charge-card:F", 60, DEFINITION, "charge card failed and nothing followed",
         "nothing happened for more than 10 s after its failure: not tried again, nothing undone"),
        ("a:C", 1000, None, "the saga stopped without an end",
         "nothing happened for more than 15 min after its last step"),
        ("saga.started", 1000, None, "nothing followed the start", "nothing happened for more than 15 min"),
        ("saga.suspended", 1000, None, "suspended and not resumed",
         "it was suspended and nothing happened for more than 15 min"),
        ("saga.timed_out", 0, None, "the saga timed out", "the orchestrator gave it up and reported no end"),
        ("saga.started other:S", 350, DEFINITION, "the saga did not end in time",
         "its deadline as a whole has passed"),
        (f"{TWO} send-receipt:C charge-card:K+ reserve-stock:K+", 1000, DEFINITION,
         "the saga stopped halfway back", "nothing happened for more than 3 min 50 s after it went back"),
        (f"{TWO} charge-card:KS reserve-stock:K+", 60, DEFINITION, "charge card was not undone in time",
         "refund card was begun and not confirmed within 10 s"),
        ("charge-card:C saga.compensating", 60, DEFINITION, "charge card was not undone in time",
         "refund card was not begun within 10 s"),
        ("charge-card:C charge-card:K-", 5, DEFINITION, "charge card could not be undone",
         "payment gave up on refund card: “503 from it”"),
        ("a:C a:K-", 5, None, "a could not be undone", "the participant gave up on undoing a: “503 from it”"),
    ],
)  # fmt: skip
def test_a_problem_in_a_few_words_and_in_a_line(
    words: str, after: float, definition: object, title: str, explanation: str
) -> None:
    _, (verdict, *_), _ = stand(words, after, definition)
    found = verdict.code, verdict.step, verdict.detail, definition
    assert story.title(*found) == title
    assert story.explanation(*found) == explanation


def test_parts_say_what_is_emphasised_and_what_is_a_time() -> None:
    state, verdicts, now = stand("ship-parcel:S", 930, DEFINITION)
    (sentence,) = story.tell(state, verdicts, DEFINITION, now)
    assert [(part.kind, part.text) for part in sentence] == [
        (PartKind.STRONG, "shipping"),
        (PartKind.TEXT, " was asked to "),
        (PartKind.STRONG, "ship parcel"),
        (PartKind.TEXT, " at "),
        (PartKind.TIME, "22:13:20 UTC"),
        (PartKind.TEXT, " and has not answered; "),
        (PartKind.TEXT, "its 30 s deadline passed "),
        (PartKind.AGO, "15 min ago"),
        (PartKind.TEXT, "."),
    ]
    assert sentence[4].at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_day_is_named_where_it_is_not_today() -> None:
    state, verdicts, now = stand("ship-parcel:S", 2 * 86400, DEFINITION)
    assert " at 14 Nov 22:13:20 UTC and " in plain(story.tell(state, verdicts, DEFINITION, now))
    state, verdicts, now = stand("ship-parcel:S", 100 * 86400, DEFINITION)
    assert " at 14 Nov 2023 22:13:20 UTC and " in plain(story.tell(state, verdicts, DEFINITION, now))


@pytest.mark.parametrize("code", sorted(set(Code) - {Code.SAGA_STALLED, *map(Code, ELSEWHERE)}))
def test_a_finding_whose_facts_have_moved_on_is_still_told(code: Code) -> None:
    state, _, now = stand("saga.started", 5, DEFINITION)
    stale = Verdict(code, "gone", 0, 0, (), {"begun": False})
    said = plain(story.tell(state, [stale], DEFINITION, now))
    assert said.endswith(".")
    assert "gone" in said or code in WHOLE


@pytest.mark.parametrize("reason", STALLED)
def test_a_stalled_saga_that_has_moved_on_is_still_told(reason: str) -> None:
    state, _, now = stand("operator.note", 5, None)
    assert plain(story.tell(state, [Verdict(Code.SAGA_STALLED, "", 0, 0, (), {"reason": reason})], None, now))


def test_names_are_listed_as_people_do() -> None:
    assert plain([tuple(listed(["a"]))]) == "a"
    assert plain([tuple(listed(["a", "b"]))]) == "a and b"
    assert plain([tuple(listed(["a", "b", "c"]))]) == "a, b and c"
    assert plain([tuple(listed(["a", "b", "c", "d", "e"]))]) == "a, b and 3 more"


def test_what_a_machine_said_is_one_short_line() -> None:
    assert because("a\r\nBcc: b\tc") == ": “a Bcc: b c”"
    assert because("  ") == ""
    assert len(because("x" * 10_000)) < 200
    assert plain([(text("a"),), (text("b"),)]) == "a b"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.5, "500 ms"), (1.5, "1.5 s"), (10.4, "10 s"), (90, "90 s"), (300, "5 min"), (271, "4 min 31 s"),
     (7200, "2 h"), (86400, "1 d")],
)  # fmt: skip
def test_given_lengths_of_time(seconds: float, words: str) -> None:
    assert exactly(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (59.9, "59 s"), (61, "1 min"), (7440, "2 h 04 min"), (300_000, "3 d 11 h")],
)
def test_how_long_something_has_lasted(seconds: float, words: str) -> None:
    assert span(seconds) == words
