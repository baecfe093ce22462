"""Both channels against servers that speak the real protocol."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from msgspec import convert
from standardwebhooks import Webhook, WebhookVerificationError

from sagas.alerts import registered
from sagas.alerts.channels import KINDS, calling
from sagas.alerts.channels.kind import DeliveryError, Destination, Sent
from sagas.alerts.message import Message
from sagas.models import Channel
from tests.sagas.alerts.receivers import SECRET, MailServer, Receiver

ID = UUID("01890000-0000-7000-8000-000000000001")
SUMMARY: dict[str, Any] = {
    "problem": 7,
    "occasion": "opened",
    "saga_type": "order-fulfilment",
    "type_title": "Order fulfilment",
    "step": "ship-parcel",
    "code": "step_in_doubt",
    "condition": "in_doubt",
    "severity": "error",
    "title": "ship parcel never answered",
    "explanation": "shipping was asked, then nothing for more than 30 s",
    "participant": "shipping",
    "owner": "orders-oncall@shop.example",
    "runbook": "https://runbooks.shop.example/order",
    "count": 1,
    "told_before": 0,
    "total": 1,
    "since": "2026-01-02T10:02:37Z",
    "closed_at": None,
    "story": "shipping was asked to ship parcel at 10:02:07 UTC and has not answered.",
    "link": "https://amends.shop.example/problems/7/",
    "sagas": [{"id": "order-8492", "link": "https://amends.shop.example/sagas/order-fulfilment/order-8492/"}],
}


def message(**changes: object) -> Message:
    return convert(
        SUMMARY
        | {"id": ID, "thread": "amends-7", "at": datetime(2026, 1, 2, 10, 2, 38, tzinfo=UTC)}
        | changes,
        Message,
    )


def destination(name: str, target: str) -> Destination:
    row = Channel(name=name, kind=registered.BUILT_IN[name], is_built_in=True)
    return registered.destination(row, target)


def mail_to(target: str, **changes: object) -> Sent:
    return KINDS["email"].send(message(**changes), destination("ALERT_EMAIL_TO", target), {})


def hook_to(target: str, **changes: object) -> Sent:
    return KINDS["webhook"].send(message(**changes), destination("ALERT_WEBHOOK_URLS", target), {})


def test_a_mail_has_a_text_and_a_page_that_say_it_all(mails: MailServer) -> None:
    mail_to("oncall@shop.example")
    (mail,) = mails.mails
    assert mails.recipients == ["oncall@shop.example"]
    assert mail["subject"].strip() == "[Amends] order-fulfilment: ship parcel never answered · 1 saga"
    assert (mail["from"], mail["to"]) == ("amends@shop.example", "oncall@shop.example")
    assert mail["message-id"] == f"<{ID}@amends.shop.example>"
    assert mail["auto-submitted"] == "auto-generated"
    text = mail.get_body(("plain",)).get_content()
    page = mail.get_body(("html",)).get_content()
    for words in (
        "ship parcel never answered",
        "shipping was asked, then nothing for more than 30 s.",
        "shipping was asked to ship parcel at 10:02:07 UTC and has not answered.",
        "Order fulfilment",
        "2 Jan 2026 10:02:37 UTC",
        "orders-oncall@shop.example",
        "https://runbooks.shop.example/order",
        "https://amends.shop.example/problems/7/",
        "https://amends.shop.example/sagas/order-fulfilment/order-8492/",
    ):
        assert words in text
        assert words in page
    assert not [mark for mark in ("{{", "{%", "}}", "%}") if mark in text + page]
    assert "\n\n\n" not in text.replace("\r", "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"occasion": "worsened", "count": 120, "told_before": 9},
            ["120 (9 when you last heard)", "and 119 more"],
        ),
        (
            {
                "occasion": "resolved",
                "count": 0,
                "total": 12,
                "closed_at": "2026-01-02T11:00:00+00:00",
                "story": "",
            },
            ["No saga has this problem any more. 12 sagas had it.", "2 Jan 2026 11:00:00 UTC"],
        ),
        ({"owner": "", "runbook": "", "participant": ""}, ["nobody is named"]),
    ],
)
def test_every_occasion_has_its_words(mails: MailServer, changes: dict, said: list[str]) -> None:
    mail_to("oncall@shop.example", **changes)
    text = mails.mails[0].get_body(("plain",)).get_content()
    page = mails.mails[0].get_body(("html",)).get_content()
    for words in said:
        assert words in text
        assert words in page.replace("<strong>120 sagas</strong>", "120")


HOSTILE = '<script>alert(1)</script>"><img src=x> {{ settings.SECRET_KEY }} {% now "Y" %}'


def test_hostile_text_stays_text(mails: MailServer) -> None:
    hostile = dict.fromkeys(("title", "explanation", "story", "owner", "participant", "saga_type"), HOSTILE)
    sagas = [{"id": HOSTILE, "link": "https://amends.shop.example/"}]
    mail_to("oncall@shop.example", **hostile, runbook="javascript:alert(1)", sagas=sagas)
    page = mails.mails[0].get_body(("html",)).get_content()
    assert "<script" not in page
    assert "<img" not in page
    assert "only-for-tests" not in page
    assert 'href="javascript:' not in page
    assert "{{ settings.SECRET_KEY }}" in page
    assert HOSTILE in mails.mails[0].get_body(("plain",)).get_content()
    assert len(mails.mails[0].items()) == len({name.lower() for name in mails.mails[0]})


def test_the_mails_of_one_thread_refer_to_its_first(mails: MailServer) -> None:
    first = mail_to("oncall@shop.example")
    again = KINDS["email"].send(
        message(id=UUID(int=8), occasion="resolved"),
        destination("ALERT_EMAIL_TO", "oncall@shop.example"),
        first.state,
    )
    assert mails.mails[0]["references"] is None
    assert mails.mails[1]["references"] == mails.mails[1]["in-reply-to"] == f"<{ID}@amends.shop.example>"
    assert again.state == first.state


@pytest.mark.parametrize(
    ("answer", "said"),
    [("550 no such user", "The mail server refused it: "), ("451 try later", "The mail server refused it: ")],
)
def test_a_refused_mail_says_why(mails: MailServer, answer: str, said: str) -> None:
    mails.answers = [answer]
    with pytest.raises(DeliveryError, match=said) as raised:
        mail_to("oncall@shop.example")
    assert answer[4:] in str(raised.value)
    assert not raised.value.permanent


def test_a_mail_server_that_is_away(settings: Any) -> None:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(DeliveryError, match=r"could not be reached: .+ refused"):
        mail_to("oncall@shop.example")


def test_a_webhook_is_signed_json(hooks: Receiver) -> None:
    hook_to(hooks.url)
    (hook,) = hooks.hooks  # the receiver has checked the signature
    assert hook.id == str(ID)
    assert hook.headers["content-type"] == "application/json"
    assert hook.body.keys() == {"type", "timestamp", "data"}
    assert (hook.body["type"], hook.body["timestamp"]) == ("problem.opened", "2026-01-02T10:02:38+00:00")
    assert hook.body["data"].items() >= SUMMARY.items()
    assert hook.body["data"]["thread"] == "amends-7"


def test_another_secret_does_not_verify(hooks: Receiver) -> None:
    hook_to(hooks.url)
    body = json.dumps(hooks.hooks[0].body, ensure_ascii=False)
    Webhook(SECRET).verify(body, hooks.hooks[0].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "YW5vdGhlcg==").verify(body, hooks.hooks[0].headers)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!"])
def test_without_a_secret_nothing_is_sent(hooks: Receiver, settings: Any, secret: str) -> None:
    settings.ALERT_WEBHOOK_SECRET = secret
    with pytest.raises(DeliveryError, match="is no secret to sign with"):
        hook_to(hooks.url)
    assert not hooks.hooks


def test_what_was_said_is_kept_without_the_secret(hooks: Receiver) -> None:
    hooks.answers, hooks.body = [200], f"taken, {SECRET} and all".encode()
    sent = hook_to(hooks.url, title=SECRET)
    assert sent.answer == "200 taken, ••• and all"
    assert "order-8492" in sent.request and SECRET not in sent.request


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("90000", 3600), ("soon", None)])
def test_nobody_makes_us_wait_for_long(header: str, seconds: float | None) -> None:
    assert calling.pause_of(header) == seconds


def test_a_redirect_is_not_followed(hooks: Receiver) -> None:
    hooks.answers, hooks.location = [302], hooks.url + "/elsewhere"
    with pytest.raises(DeliveryError, match="It answered 302"):
        hook_to(hooks.url)
    assert len(hooks.hooks) == 1


@pytest.mark.parametrize(
    ("status", "permanent"), [(400, False), (404, False), (410, True), (500, False), (503, False)]
)
def test_any_other_answer_is_a_failure_that_says_what_was_said(
    hooks: Receiver, status: int, permanent: bool
) -> None:
    hooks.answers, hooks.body = [status], b"no \x00\n such" + b"x" * 100_000
    with pytest.raises(DeliveryError, match=f"It answered {status}: no such") as raised:
        hook_to(hooks.url)
    assert raised.value.permanent == permanent
    assert len(str(raised.value)) < 400


def test_nobody_is_waited_for_without_end(hooks: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "LONGEST", 0.3)
    hooks.slow = 1
    with pytest.raises(DeliveryError, match="There was no answer within"):
        hook_to(hooks.url)


def test_nobody_there(settings: Any) -> None:
    settings.ALERT_WEBHOOK_URLS = ["http://127.0.0.1:1/"]
    settings.ALERT_WEBHOOK_SECRET = SECRET
    with pytest.raises(DeliveryError, match="The call failed"):
        hook_to("http://127.0.0.1:1/")
