"""The ways to reach people: one folder a kind."""

from sagas.alerts.channels.alertmanager import KIND as ALERTMANAGER
from sagas.alerts.channels.apprise import KIND as APPRISE
from sagas.alerts.channels.browser import KIND as BROWSER
from sagas.alerts.channels.email import KIND as EMAIL
from sagas.alerts.channels.kind import Kind
from sagas.alerts.channels.opsgenie import KIND as OPSGENIE
from sagas.alerts.channels.pagerduty import KIND as PAGERDUTY
from sagas.alerts.channels.slack import BOT
from sagas.alerts.channels.slack import WEBHOOK as SLACK_WEBHOOK
from sagas.alerts.channels.teams import KIND as TEAMS
from sagas.alerts.channels.webhook import KIND as WEBHOOK

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        EMAIL,
        BOT,
        SLACK_WEBHOOK,
        TEAMS,
        PAGERDUTY,
        OPSGENIE,
        ALERTMANAGER,
        WEBHOOK,
        BROWSER,
        APPRISE,
    )
}

# Of which new channels may be: all is installed that they need.
OFFERED: dict[str, Kind] = {name: kind for name, kind in KINDS.items() if kind.is_offered}

__all__ = ["KINDS", "OFFERED"]
