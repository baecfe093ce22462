"""Prometheus Alertmanager, by its API v2: its own routes, silences and receivers take it from there."""

from sagas.alerts.channels.alertmanager.sending import KIND

__all__ = ["KIND"]
