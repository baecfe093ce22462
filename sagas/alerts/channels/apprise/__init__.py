"""Everything else, by Apprise: an extra of pyproject.toml, offered only where it is installed."""

from sagas.alerts.channels.apprise.sending import KIND

__all__ = ["KIND"]
