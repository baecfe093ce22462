"""Opsgenie, and what takes its place: Jira Service Management."""

from sagas.alerts.channels.opsgenie.sending import opsgenie

KIND = opsgenie()
