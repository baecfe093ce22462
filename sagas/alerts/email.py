"""Alerts as e-mail: text and HTML, sent over SMTP (settings.EMAIL_URL)."""

from datetime import datetime
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend
from django.template.loader import render_to_string

from sagas.addresses import is_web_address
from sagas.alerts.channels import DeliveryError, Message
from sagas.alerts.wording import sagas, subject
from sagas.vocabulary import LOOKS, Condition


def send(message: Message) -> None:
    """Hand it to the mail server; raises DeliveryError."""
    try:
        compose(message).send()
    except SMTPException as error:
        raise DeliveryError(f"The mail server refused it: {error}") from None
    except (OSError, UnicodeError) as error:
        raise DeliveryError(
            f"The mail server could not be reached: {error or type(error).__name__}"
        ) from None


def compose(message: Message) -> EmailMultiAlternatives:
    context = _context(message.summary)
    host = urlsplit(settings.BASE_URL).hostname or "amends"
    mail = EmailMultiAlternatives(
        subject(message.summary),
        render_to_string("alerts/problem.txt", context).strip() + "\n",
        to=[message.target],
        headers={
            "Message-ID": f"<{message.id}@{host}>",
            # Holiday replies and the like are not wanted.
            "Auto-Submitted": "auto-generated",
        },
        connection=EmailBackend(),
    )
    mail.attach_alternative(render_to_string("alerts/problem.html", context), "text/html")
    return mail


def _context(summary: Any) -> dict[str, Any]:
    runbook = summary["runbook"]
    return {
        "alert": summary,
        "label": LOOKS[Condition(summary["condition"])].label,
        "sagas": sagas(summary["count"]),
        "total": sagas(summary["total"]),
        "since": datetime.fromisoformat(summary["since"]),
        "closed_at": summary["closed_at"] and datetime.fromisoformat(summary["closed_at"]),
        "runbook_link": runbook if is_web_address(runbook) else "",
        "more": summary["count"] - len(summary["sagas"]),
    }
