"""Cards in Teams: that they fit, say when they do not, and what a workflow that is off answers."""

import json
from collections.abc import Iterator

import pytest

from sagas.alerts.channels.kind import DeliveryError
from sagas.alerts.channels.teams.card import LONGEST_REQUEST
from tests.sagas.alerts.channels.contracts import Line, line_to
from tests.sagas.alerts.channels.messages import ACKNOWLEDGE, STORM, hostile, message


@pytest.fixture
def teams() -> Iterator[Line]:
    with line_to("teams") as line:
        yield line


def card(line: Line) -> dict:
    return line.service.requests[-1].json["attachments"][0]["content"]


def test_a_card_says_it_all(teams: Line) -> None:
    teams.send(message(**STORM))
    text = json.dumps(card(teams), ensure_ascii=False)
    for words in ("shipping: 12 problems", "EUR 1,204.50", "Owner", "problem 8", "order-8492", "and 11 more"):
        assert words in text
    assert [action["title"] for action in card(teams)["actions"]] == [
        "See and repair",
        "Acknowledge",
        "Snooze",
    ]
    assert card(teams)["actions"][1]["url"] == ACKNOWLEDGE
    assert card(teams)["body"][0]["style"] == "warning"


@pytest.mark.parametrize(
    ("occasion", "style"),
    [("worsened", "attention"), ("resolved", "good"), ("acknowledged", "accent"), ("test", "accent")],
)
def test_its_colour_says_how_it_stands(teams: Line, occasion: str, style: str) -> None:
    teams.send(message(occasion))
    assert card(teams)["body"][0]["style"] == style


def test_what_does_not_fit_is_left_out_from_the_end_and_said(teams: Line) -> None:
    teams.send(hostile("opened", 40))
    assert len(teams.service.requests[0].body) <= LONGEST_REQUEST
    assert card(teams)["body"][-1]["inlines"][0]["text"] == "There is more than fits here."
    assert card(teams)["actions"]


def test_a_workflow_that_is_off_is_off_until_somebody_acts(teams: Line) -> None:
    teams.service.is_on = False
    with pytest.raises(DeliveryError, match="WorkflowTriggerIsNotEnabled") as raised:
        teams.send(message())
    assert raised.value.permanent
