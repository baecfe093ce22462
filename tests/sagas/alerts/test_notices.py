"""What is told that is about no problem reaches the same people, in the same way."""

import pytest
from django.utils import timezone

from sagas.alerts import notices
from sagas.alerts.delivery import deliver
from sagas.models import Alert, Delivery
from tests.sagas.alerts.receivers import MailServer, Receiver

pytestmark = pytest.mark.django_db

LINK = "https://amends.example/batches/7/"


def say(title: str) -> None:
    notices.write(
        title, "anna planned it", LINK, "somebody must agree", timezone.now(), lines=["Many at once."]
    )


def test_a_notice_goes_by_mail_and_webhook(mails: MailServer, hooks: Receiver) -> None:
    say("B-7 waits\u202e\nfor agreement")
    deliver()
    (mail,) = mails.mails
    assert mail["Subject"] == "[Amends] B-7 waits for agreement"
    text = mail.get_body(("plain",)).get_content()
    for words in ("anna planned it", LINK):
        assert words in text
    (hook,) = hooks.hooks
    assert hook.body["data"]["title"] == "B-7 waits for agreement" and hook.body["data"]["link"] == LINK
    assert {one.state for one in Delivery.objects.all()} == {"sent"}


def test_where_there_is_nobody_to_tell_the_alert_is_kept() -> None:
    say("B-7 waits for agreement")
    assert Alert.objects.get().problem is None and not Delivery.objects.exists()
