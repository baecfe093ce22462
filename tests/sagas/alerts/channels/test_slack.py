"""Slack's two ways: what they post, how the app's thread goes on, and what is meant for good."""

from collections.abc import Iterator

import pytest

from sagas.alerts.channels.kind import DeliveryError
from tests.sagas.alerts.channels.contracts import Line, line_to
from tests.sagas.alerts.channels.messages import ACKNOWLEDGE, ID, SNOOZE, STORM, hostile, message
from tests.sagas.alerts.services.server import Reply
from tests.sagas.alerts.services.slack import CHANNEL


@pytest.fixture
def app() -> Iterator[Line]:
    with line_to("slack") as line:
        yield line


@pytest.fixture
def webhook() -> Iterator[Line]:
    with line_to("slack_webhook") as line:
        yield line


def words_of(content: dict) -> str:
    """All that is seen of a message."""
    found = []
    for block in content["blocks"]:
        for part in block.get("elements", [block]):
            found += [element["text"] for element in part.get("elements", []) if "text" in element]
            found += [part["text"]["text"]] if "text" in part else []
    return " ".join(found)


def test_a_message_says_it_all_and_leads_to_where_one_can_act(webhook: Line) -> None:
    webhook.send(message())
    content = webhook.service.requests[0].json
    assert content["text"] == "order-fulfilment: ship parcel never answered · 12 sagas"
    for words in (
        "shipping was asked to ship parcel at 10:02:07 UTC and has not answered.",
        "EUR 1,204.50",
        "2 Jan 2026 10:02:37 UTC",
        "orders-oncall@shop.example",
        "https://runbooks.shop.example/order",
        "order-8492",
        "and 11 more",
        "route “shop”",
    ):
        assert words in words_of(content)
    buttons = content["blocks"][-1]["elements"]
    assert [(one["text"]["text"], one["url"]) for one in buttons] == [
        ("See and repair", "https://amends.shop.example/problems/7/"),
        ("Acknowledge", ACKNOWLEDGE),
        ("Snooze", SNOOZE),
    ]


def test_a_storm_names_its_problems(webhook: Line) -> None:
    webhook.send(message(**STORM))
    content = webhook.service.requests[0].json
    assert content["text"] == "shipping: 12 problems · 12 sagas"
    assert "problem 8" in words_of(content)


def test_hostile_text_stands_there_to_the_letter_and_calls_nobody(webhook: Line) -> None:
    webhook.send(hostile("opened"))
    content = webhook.service.requests[0].json
    # The service has looked for control characters in what Slack reads them in.
    assert "&lt;!channel&gt;" in content["text"]
    assert "[click](https://evil.example)" in words_of(content)
    assert {element["type"] for element in content["blocks"][1]["elements"][0]["elements"]} == {"text"}
    assert not content["mrkdwn"] and not content["unfurl_links"]


def test_the_first_message_is_kept_up_to_date_and_news_are_replies(app: Line) -> None:
    sent = app.send(message())
    assert sent.state == {"named": "#alerts", "channel": CHANNEL, "ts": "1700000000.000001"}
    assert app.service.messages["1700000000.000001"]["metadata"]["event_payload"]["id"] == str(ID)
    for place, (occasion, is_broadcast) in enumerate(
        (("worsened", True), ("acknowledged", False), ("resolved", False), ("reopened", True)), 2
    ):
        again = app.send(message(occasion), sent.state)
        assert again.state == sent.state
        first, reply = (
            app.service.messages["1700000000.000001"],
            app.service.messages[f"1700000000.00000{place}"],
        )
        assert first["text"] == reply["text"]
        assert (reply["thread_ts"], reply["reply_broadcast"]) == ("1700000000.000001", is_broadcast)
        assert "thread_ts" not in first
    assert len(app.service.messages) == 5


def test_where_it_is_over_there_is_nothing_to_acknowledge(app: Line) -> None:
    sent = app.send(message())
    app.send(message("resolved"), sent.state)
    first = app.service.messages[str(sent.state["ts"])]
    assert [one["text"]["text"] for one in first["blocks"][-1]["elements"]] == ["Look at it"]
    assert first["text"].startswith("Resolved: ")


def test_a_thread_whose_first_message_was_deleted_begins_anew(app: Line) -> None:
    sent = app.send(message())
    app.service.messages.clear()
    again = app.send(message("worsened"), sent.state)
    (content,) = app.service.messages.values()
    assert "thread_ts" not in content
    assert again.state["ts"] in app.service.messages


def test_a_thread_begins_anew_in_another_channel(app: Line) -> None:
    sent = app.send(message())
    app.config["channel"] = CHANNEL
    again = app.send(message("worsened"), sent.state)
    assert again.state["named"] == CHANNEL
    assert "thread_ts" not in app.service.messages[str(again.state["ts"])]


def test_a_first_message_that_may_not_be_changed_is_replied_to(app: Line) -> None:
    sent = app.send(message())
    app.service.replies = [Reply(200, {"ok": False, "error": "edit_window_closed"})]
    app.send(message("worsened"), sent.state)
    assert app.service.messages["1700000000.000002"]["thread_ts"] == sent.state["ts"]


@pytest.mark.parametrize(
    ("error", "is_permanent"),
    [
        ("invalid_auth", True),
        ("token_revoked", True),
        ("channel_not_found", True),
        ("is_archived", True),
        ("not_in_channel", True),
        ("ratelimited", False),
        ("internal_error", False),
        ("service_unavailable", False),
    ],
)
def test_slack_refuses_in_words(app: Line, error: str, is_permanent: bool) -> None:
    app.service.replies = [Reply(200, {"ok": False, "error": error})]
    with pytest.raises(DeliveryError, match=f"Slack refused it: {error}") as raised:
        app.send(message())
    assert raised.value.permanent == is_permanent
    assert error in raised.value.answer


def test_something_else_that_answers_is_not_slack(app: Line) -> None:
    app.service.replies = [Reply(200, "<html>Sign in to the wifi</html>")]
    with pytest.raises(DeliveryError, match="not Slack") as raised:
        app.send(message())
    assert not raised.value.permanent


def test_an_archived_channel_is_gone(app: Line, webhook: Line) -> None:
    for line in (app, webhook):
        line.service.archived = True
        with pytest.raises(DeliveryError, match="archived") as raised:
            line.send(message())
        assert raised.value.permanent
