"""Alerts as e-mail: text and HTML, sent over SMTP (settings.EMAIL_URL), threads by References."""

from collections.abc import Iterable, Mapping
from email.utils import parseaddr
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend
from django.template.loader import render_to_string

from sagas.addresses import is_mail_address, is_web_address
from sagas.alerts.channels.kind import DeliveryError, Destination, Sent
from sagas.alerts.message import Message
from sagas.alerts.wording import facts, headline, label, links, paragraphs, subject, title
from sagas.vocabulary import Occasion


def send(message: Message, destination: Destination, state: Mapping[str, Any]) -> Sent:
    """Hand it to the mail server; raises DeliveryError."""
    mail = compose(message, destination.target, state.get("first", ""))
    request = f"To: {destination.target}\nSubject: {mail.subject}\n\n{mail.body}"
    try:
        mail.send()
    except SMTPException as error:
        raise DeliveryError(
            f"The mail server refused it: {error}", request=destination.mask(request), answer=_answer(error)
        ) from None
    except (OSError, UnicodeError) as error:
        raise DeliveryError(
            f"The mail server could not be reached: {error or type(error).__name__}",
            request=destination.mask(request),
        ) from None
    first = state.get("first") or mail.extra_headers["Message-ID"]
    return Sent({"first": first}, destination.mask(request), "The mail server took it.")


def targets(config: Mapping[str, Any], owner: str) -> Iterable[str]:
    """Each address once, however it is written; the owner's only where it is one."""
    mails = {mail.casefold(): mail for mail in config.get("to", ())}
    # An owner of several lines is no address: what `parseaddr` makes of one differs between Pythons.
    address = parseaddr(owner)[1] if config.get("owner") and owner.isprintable() else ""
    if is_mail_address(address):
        mails.setdefault(address.casefold(), address)
    return mails.values()


def compose(message: Message, to: str, first: str = "") -> EmailMultiAlternatives:
    """`first`: the Message-ID of the thread's first mail; empty: this is it."""
    context = _context(message)
    host = urlsplit(settings.BASE_URL).hostname or "amends"
    headers = {
        "Message-ID": f"<{message.id}@{host}>",
        # Holiday replies and the like are not wanted.
        "Auto-Submitted": "auto-generated",
    }
    if first and first != headers["Message-ID"]:
        headers |= {"References": first, "In-Reply-To": first}
    mail = EmailMultiAlternatives(
        subject(message),
        render_to_string("alerts/problem.txt", context).strip() + "\n",
        to=[to],
        headers=headers,
        connection=EmailBackend(),
    )
    mail.attach_alternative(render_to_string("alerts/problem.html", context), "text/html")
    return mail


def _answer(error: SMTPException) -> str:
    if isinstance(error, SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
    if isinstance(error, SMTPRecipientsRefused):
        return "; ".join(
            f"{code} {said.decode('utf-8', 'replace')}" for code, said in error.recipients.values()
        )
    return str(error)


def _context(message: Message) -> dict[str, Any]:
    tone, mark = _mark(message)
    is_storm = message.problem_count > 1
    return {
        "alert": message,
        "headline": headline(message),
        "tone": tone,
        "mark": mark,
        "title": title(message) if is_storm else message.title,
        "sentences": list(paragraphs(message)),
        "facts": [_fact(name, value) for name, value in facts(message)],
        "links": list(links(message)),
        "more_problems": message.problem_count - len(message.problems) if message.problems else 0,
        "sagas": () if message.is_over else message.sagas,
        "more": message.count - len(message.sagas),
    }


def _fact(name: str, value: str) -> dict[str, str]:
    return {
        "name": name,
        "value": value,
        "link": value if name == "Runbook" and is_web_address(value) else "",
    }


def _mark(message: Message) -> tuple[str, str]:
    """How it is coloured, and what stands above the title: a sign and words, never colour alone."""
    what = f" · {label(message)}" if label(message) else ""
    match message.occasion:
        case Occasion.RESOLVED:
            return "good", "✓ Resolved"
        case Occasion.ACKNOWLEDGED:
            return "plain", f"✓ Somebody sees to it{what}"
        case Occasion.ASSIGNED:
            return "bad", f"● Assigned{what}"
        case Occasion.WORSENED:
            return "bad", f"▲ Worse{what}"
        case Occasion.ESCALATED:
            return "bad", f"▲ Nobody has seen to it{what}"
        case Occasion.REOPENED:
            return "bad", f"● Back{what}"
        case Occasion.TEST:
            return "plain", "● A test"
        case Occasion.DIGEST:
            return "plain", "● What is open"
        case Occasion.NOTICE:
            return "plain", "● What you watch" if message.saga_type else "● About Amends itself"
        case _:
            return "bad", f"● {label(message)}"
