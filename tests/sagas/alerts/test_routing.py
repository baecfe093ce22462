"""Who hears, when, and why: conditions and routes as tables."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas.alerts import matching, routing
from sagas.alerts.matching import Hours, Match, Subject
from sagas.alerts.routing import Route, Step
from sagas.definitions.fields import Seconds
from sagas.vocabulary import Code, Severity

# A Wednesday.
NOW = datetime(2026, 1, 7, 10, 2, tzinfo=UTC)
SUBJECT = Subject(
    saga_type="order",
    step="ship",
    code="step_in_doubt",
    condition="in_doubt",
    severity="error",
    participant="shipping",
    owner="orders@shop.example",
    count=12,
    stake={"EUR": Decimal("900.50"), "": Decimal(4)},
)
DEFAULT = Route(name="default", steps=(Step(("mail",)),))


@pytest.mark.parametrize(
    ("match", "why"),
    [
        ({}, ""),
        ({"saga_types": ["payment", "ord*"]}, ""),
        ({"saga_types": ["payment"]}, "its saga type is order, not payment"),
        ({"codes": ["step_in_doubt"], "severities": ["error"], "conditions": ["in_doubt"]}, ""),
        ({"severities": ["critical"]}, "its severity is error, not critical"),
        ({"participants": ["ship*"], "owners": ["*@shop.example"]}, ""),
        ({"owners": ["ops@*", "x"]}, "its owner is orders@shop.example, not ops@* or x"),
        ({"count_from": 12}, ""),
        ({"count_from": 13}, "12 sagas have it, fewer than 13"),
        ({"stake_from": 900.5}, ""),
        ({"stake_from": 900.51, "stake_currency": "eur"}, "less than 900.51 eur is at stake"),
        ({"stake_from": 5, "stake_currency": "USD"}, "less than 5.00 USD is at stake"),
        ({"hours": {"from": "09:00", "to": "17:00"}}, ""),
        (
            {"hours": {"from": "09:00", "to": "17:00", "zone": "America/New_York"}},
            "it is not Mon, Tue, Wed, Thu, Fri 09:00–17:00 America/New_York",
        ),
        ({"when": "count > 10 && stake.EUR >= 900.0"}, ""),
        ({"when": "weekday > 5"}, "`weekday > 5` is not true"),
        ({"saga_types": ["x"], "when": "stake.USD > 1.0"}, "its saga type is order, not x"),
    ],
)
def test_why_a_condition_does_not_hold(match: dict[str, Any], why: str) -> None:
    assert matching.read(match).why_not(SUBJECT, NOW) == why


@pytest.mark.parametrize(
    ("start", "end", "days", "zone", "moments"),
    [
        ("09:00", "17:00", ("wed",), "UTC", {"07 08:59": 0, "07 09:00": 1, "07 17:00": 0, "08 10:00": 0}),
        ("22:00", "06:00", ("wed",), "UTC", {"07 05:00": 0, "07 22:00": 1, "08 05:59": 1, "08 06:00": 0}),
        ("00:00", "00:00", ("wed",), "UTC", {"07 00:00": 1, "07 23:59": 1, "08 00:00": 0}),
        ("09:00", "17:00", ("thu",), "Asia/Tokyo", {"07 23:59": 0, "08 00:00": 1, "08 08:00": 0}),
    ],
)
def test_hours(start: str, end: str, days: Any, zone: str, moments: dict[str, int]) -> None:
    hours = matching.read({"hours": {"from": start, "to": end, "days": list(days), "zone": zone}}).hours
    assert hours
    for moment, expected in moments.items():
        assert hours.hold(datetime.fromisoformat(f"2026-01-{moment}+00:00")) == bool(expected), moment


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Chatham"]))
def test_outside_is_all_that_is_not_within(now: datetime, zone: str) -> None:
    within, outside = (Hours("08:30", "18:00", zone=zone, outside=flag) for flag in (False, True))
    assert within.hold(now) != outside.hold(now)


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ({"when": "count >"}, "The expression: something is missing at the end"),
        ({"when": "count + 1"}, "must give bool"),
        ({"hours": {"from": "09:00", "to": "17:00", "zone": "Europe/Nowhere"}}, "is no time zone"),
        ({"hours": {"from": "09:00", "to": "17:00", "zone": "../../etc/passwd"}}, "is no time zone"),
    ],
)
def test_what_cannot_hold_is_refused(match: dict[str, Any], said: str) -> None:
    (complaint,) = matching.read(match).complaints()
    assert said in complaint


def route(name: str, *, go_on: bool = False, **match: Any) -> Route:
    return Route(name=name, match=matching.read(match), steps=(Step((name,)),), go_on=go_on)


def test_the_first_route_that_holds_is_taken_and_the_others_say_why_not() -> None:
    routes = [
        route("critical", severities=["critical"]),
        route("money", go_on=True, stake_from=500),
        Route(name="off", steps=(Step(("off",)),), is_enabled=False),
        route("broken", go_on=True, when="stake.USD > 1.0"),
        route("orders", saga_types=["order"]),
        route("all"),
    ]
    answer = routing.ask(SUBJECT, routes, DEFAULT, NOW)
    assert [one.route.name for one in answer.hearings] == ["money", "broken", "orders"]
    assert answer.at_once == ("money", "broken", "orders")
    assert answer.hearings[1].doubt == 'nobody can tell whether it is meant: there is no "USD"'
    assert {one.route.name: one.why for one in answer.passed} == {
        "critical": "its severity is error, not critical",
        "off": "it is switched off",
        "all": "an earlier route held and is the last to be asked",
    }


def test_the_default_is_taken_where_no_other_holds() -> None:
    (hearing,) = routing.ask(SUBJECT, [route("x", count_from=99)], DEFAULT, NOW).hearings
    assert (hearing.route, hearing.is_default) == (DEFAULT, True)


def test_when_each_step_is_taken_if_nobody_acknowledges() -> None:
    escalating = Route(
        name="on call",
        steps=(Step(("first",), Seconds(60)), Step(("first", "second"), Seconds(600))),
        repeats=1,
        repeat_after=Seconds(1800),
    )
    steps = routing.steps_of(escalating, NOW)
    assert [(one.number, (one.at - NOW) / timedelta(minutes=1), one.channels) for one in steps] == [
        (0, 1, ("first",)),
        (1, 11, ("first", "second")),
        (2, 41, ("first",)),
        (3, 51, ("first", "second")),
    ]
    assert [routing.because(escalating, one.number) for one in steps] == [
        "route “on call”",
        "step 2 of route “on call”, as nobody saw to it for 10 min",
        "step 1 of route “on call”, for the 2nd time, as nobody saw to it for 30 min",
        "step 2 of route “on call”, for the 2nd time, as nobody saw to it for 10 min",
    ]
    assert routing.read(routing.to_json(escalating)) == escalating


def test_conditions_in_words() -> None:
    match = Match(
        saga_types=("order", "pay*"),
        codes=(Code.STEP_IN_DOUBT,),
        severities=(Severity.CRITICAL,),
        count_from=1000,
        stake_from=50.5,
        stake_currency="EUR",
        when="count > 3",
    )
    assert str(match) == (
        "saga type order or pay*; code step_in_doubt; severity critical; from 1,000 sagas on; "
        "at stake 50.50 EUR or more; `count > 3`"
    )
    assert str(Match()) == "every problem"


def test_what_is_wrong_with_a_route() -> None:
    assert routing.complaints(route("nobody"), ["mail"]) == ["There is no channel 'nobody'."]
    assert routing.complaints(Route(name="x"), []) == ["Name at least one channel that hears of it."]
