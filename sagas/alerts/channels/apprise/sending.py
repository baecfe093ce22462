"""Handing messages to Apprise."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sagas.alerts.channels.kind import DeliveryError, Destination, Field, FieldType, Kind, Sent
from sagas.alerts.message import Message
from sagas.alerts.wording import facts, fit, harmless, headline, links, paragraphs
from sagas.vocabulary import Occasion, Severity

PROCESS = Path(__file__).with_name("process.py")
# Seconds. Apprise itself waits for four to connect and four to read; the rest is for it to start.
LONGEST = 20.0

LONGEST_TITLE = 180
LONGEST_TEXT = 500
MOST_LINES = 20

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S*")
# What is shorter is a port or a word, not a secret.
SHORTEST_SECRET = 4


def send(message: Message, destination: Destination, state: Mapping[str, Any]) -> Sent:
    """Send once; raises DeliveryError."""
    address = destination.config["address"]
    hidden = replace(destination, secrets=(*destination.secrets, address, *secrets_of(address)))
    title, body = words(message)
    request = hidden.mask(f"{title}\n\n{body}")
    answer = _run({"address": address, "title": title, "body": body, "kind": _kind(message)}, request)
    said = hidden.mask("\n".join(answer["log"]))
    if answer["complaint"]:
        raise DeliveryError(answer["complaint"], permanent=True, request=request)
    if not answer["is_sent"]:
        why = fit(said, LONGEST_TEXT) or "it did not say why."
        raise DeliveryError(f"Apprise could not send it: {why}", request=request, answer=said)
    return Sent({}, request, said or "The service took it.")


def check(config: Mapping[str, Any]) -> Iterator[str]:
    address = config.get("address", "")
    if not KIND.is_offered:
        yield NOT_INSTALLED
    elif not ADDRESS.fullmatch(address):
        yield "The address must be one of Apprise, as ntfy://topic or discord://webhook_id/webhook_token."
    else:
        try:
            answer = _run({"address": address, "title": "", "body": "", "kind": "info"}, "")
        except DeliveryError as error:
            yield str(error)
        else:
            yield from filter(None, [answer["complaint"]])


def words(message: Message) -> tuple[str, str]:
    """Title and text, without what could be markup wherever it ends."""
    return harmless(fit(headline(message), LONGEST_TITLE)), "\n".join(_lines(message))


def secrets_of(address: str) -> Iterable[str]:
    """Whatever in an Apprise address could be one: Apprise may name them in what it says."""
    parts = re.split(r"[/:@?&=]+", address)[1:]
    return {part for one in parts for part in (one, unquote(one)) if len(part) >= SHORTEST_SECRET}


def _lines(message: Message) -> Iterator[str]:
    for paragraph in list(paragraphs(message))[:MOST_LINES]:
        yield harmless(fit(paragraph, LONGEST_TEXT))
    for name, value in facts(message):
        yield f"{name}: {harmless(fit(value, LONGEST_TEXT))}"
    for part in message.problems[:MOST_LINES]:
        yield harmless(fit(f"{part.saga_type}: {part.title} ({part.count:,})", LONGEST_TEXT))
    if message.sagas and not message.is_over:
        yield "Have it: " + ", ".join(harmless(fit(one.id, LONGEST_TEXT)) for one in message.sagas)
    for label, link in links(message):
        yield f"{label}: {link}"


def _kind(message: Message) -> str:
    """One of Apprise's four, by which services choose a colour or a sign."""
    if message.is_over:
        return "success"
    if message.severity == Severity.CRITICAL:
        return "failure"
    is_bad = message.severity or message.occasion == Occasion.NOTICE
    return "warning" if is_bad else "info"


def _run(job: Mapping[str, str], request: str) -> Any:
    """What the process found out: its `Result`."""
    if not KIND.is_offered:
        raise DeliveryError(NOT_INSTALLED, permanent=True, request=request)
    # The address is no argument, as everybody on the machine may see those; and no proxy is taken from here.
    command = [sys.executable, "-I", str(PROCESS)]
    try:
        done = subprocess.run(  # noqa: S603  (our own program)
            command,
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=LONGEST,
            env={},
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise DeliveryError(f"Apprise was not done within {LONGEST:g} s.", request=request) from None
    except subprocess.CalledProcessError as error:
        # Only the kind of error: its words may hold the address.
        last = (error.stderr.strip().splitlines() or [""])[-1].partition(":")[0]
        raise DeliveryError(f"Apprise failed by a mistake of its own: {last}", request=request) from None
    return json.loads(done.stdout)


NOT_INSTALLED = "Apprise is not installed: run `.venv/bin/pip install apprise`, then restart Amends."

KIND = Kind(
    name="apprise",
    title="Apprise",
    icon="send",
    says="More than a hundred other services: ntfy, Telegram, Discord, Matrix, Google Chat, SMS, …",
    fields=(
        Field(
            "address",
            "Apprise address",
            FieldType.SECRET,
            "As Apprise writes it for the service, say ntfy://topic or tgram://bot_token/chat_id.",
            longest=1000,
        ),
    ),
    send=send,
    check=check,
    is_offered=find_spec("apprise") is not None,
    # It does not say how long a service wants to be left alone.
    per_minute=20,
)
