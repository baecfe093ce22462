"""`DATA/stack.env`: how processes and `manage.py` reach this stack; its secrets are made once and kept."""

import os
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path

from console import environment
from console.stack import ports
from console.stack.choices import Choices

NAME = "stack.env"
DEMO_PARTICIPANTS = 10  # ports kept for them, in a row


def settle(choices: Choices, given: Mapping[str, str], database_url: str, broker_url: str) -> dict[str, str]:
    """Write the file for this run and return its values; what was made before, or is given, stays."""
    path = choices.data / NAME
    known = environment.read_stack_env(path) | {name: value for name, value in given.items() if value}
    values = {
        "DATABASE_URL": database_url,
        "BROKER_URL": broker_url,
        "SECRET_KEY": known.get("SECRET_KEY") or secrets.token_urlsafe(48),
        "ENCRYPTION_KEYS": known.get("ENCRYPTION_KEYS") or _fernet_key(),
        "ALLOWED_HOSTS": given.get("ALLOWED_HOSTS") or "127.0.0.1,localhost",
        "BASE_URL": given.get("BASE_URL") or choices.url,
        "AMENDS_DEMO": str(int(choices.demo)),
    }
    if choices.demo:
        values |= _for_the_demo(known)
    _write(path, values)
    return values


def _fernet_key() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _for_the_demo(known: Mapping[str, str]) -> dict[str, str]:
    """Alerts go to the demo's own inbox, which anybody at this machine may read."""

    def port(name: str, count: int = 1) -> str:
        before = known.get(name, "")
        return str(ports.find_free(count, int(before) if before.isdecimal() else None))

    smtp, http = port("DEMO_SMTP_PORT"), port("DEMO_HTTP_PORT")
    secret = known.get("ALERT_WEBHOOK_SECRET") or "whsec_" + b64encode(secrets.token_bytes(24)).decode()
    return {
        "DEMO_SMTP_PORT": smtp,
        "DEMO_HTTP_PORT": http,
        "DEMO_BASE_PORT": port("DEMO_BASE_PORT", DEMO_PARTICIPANTS),
        "EMAIL_URL": f"smtp://{ports.HOST}:{smtp}",
        "ALERT_EMAIL_FROM": "amends@shop.example",
        "ALERT_EMAIL_TO": "oncall@shop.example",
        "ALERT_WEBHOOK_URLS": f"http://{ports.HOST}:{http}/webhook",
        "ALERT_WEBHOOK_SECRET": secret,
    }


def _write(path: Path, values: Mapping[str, str]) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("# Written by `make run` at each start.\n")
        file.writelines(f"{name}={value}\n" for name, value in values.items())
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
