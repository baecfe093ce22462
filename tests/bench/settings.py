"""Amends' own settings, and the naive endpoint beside it."""

from console.settings import *  # noqa: F403
from console.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.bench.naive"]
ROOT_URLCONF = "tests.bench.urls"
# Nobody takes the messages: measures call what workers would.
CELERY_BROKER_URL = "memory://"
