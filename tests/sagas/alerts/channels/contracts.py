"""What all channels over HTTP have in common: a service, a kind that leads there, and a config that works."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sagas.alerts.channels import alertmanager, opsgenie, pagerduty, slack, teams
from sagas.alerts.channels.kind import SECRETS, Destination, Kind, Sent
from sagas.alerts.channels.opsgenie.sending import opsgenie as opsgenie_at
from sagas.alerts.channels.pagerduty.sending import pagerduty as pagerduty_at
from sagas.alerts.channels.slack.bot import bot as slack_app_at
from sagas.alerts.channels.slack.webhook import webhook as slack_webhook_at
from sagas.alerts.channels.teams.sending import teams as teams_at
from sagas.alerts.message import Message
from tests.sagas.alerts.services import alertmanager as alertmanager_service
from tests.sagas.alerts.services import opsgenie as opsgenie_service
from tests.sagas.alerts.services import pagerduty as pagerduty_service
from tests.sagas.alerts.services import slack as slack_service
from tests.sagas.alerts.services import teams as teams_service
from tests.sagas.alerts.services.server import Service, serve


@dataclass
class Line:
    """`wrong`: the config with a credential that nobody there knows. `secret`: what must not be kept."""

    kind: Kind
    shipped: Kind
    service: Any
    config: dict[str, Any]
    wrong: dict[str, Any]
    secret: str

    def destination(self, config: Mapping[str, Any] | None = None) -> Destination:
        config = self.config if config is None else config
        hidden = [config.get(field.name, "") for field in self.kind.fields if field.type in SECRETS]
        (target,) = self.kind.targets(config, "")
        return Destination("It", config, target, tuple(filter(None, hidden)))

    def send(self, message: Message, state: Mapping[str, Any] | None = None) -> Sent:
        return self.kind.send(message, self.destination().hiding(message), state or {})


def _slack_webhook(service: slack_service.Slack) -> Line:
    url = service.url + slack_service.PATH
    wrong = url.replace("abcdef", "ghijkl")
    kind = slack_webhook_at((service.url,))
    return Line(kind, slack.WEBHOOK, service, {"url": url}, {"url": wrong}, slack_service.PATH)


def _slack_app(service: slack_service.Slack) -> Line:
    config = {"token": slack_service.TOKEN, "channel": "#alerts"}
    kind = slack_app_at(f"{service.url}/api")
    return Line(kind, slack.BOT, service, config, config | {"token": "xoxb-0000000000-x"}, config["token"])


def _teams(service: teams_service.Teams) -> Line:
    wrong = service.address.replace(teams_service.SIGNATURE, "another")
    kind = teams_at("http", ("127.0.0.1",))
    config = {"url": service.address}
    return Line(kind, teams.KIND, service, config, {"url": wrong}, teams_service.SIGNATURE)


def _pagerduty(service: pagerduty_service.PagerDuty) -> Line:
    config = {"key": pagerduty_service.KEY, "region": "eu"}
    kind = pagerduty_at({"us": "http://127.0.0.1:1", "eu": service.url})
    return Line(kind, pagerduty.KIND, service, config, config | {"key": "f" * 32}, config["key"])


def _opsgenie(service: opsgenie_service.Opsgenie) -> Line:
    config = {"key": opsgenie_service.KEY, "region": "eu"}
    kind = opsgenie_at({"us": "http://127.0.0.1:1", "eu": service.url})
    return Line(kind, opsgenie.KIND, service, config, config | {"key": "f" * 36}, config["key"])


def _alertmanager(service: alertmanager_service.Alertmanager) -> Line:
    config = {
        "urls": (f"{service.url}/",),
        "user": alertmanager_service.USER,
        "password": alertmanager_service.PASSWORD,
    }
    kind = alertmanager.KIND
    return Line(kind, kind, service, config, config | {"password": "wrong"}, config["password"])


LINES = {
    "slack_webhook": (slack_service.Slack, _slack_webhook),
    "slack": (slack_service.Slack, _slack_app),
    "teams": (teams_service.Teams, _teams),
    "pagerduty": (pagerduty_service.PagerDuty, _pagerduty),
    "opsgenie": (opsgenie_service.Opsgenie, _opsgenie),
    "alertmanager": (alertmanager_service.Alertmanager, _alertmanager),
}


@contextmanager
def line_to(name: str) -> Iterator[Line]:
    """Whatever a test sends must be as the service wants it, or the test says so."""
    make, lead = LINES[name]
    service: Service = make()
    with serve(service):
        yield lead(service)
    assert not service.wrong


def wrongly_signed(line: Line) -> Line:
    return replace(line, config=line.wrong)
