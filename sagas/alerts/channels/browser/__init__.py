"""Notifications of the browsers in which the console is open."""

from sagas.alerts.channels.browser.sending import KIND

__all__ = ["KIND"]
