"""Microsoft Teams, by a workflow that takes a webhook request."""

from sagas.alerts.channels.teams.sending import teams

KIND = teams()
