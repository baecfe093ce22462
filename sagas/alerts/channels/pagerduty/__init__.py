"""PagerDuty, by its Events API v2."""

from sagas.alerts.channels.pagerduty.sending import pagerduty

KIND = pagerduty()
