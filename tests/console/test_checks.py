"""Unsafe settings stop the start of everything that serves, and say which they are."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from console import accounts, checks
from console.environment import ROOT


@pytest.mark.parametrize(
    ("unsafe", "name"),
    [
        ({"SECRET_KEY": "unset-" + "0" * 50}, "amends.E001"),
        ({"SECRET_KEY": "short"}, "amends.E001"),
        ({"ENCRYPTION_KEYS": []}, "amends.E002"),
        ({"ENCRYPTION_KEYS": ["no key"]}, "amends.E003"),
        ({"ALLOWED_HOSTS": ["*"]}, "amends.E004"),
        ({"ALERT_WEBHOOK_URLS": ["https://hooks.example"], "ALERT_WEBHOOK_SECRET": ""}, "amends.E005"),
        ({"AUDIT_ANCHOR_WEBHOOK_URLS": ["https://hooks.example"], "ALERT_WEBHOOK_SECRET": ""}, "amends.E005"),
        (
            {"AUDIT_ANCHOR_WEBHOOK_URLS": ["ftp://hooks.example"], "ALERT_WEBHOOK_SECRET": "whsec_YQ=="},
            "amends.E008",
        ),
        ({"BASE_URL": "http://amends.example", "SECURE_COOKIES": False, "DEMO": False}, "amends.E006"),
        ({"ALERT_EMAIL_TO": ["oncall@shop.example", "oncall"]}, "amends.E007"),
        (
            {"ALERT_WEBHOOK_URLS": ["ftp://hooks.example"], "ALERT_WEBHOOK_SECRET": "whsec_YQ=="},
            "amends.E008",
        ),
        ({"ALERT_WEBHOOK_URLS": ["http://[hooks"], "ALERT_WEBHOOK_SECRET": "whsec_YQ=="}, "amends.E008"),
        ({"ALERT_WEBHOOK_SECRET": "whsec_!"}, "amends.E009"),
        ({"ALERT_WEBHOOK_SECRET": "whsec_"}, "amends.E009"),
    ],
)
def test_what_is_unsafe_is_named(settings: Any, unsafe: dict[str, Any], name: str) -> None:
    for setting, value in unsafe.items():
        setattr(settings, setting, value)
    with pytest.raises(SystemExit, match=f"^{name}: "):
        checks.refuse_unsafe_settings()


def test_the_settings_of_these_tests_are_safe() -> None:
    checks.refuse_unsafe_settings()


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "console.asgi:application", "--port", "0"],
        ["celery", "-A", "console", "worker", "--pool", "solo"],
        ["celery", "-A", "console", "beat"],
    ],
    ids=lambda command: command[-1],
)
def test_nothing_that_serves_starts_with_them(command: list[str]) -> None:
    given = {**os.environ, "ALLOWED_HOSTS": "*", "DJANGO_SETTINGS_MODULE": "console.settings"}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=given, capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert "amends.E004: ALLOWED_HOSTS must not be '*'." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.django_db
@pytest.mark.parametrize("is_demo", [True, False])
def test_the_passwords_of_the_demo_open_nothing_else(settings: Any, is_demo: bool) -> None:
    settings.DEMO = is_demo
    User.objects.create_user("operator", password=accounts.demo_password("operator"))
    client = Client()
    client.post("/accounts/login/", {"login": "operator", "password": "operator-demo"})
    assert ("_auth_user_id" in client.session) is is_demo
