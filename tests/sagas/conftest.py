from collections.abc import Iterator
from typing import Any

import pytest

from tests.sagas.alerts.receivers import SECRET, MailServer, Receiver, mail_server, receiver


@pytest.fixture
def mails(settings: Any) -> Iterator[MailServer]:
    with mail_server() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.ALERT_EMAIL_TO = ["oncall@shop.example"]
        settings.DEFAULT_FROM_EMAIL = "amends@shop.example"
        settings.BASE_URL = "https://amends.shop.example"
        yield server


@pytest.fixture
def hooks(settings: Any) -> Iterator[Receiver]:
    with receiver() as served:
        settings.ALERT_WEBHOOK_URLS = [served.url]
        settings.ALERT_WEBHOOK_SECRET = SECRET
        settings.BASE_URL = "https://amends.shop.example"
        yield served
