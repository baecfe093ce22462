"""What is at stake: read from payloads without trust, the newest counts, summed exactly."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from sagas import acceptance, definitions, facts, fold, stakes
from sagas.audit import Actor
from sagas.definitions import DefinitionError
from sagas.definitions.paths import decode
from sagas.detection.sweep import sweep
from sagas.facts import Facts, Observed
from sagas.models import Finding, Problem, ProblemStake
from sagas.stakes import Stake
from sagas.vocabulary import Kind
from tests.sagas.saying import NOW
from tests.sagas.storing import define, put
from tests.sagas.test_problems import assert_counts_are_true

HEAD = 'type: order\nversion: "1"\n'
STEPS = "steps: [{name: charge, kind: pivot, deadline: 10s}]\n"


def definition(stake: str) -> definitions.Definition:
    return definitions.parse(f"{HEAD}stake: {stake}\n{STEPS}", "order.yaml")


MONEY = definition("{amount: total.amount, currency: total.currency}")


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ('{"total": {"amount": 129.90, "currency": "EUR"}}', "129.9 EUR"),
        ('{"total": {"amount": "129.90", "currency": "eur"}}', "129.9 EUR"),
        ('{"total": {"amount": 1500, "currency": "JPY"}}', "1500 JPY"),
        ('{"total": {"amount": 0, "currency": "EUR"}}', "0 EUR"),
        ('{"total": {"amount": 49.900000000000006, "currency": "EUR"}}', "49.9 EUR"),
        ('{"total": {"amount": 1.5e3, "currency": "EUR"}}', "1500 EUR"),
        ('{"total": {"amount": 999999999999999, "currency": "EUR"}}', "999999999999999 EUR"),
        # Hostile, or none.
        ('{"total": {"amount": -1, "currency": "EUR"}}', ""),
        ('{"total": {"amount": "-1", "currency": "EUR"}}', ""),
        ('{"total": {"amount": "NaN", "currency": "EUR"}}', ""),
        ('{"total": {"amount": "Infinity", "currency": "EUR"}}', ""),
        ('{"total": {"amount": 1e999999, "currency": "EUR"}}', ""),
        ('{"total": {"amount": "1e99", "currency": "EUR"}}', ""),
        ('{"total": {"amount": 1000000000000000, "currency": "EUR"}}', ""),
        (f'{{"total": {{"amount": {"9" * 4000}, "currency": "EUR"}}}}', ""),
        (f'{{"total": {{"amount": {"9" * 40000}, "currency": "EUR"}}}}', ""),
        (f'{{"total": {{"amount": 0.{"9" * 40000}, "currency": "EUR"}}}}', ""),
        ('{"total": {"amount": true, "currency": "EUR"}}', ""),
        ('{"total": {"amount": "1,000.50", "currency": "EUR"}}', ""),
        ('{"total": {"amount": "١٢", "currency": "EUR"}}', ""),
        ('{"total": {"amount": [1], "currency": "EUR"}}', ""),
        ('{"total": {"amount": 1, "currency": "<b>"}}', ""),
        ('{"total": {"amount": 1, "currency": ""}}', ""),
        ('{"total": {"amount": 1, "currency": 7}}', ""),
        ('{"total": {"amount": 1}}', ""),
        ('{"total": {"currency": "EUR"}}', ""),
        ("[1]", ""),
        ("7", ""),
        ("not json", ""),
    ],
)
def test_what_a_payload_says(payload: str, found: str) -> None:
    assert MONEY.stake_in(decode(payload)) == found


def test_the_ways_to_name_it() -> None:
    payload = {"total": "12.50", "unit": "USD"}
    assert definition("total").stake_in(payload) == "12.5"
    assert definition("{amount: total}").stake_in(payload) == "12.5"
    assert definition("{amount: total, currency: EUR}").stake_in(payload) == "12.5 EUR"
    assert definition("{amount: total, currency: unit}").stake_in(payload) == "12.5 USD"
    assert definition("{weight: 50}").stake_in(payload) == ""


@pytest.mark.parametrize(
    ("stake", "complaint"),
    [
        ("{}", "order.yaml:3:8: stake must have either an amount or a weight"),
        ("{amount: a, weight: 1}", "order.yaml:3:8: stake must have either an amount or a weight"),
        ("{weight: 1, currency: EUR}", "order.yaml:3:30: stake.currency must go"),
        ("{weight: 0}", "order.yaml:3:17: stake.weight must be at least 1"),
        ("{weight: 1.5}", "stake.weight must be a whole number"),
        ("a..b", 'order.yaml:3:8: stake must be a path such as total.amount; got "a..b"'),
        ("{amount: a b}", 'order.yaml:3:17: stake.amount must be a path such as total.amount; got "a b"'),
        ("{amount: a, currency: 'b c'}", "stake.currency must be a path such as total.currency, or EUR"),
        ("{amuont: a}", "stake.amuont is not known; did you mean amount?"),
        ("7", "stake must be"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(stake: str, complaint: str) -> None:
    with pytest.raises(DefinitionError) as error:
        definition(stake)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("1558.8", "EUR", "1,558.80 EUR"),
        ("1558.80000000", "EUR", "1,558.80 EUR"),
        ("1500", "JPY", "1,500 JPY"),
        ("0.00012", "BTC", "0.00012 BTC"),
        ("100", "", "100"),
        ("0", "EUR", "0.00 EUR"),
        ("42", "EUR", "42.00 EUR"),
        ("42", "KWD", "42.000 KWD"),
        ("0.00012", "BTC", "0.00012 BTC"),
        ("42", "points", "42 points"),
        ("99999999999999999999.99", "EUR", "99,999,999,999,999,999,999.99 EUR"),
    ],
)
def test_words(amount: str, currency: str, words: str) -> None:
    assert stakes.words(Decimal(amount), currency) == words


@given(st.decimals(0, 10**15 - 1, places=8), st.sampled_from(["", "EUR", "X1"]))
def test_what_is_found_is_read_back_exactly(amount: Decimal, currency: str) -> None:
    assert Stake.read(stakes.find(f"{amount:f}", currency)) == Stake(amount, currency)


@given(st.text())
def test_any_text_is_a_stake_or_none(text: str) -> None:
    found = stakes.find(text, "")
    assert not found or Stake.read(found).amount >= 0


def said(place: int, time: int, stake: str) -> Observed:
    return Observed("shop", str(place), Kind.SAGA_NOTE, time, stake=stake)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["", "1 EUR", "2 EUR", "3 USD"])), max_size=8),
    st.randoms(),
)
def test_the_newest_counts_in_any_order(words: list[tuple[int, str]], chance: random.Random) -> None:
    events = [said(place, time, stake) for place, (time, stake) in enumerate(words)]
    mixed = chance.sample(events, len(events))
    one, other = facts.merge(Facts(), events), facts.merge(Facts(), mixed)
    assert one.stake == other.stake
    expected = max(((event.time, event.stake) for event in events if event.stake), default=None)
    state = fold.derive(one, MONEY, NOW)
    assert state.stake == (Stake.read(expected[1]) if expected else None)


def test_a_weight_is_the_same_for_all() -> None:
    assert fold.derive(Facts(), definition("{weight: 50}"), NOW).stake == Stake(Decimal(50))
    assert fold.derive(Facts(), None, NOW).stake is None


def sums() -> dict[str, Decimal]:
    return {stake.currency: stake.amount for stake in ProblemStake.objects.all() if stake.amount}


def total(amount: str, currency: str = "EUR") -> str:
    return f'{{"total": {{"amount": {amount}, "currency": "{currency}"}}}}'


@pytest.mark.django_db
class TestSums:
    @pytest.fixture(autouse=True)
    def described(self) -> None:
        define(f"{HEAD}stake: {{amount: total.amount, currency: total.currency}}\n{STEPS}")

    def test_a_problem_is_worth_what_its_findings_are(self) -> None:
        put("saga.started charge:T", "o-1", data=total("129.90"))
        put("saga.started charge:T", "o-2", data=total("54.00"))
        put("saga.started charge:T", "o-3", data=total("7", "USD"))
        put("saga.started charge:T", "o-4")
        sweep()
        assert sums() == {"EUR": Decimal("183.9"), "USD": Decimal(7)}
        assert Finding.objects.get(saga__saga_id="o-1").at_stake == "129.90 EUR"
        assert Finding.objects.get(saga__saga_id="o-4").at_stake == ""
        put("charge:C saga.completed", "o-1", first=5)
        sweep()
        assert sums() == {"EUR": Decimal(54), "USD": Decimal(7)}
        assert_counts_are_true()

    def test_it_follows_its_saga(self) -> None:
        put("saga.started charge:T", data=total("100"))
        sweep()
        put("saga.note", first=5, data=total("80"))
        sweep()
        assert sums() == {"EUR": Decimal(80)}
        later = timezone.now() + timedelta(seconds=5)
        put("saga.note", first=6, data=total("90", "USD"), now=later)
        sweep(later)
        assert sums() == {"USD": Decimal(90)}
        assert_counts_are_true()

    def test_what_is_accepted_is_not_at_stake(self) -> None:
        put("saga.started charge:T", data=total("100"))
        sweep()
        finding = Finding.objects.get()
        acceptance.accept(finding, Actor.system(), "known", acceptance.of_finding(finding))
        assert sums() == {}
        put("saga.note", first=5, data=total("80"))
        sweep()
        assert sums() == {}
        acceptance.withdraw(finding, Actor.system())
        assert sums() == {"EUR": Decimal(80)}
        put("charge:T", first=6, data=total("70"))
        sweep()
        assert sums() == {"EUR": Decimal(70)}
        assert Problem.objects.get().open_count == 1
        assert_counts_are_true()
