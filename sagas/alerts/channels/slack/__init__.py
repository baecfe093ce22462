"""Slack, in two ways: by an incoming webhook, or by an app, whose messages change and have threads."""

from sagas.alerts.channels.slack.bot import bot
from sagas.alerts.channels.slack.webhook import webhook

WEBHOOK = webhook()
BOT = bot()
