"""What pages people: PagerDuty, Opsgenie and the Alertmanager hold a problem open until it is over."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagas.alerts.channels.alertmanager.alerts import HOLD
from sagas.alerts.channels.alertmanager.sending import KIND as ALERTMANAGER
from sagas.alerts.channels.kind import DeliveryError
from tests.sagas.alerts.channels.contracts import Line, line_to
from tests.sagas.alerts.channels.messages import ACKNOWLEDGE, ID, hostile, message
from tests.sagas.alerts.services.alertmanager import PASSWORD


@pytest.fixture
def pagerduty() -> Iterator[Line]:
    with line_to("pagerduty") as line:
        yield line


@pytest.fixture
def opsgenie() -> Iterator[Line]:
    with line_to("opsgenie") as line:
        yield line


@pytest.fixture
def alertmanager() -> Iterator[Line]:
    with line_to("alertmanager") as line:
        yield line


def test_an_incident_follows_its_problem(pagerduty: Line) -> None:
    for occasion, state, severity in (
        ("opened", "triggered", "error"),
        ("worsened", "triggered", "critical"),
        ("acknowledged", "acknowledged", "critical"),
        ("resolved", "resolved", "critical"),
        ("reopened", "triggered", "error"),
    ):
        pagerduty.send(message(occasion))
        assert pagerduty.service.incidents == {"amends-7": state}
        assert pagerduty.service.severities == {"amends-7": severity}


def test_an_event_says_it_all(pagerduty: Line) -> None:
    pagerduty.send(message())
    event = pagerduty.service.requests[0].json
    assert event["payload"]["summary"] == "order-fulfilment: ship parcel never answered · 12 sagas"
    assert (event["payload"]["source"], event["payload"]["component"]) == ("shipping", "ship-parcel")
    details = event["payload"]["custom_details"]
    assert (details["Owner"], details["At stake"]) == ("orders-oncall@shop.example", "EUR 1,204.50")
    assert (details["Sagas that have it"], details["Message"]) == (["order-8492"], str(ID))
    assert [link["text"] for link in event["links"]] == ["See and repair", "Acknowledge", "Snooze", "Runbook"]
    assert event["client_url"] == "https://amends.shop.example/problems/7/"


@pytest.mark.parametrize("occasion", ["test", "notice"])
def test_what_is_about_no_problem_says_where_it_comes_from(
    pagerduty: Line, settings: Any, occasion: str
) -> None:
    settings.BASE_URL = "https://amends.shop.example"
    pagerduty.send(message(occasion))
    # Nobody else would end a test.
    assert pagerduty.service.incidents == {"amends-7": "resolved" if occasion == "test" else "triggered"}
    assert pagerduty.service.requests[0].json["payload"]["source"] == "amends.shop.example"


def test_a_wrong_routing_key_is_told(pagerduty: Line) -> None:
    pagerduty.config["key"] = "f" * 32
    with pytest.raises(DeliveryError, match="Invalid routing key") as raised:
        pagerduty.send(message())
    assert raised.value.permanent
    pagerduty.service.wrong.clear()


def test_an_alert_follows_its_problem(opsgenie: Line) -> None:
    state = opsgenie.send(message()).state
    alert = opsgenie.service.alerts["amends-7"]
    assert (alert.status, alert.content["priority"], alert.count, alert.notes) == ("open", "P2", 1, [])
    state = opsgenie.send(message("worsened"), state).state
    assert (alert.status, alert.content["priority"], alert.count) == ("open", "P1", 2)
    assert alert.notes == ["order-fulfilment: ship parcel never answered · 120 sagas, was 12"]
    opsgenie.send(message("acknowledged"), state)
    assert (alert.status, alert.is_acknowledged, alert.notes[1]) == ("open", True, "kim sees to it.")
    state = opsgenie.send(message("resolved"), state).state
    assert (alert.status, alert.notes[2]) == ("closed", "No saga has this problem any more. 12 sagas had it.")
    opsgenie.send(message("reopened"), state)
    assert opsgenie.service.alerts["amends-7"] is not alert


def test_an_alert_says_it_all_within_what_opsgenie_takes(opsgenie: Line) -> None:
    opsgenie.send(message())
    content = opsgenie.service.alerts["amends-7"].content
    assert content["message"] == "order-fulfilment: ship parcel never answered · 12 sagas"
    assert content["tags"] == ["order-fulfilment", "step_in_doubt"]
    assert (content["entity"], content["details"]["Owner"]) == ("shipping", "orders-oncall@shop.example")
    for words in ("has not answered.", "order-8492", f"Acknowledge: {ACKNOWLEDGE}", str(ID)):
        assert words in content["description"]


def test_a_test_alert_is_closed_at_once(opsgenie: Line) -> None:
    opsgenie.send(message("test"))
    alert = opsgenie.service.alerts["amends-7"]
    assert (alert.status, alert.content["priority"]) == ("closed", "P5")


@pytest.mark.parametrize("name", ["opsgenie", "alertmanager"])
def test_what_is_passed_on_calls_nobody_there(name: str) -> None:
    with line_to(name) as line:
        line.send(hostile("opened"))
        text = line.service.requests[0].body.decode()
    assert "@\N{WORD JOINER}everyone" in text
    assert not [
        words for words in ("<!channel", "<script", "<@U", "@everyone", "@here", "](http") if words in text
    ]


def test_an_alert_holds_until_it_is_over(alertmanager: Line) -> None:
    now = datetime.now(UTC)
    sent = alertmanager.send(message())
    (alert,) = alertmanager.service.firing(now)
    assert alert["labels"] == {
        "alertname": "step_in_doubt",
        "amends_thread": "amends-7",
        "saga_type": "order-fulfilment",
        "step": "ship-parcel",
        "participant": "shipping",
        "severity": "error",
    }
    assert alert["annotations"]["summary"] == "order-fulfilment: ship parcel never answered · 12 sagas"
    assert alert["annotations"]["runbook_url"] == "https://runbooks.shop.example/order"
    assert alert["annotations"]["acknowledge"] == ACKNOWLEDGE
    assert alert["startsAt"] == message().at.isoformat()
    assert timedelta(0) <= datetime.fromisoformat(alert["endsAt"]) - now - HOLD < timedelta(seconds=30)
    over = alertmanager.send(message("resolved"), sent.state)
    assert not alertmanager.service.firing(datetime.now(UTC))
    assert len(alertmanager.service.alerts) == 1
    assert over.state == {}


def test_another_severity_is_another_alert_and_the_old_one_ends(alertmanager: Line) -> None:
    sent = alertmanager.send(message())
    # In a storm the worst problem may be another one by now: the alert stays the one that it was.
    sent = alertmanager.send(message("worsened", saga_type="return", step="refund", code="x"), sent.state)
    (alert,) = alertmanager.service.firing(datetime.now(UTC))
    assert (alert["labels"]["severity"], alert["labels"]["step"]) == ("critical", "ship-parcel")
    assert len(alertmanager.service.alerts) == 2
    alertmanager.send(message("resolved"), sent.state)
    assert not alertmanager.service.firing(datetime.now(UTC))


def test_nothing_ends_before_it_begins(alertmanager: Line) -> None:
    sent = alertmanager.send(message(at=datetime.now(UTC) + timedelta(seconds=5)))
    alertmanager.send(message("resolved"), sent.state)
    (alert,) = alertmanager.service.alerts.values()
    assert alert["startsAt"] == alert["endsAt"]


def test_a_test_ends_by_itself(alertmanager: Line) -> None:
    alertmanager.send(message("test"))
    assert alertmanager.service.firing(datetime.now(UTC))
    assert not alertmanager.service.firing(datetime.now(UTC) + timedelta(minutes=6))


def test_an_alertmanager_may_want_a_token(alertmanager: Line) -> None:
    alertmanager.config["user"] = ""
    alertmanager.send(message())
    assert alertmanager.service.requests[0].headers["authorization"] == f"Bearer {PASSWORD}"


def test_each_member_of_a_cluster_is_told() -> None:
    urls = ("http://a:9093", "http://b:9093", "http://a:9093")
    assert list(ALERTMANAGER.targets({"urls": urls}, "")) == ["http://a:9093", "http://b:9093"]


@pytest.mark.parametrize("name", ["pagerduty", "opsgenie", "alertmanager"])
def test_a_dead_channel_is_over_where_it_was_told(name: str) -> None:
    over = {"title": "The channel “Slack” takes messages again", "explanation": "Nobody is told in its stead"}
    over |= {"code": "", "severity": "", "condition": "", "problem": None, "saga_type": "", "step": ""}
    with line_to(name) as line:
        sent = line.send(message("notice"))
        line.send(message("resolved", **over, participant=""), sent.state)
        match name:
            case "pagerduty":
                assert line.service.incidents == {"amends-7": "resolved"}
            case "opsgenie":
                assert [one.status for one in line.service.alerts.values()] == ["closed"]
                assert "Nobody is told in its stead." in line.service.requests[-1].body.decode()
            case _:
                assert len(line.service.alerts) == 1
                assert not line.service.firing(datetime.now(UTC))
