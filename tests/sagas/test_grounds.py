"""What a finding stands on: what brings back one that was accepted, and what does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from sagas import acceptance, definitions, facts, fold, ingest
from sagas.acceptance import accepting
from sagas.audit import Actor
from sagas.detection import conflicts, grounds, judge, rules
from sagas.detection.sweep import sweep
from sagas.detection.verdict import MOST_EVIDENCE
from sagas.events import Incoming
from sagas.facts import Facts
from sagas.models import AuditEntry, Finding, Participant, Saga
from sagas.vocabulary import Code, Kind
from tests.sagas.ruling import CONFLICT, NOT_REFUNDED, ORDER, REFUND, define, put, rule, see
from tests.sagas.saying import event_sets, say
from tests.sagas.storing import make_due

ADA = Actor("person", "ada", "10.0.3.7")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAID = "saga.started charge:S charge:C"
SMALL = ORDER + '\nrules: [{name: small, expression: "double(data.amount) <= 10.0", settle: 1s}]\n'
COUNTED = ORDER + "\nsequence: saga\n"


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def evidence(*ids: str) -> list[dict[str, str]]:
    return [{"source": "shop", "id": each} for each in ids]


def accepted(code: str) -> Finding:
    finding = Finding.objects.get(code=code, closed_at=None)
    return acceptance.accept(finding, ADA, "known", acceptance.of_finding(finding))


def turns(finding: Finding) -> list[str]:
    return list(finding.transitions.order_by("pk").values_list("what", flat=True))


def is_accepted(finding: Finding) -> bool:
    finding.refresh_from_db()
    assert finding.closed_at is None
    return finding.is_accepted


def number(*numbers: int, now: datetime) -> None:
    """Events of one source that numbers them."""
    participant, _ = Participant.objects.get_or_create(name="shop")
    events = [
        Incoming(
            source="shop",
            id=f"n{each}",
            kind=Kind.SAGA_NOTE,
            saga_type="order",
            saga_id="o-1",
            time=now,
            sequence=str(each),
        )
        for each in numbers
    ]
    ingest.store(events, participant=participant, now=now)


class TestOther:
    @pytest.mark.parametrize(
        ("before", "now", "is_other"),
        [
            ({}, {}, False),
            ({"error": "503"}, {"error": "504"}, False),
            ({"values": {"data.a": "1"}}, {"values": {"data.a": "1"}}, False),
            ({"values": {"data.a": "1"}}, {"values": {"data.a": "2"}}, True),
            ({"values": {"data.a": "1"}}, {"values": {"data.a": ""}}, True),
            ({"values": ["8492", "8493"]}, {"values": ["8491", "8493"]}, True),
            ({"unknown": [{"step": "a"}]}, {"unknown": [{"step": "a"}, {"step": "b"}]}, True),
            ({"expression": "a  &&\n b"}, {"expression": "a && b"}, False),
            ({"expression": "a && b"}, {"expression": "a || b"}, True),
            ({"missing": 1}, {"missing": 897}, True),
            ({"missing": 3}, {"missing": 1}, False),
            ({"times": 2}, {"times": 3}, True),
            ({"rivals": ["r-1"]}, {"rivals": ["r-1", "r-2"]}, True),
            ({"rivals": ["r-1", "r-2"]}, {"rivals": ["r-1"]}, False),
            ({"rivals": ["r-1"]}, {"rivals": ["r-2"]}, True),
            ({"executions": 2}, {"executions": 3}, True),
            # What an older version did not keep.
            ({}, {"witnesses": "ab", "executions": 2, "rivals": ["r-1"]}, False),
            ({"values": {"data.a": "1"}}, {"values": {"data.a": "1", "data.b": "2"}}, False),
        ],
    )
    def test_of_the_same_events(self, before: dict[str, Any], now: dict[str, Any], is_other: bool) -> None:
        proof = evidence("1")
        assert grounds.are_other((proof, before), (proof, now)) is is_other

    @pytest.mark.parametrize(
        ("before", "now", "is_other"),
        [
            ((["1", "2"], {}), (["2", "1"], {}), False),
            ((["1"], {}), (["1", "2"], {}), True),
            ((["1", "2"], {}), (["1"], {}), True),
            ((["1", "2"], {"executions": 2}), (["1"], {}), False),
            ((["1", "2"], {"executions": 2}), (["3"], {}), True),
            ((["1", "2"], {"executions": 2}), (["1"], {"executions": 2}), True),
        ],
    )
    def test_of_other_events(self, before: Any, now: Any, is_other: bool) -> None:
        stood, stands = ((evidence(*ids), detail) for ids, detail in (before, now))
        assert grounds.are_other(stood, stands) is is_other

    @given(event_sets)
    def test_nothing_is_other_by_the_order_in_which_events_came(self, events) -> None:
        now = facts.moment(max((event.time for event in events), default=0)) + timedelta(days=1)

        def found(events):
            state = fold.derive(facts.merge(Facts(), events), None, now)
            return {(one.code, one.step): (one.proof, one.detail) for one in judge.judge(state, None, now)}

        one, other = found(events), found(events[::-1])
        assert one.keys() == other.keys()
        assert not any(grounds.are_other(one[key], other[key]) for key in one)


class TestExecutions:
    def judged(self, words: str) -> tuple[list[dict[str, str]], dict[str, Any]]:
        now = facts.moment(say(words)[-1].time) + timedelta(days=1)
        state = fold.derive(facts.merge(Facts(), say(words)), None, now)
        [found] = [one for one in judge.judge(state, None, now) if one.code == Code.COMPENSATION_FAILED]
        return found.proof, found.detail

    def test_one_is_proven_as_ever(self) -> None:
        proof, detail = self.judged("a#1:C a#1:KS a#1:K-")
        assert [each["id"] for each in proof] == ["2", "1"]
        assert "executions" not in detail

    def test_all_of_a_step_prove_it(self) -> None:
        one, both = self.judged("a#1:C a#2:C a#1:K-"), self.judged("a#1:C a#2:C a#1:K- a#2:K-")
        assert [each["id"] for each in both[0]] == ["2", "3"]
        assert both[1]["executions"] == 2
        assert grounds.are_other(one, both)

    def test_one_that_is_put_right_does_not_bring_back_the_others(self) -> None:
        both = self.judged("a#1:C a#2:C a#1:K- a#2:K-")
        assert not grounds.are_other(both, self.judged("a#1:C a#2:C a#1:K- a#2:K- a#1:K+"))

    def test_of_thousands_some_are_named_and_all_are_counted(self) -> None:
        many = " ".join(f"a#{number}:C a#{number}:K-" for number in range(40))
        before, now = self.judged(many), self.judged(f"{many} a#x:C a#x:K-")
        assert len(before[0]) == MOST_EVIDENCE
        assert (before[1]["executions"], now[1]["executions"]) == (40, 41)
        assert grounds.are_other(before, now)

    def test_a_second_that_is_late_is_looked_at_in_its_time(self) -> None:
        words = "a#1:S a#2:S"
        state = fold.derive(facts.merge(Facts(), say(words)), None, NOW)
        dues = sorted(one.due for one in judge.prospects(state, None) if one.code == Code.STEP_IN_DOUBT)
        assert dues[1] - dues[0] == 10 * facts.SECOND


def test_every_pair_of_outcomes_that_exclude_each_other_proves_it() -> None:
    def judged(words: str):
        state = fold.derive(facts.merge(Facts(), say(words, source="shop")), None, NOW)
        [found] = [one for one in judge.judge(state, None, NOW) if one.code == Code.CONFLICTING_OUTCOME]
        return found.proof, found.detail

    one = judged("a:S a:C a:F")
    assert grounds.are_other(one, judged("a:S a:C a:F a:S a:C a:F"))
    assert not grounds.are_other(one, judged("a:S a:C a:F b:S b:C"))


def test_a_rule_stands_on_all_that_it_looks_at_however_little_is_told() -> None:
    named = [f"data.v{place}" for place in range(9)]
    of_all = rule(" && ".join(f'{name} == "a"' for name in named))

    def judged(last: str):
        given = {name.removeprefix("data."): '"b"' for name in named} | {"v8": f'"{last}"'}
        [found] = rules.prospects(see("saga.started", of_all, values=given), [])
        return found.proof, found.detail

    assert len(judged("b")[1]["values"]) == 9
    assert grounds.are_other(judged("b"), judged("c"))
    assert not grounds.are_other(judged("b"), judged("b"))


def test_linked_sagas_that_are_not_told_count_too() -> None:
    mine = see(PAID, rule("!others.exists(o, o.steps.charge.open)"), order="1")
    others = [see(PAID, rule("true"), order="1") for _ in range(8)]
    more = [*others, see(f"{PAID} ship:C", rule("true"), order="1")]

    def judged(linked):
        [found] = rules.prospects(mine, linked)
        return found.proof, found.detail

    assert len(judged(others)[1]["others"]) == len(judged(more)[1]["others"])
    assert grounds.are_other(judged(others), judged(more))


def test_conflicts_of_one_step_share_what_is_at_work_beside_it() -> None:
    text = ORDER + (
        "conflicts:\n"
        "  - {with: order, key: order, steps: [charge], their: [ship]}\n"
        "  - {with: order, key: order, steps: [charge], their: [charge]}\n"
    )
    definition = definitions.parse(text, "x.yaml")
    mine, ships, charges = (see(words, definition, order="1") for words in ("charge:S", "ship:S", "charge:S"))

    def judged(*linked):
        named = [replace(sight, saga_id=f"r-{place}") for place, sight in enumerate(linked)]
        [found] = conflicts.prospects(mine, named)
        return found.proof, found.detail

    assert judged(ships, charges)[1]["rivals"] == ["r-0", "r-1"]
    assert grounds.are_other(judged(ships), judged(ships, charges))
    assert not grounds.are_other(judged(ships, charges), judged(ships))


@pytest.mark.django_db
class TestAccepted:
    def test_another_value_brings_a_broken_rule_back(self) -> None:
        define(SMALL)
        put(PAID, now=NOW, amount=50)
        sweep(at(5))
        finding = accepted(Code.RULE_BROKEN)
        put("saga.note", first=3, now=at(10), amount=50)
        sweep(at(20))
        assert is_accepted(finding), "the same value is told again"
        put("saga.note", first=4, now=at(30), amount=500_000)
        sweep(at(40))
        assert not is_accepted(finding)
        assert finding.detail["values"] == {"data.amount": "500000"}
        assert finding.evidence == evidence("0")
        assert turns(finding) == ["opened", "accepted", "reopened"]
        assert Saga.objects.get().condition == "inconsistent"

    def test_more_that_is_missing_brings_a_gap_back(self) -> None:
        define(COUNTED)
        number(1, 3, 5, now=NOW)
        sweep(at(100))
        finding = accepted(Code.SEQUENCE_GAP)
        number(2, now=at(200))
        sweep(at(300))
        assert (is_accepted(finding), finding.detail["missing"]) == (True, 1)
        number(900, now=at(400))
        sweep(at(500))
        assert (is_accepted(finding), finding.detail["missing"]) == (False, 895)

    def test_another_rival_brings_a_conflict_back(self) -> None:
        define(CONFLICT, REFUND)
        put("charge:S", now=NOW)
        put("pay-out:S", "r-1", type="refund", now=NOW)
        sweep(at(1))
        sweep(at(2))
        finding = accepted(Code.OVERLAPPING_SAGAS)
        put("pay-out:S", "r-2", type="refund", now=at(3))
        sweep(at(4))
        sweep(at(5))
        assert not is_accepted(finding)
        assert [other["id"] for other in finding.detail["others"]] == ["r-1"]

    def test_what_was_accepted_before_grounds_were_kept_stays_so(self) -> None:
        define(NOT_REFUNDED, REFUND)
        put("saga.started charge:S charge:C ship:S ship:C", now=NOW)
        put("pay-out:S pay-out:C", "r-1", type="refund", now=NOW)
        sweep(at(60))
        sweep(at(61))
        finding = accepted(Code.RULE_BROKEN)
        detail = {name: value for name, value in finding.detail.items() if name != "witnesses"}
        Finding.objects.filter(pk=finding.pk).update(detail=detail)
        make_due(at(70))
        sweep(at(70))
        assert is_accepted(finding)
        assert "witnesses" in finding.detail, "what it stands on is kept from now on"

    def test_a_value_that_changed_since_it_was_looked_at_is_not_accepted(self) -> None:
        define(SMALL)
        put(PAID, now=NOW, amount=50)
        sweep(at(5))
        finding = Finding.objects.get(code=Code.RULE_BROKEN)
        seen = acceptance.of_finding(finding)
        put("saga.note", first=3, now=at(10), amount=500_000)
        sweep(at(20))
        with pytest.raises(acceptance.ChangedError):
            acceptance.accept(finding, ADA, "50 is fine", seen)
        assert not AuditEntry.objects.filter(action="finding.accepted").exists()


@pytest.mark.django_db(transaction=True)
def test_of_a_whole_problem_what_grew_meanwhile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between what was confirmed and what is written one amount changes, and one is told in other words."""
    define(SMALL)
    for place in range(3):
        put(PAID, f"o-{place}", now=NOW, order=str(place), amount=50)
    sweep(at(5))
    problem = Finding.objects.filter(code=Code.RULE_BROKEN)[0].problem
    confirm = accepting._confirm

    def overtaken(*given):
        waiting = confirm(*given)
        put("saga.note", "o-1", first=3, order="1", now=at(10), amount=500_000)
        sweep(at(20))
        other = Finding.objects.get(saga__saga_id="o-2", code=Code.RULE_BROKEN)
        Finding.objects.filter(pk=other.pk).update(detail=other.detail | {"message": "in other words"})
        return waiting

    monkeypatch.setattr(accepting, "_confirm", overtaken)
    told = acceptance.accept_all(problem, ADA, "known", 3, acceptance.of_problem(problem))
    assert (told.accepted, told.left) == (2, 1)
    waiting = Finding.objects.filter(code=Code.RULE_BROKEN, accepted_at=None)
    assert list(waiting.values_list("saga__saga_id", flat=True)) == ["o-1"]
