from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

import demo
from console import accounts, actors
from demo import credentials
from demo.credentials import Credentials
from demo.steps import PARTICIPANTS, SAGA_TYPES, port_of
from sagas import participants
from sagas.audit import Actor
from sagas.models import Participant, ParticipantKey
from sagas.vocabulary import Role

DEFINITIONS = Path(demo.__file__).parent / "definitions"
OWNER = "demo"


class Command(BaseCommand):
    help = "Make the demo's users, participants, keys and definitions. Run again, it makes what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--data", type=Path, help="the demo's folder, which gets participants.json; default: DATA/demo"
        )
        parser.add_argument("--base-port", type=int, required=True, help="port of the first participant")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Known passwords are for the demo alone: this is not one (AMENDS_DEMO=1).")
        folder: Path = options["data"] or settings.DATA / "demo"
        by = actors.of_command("setup_demo")
        known = _read_known(folder)
        with transaction.atomic():
            for role in Role:
                _make_user(role, by)
            rows = [_set_up(name, port_of(name, options["base_port"]), known, by) for name in PARTICIPANTS]
        call_command("load_definitions", DEFINITIONS, stdout=StringIO())
        # After the commit: a crash in between costs keys that nobody has read, and the next run makes others.
        credentials.write(folder, rows, settings.ALERT_WEBHOOK_SECRET)
        for role in Role:
            self.stdout.write(f"{role.value:<10}{accounts.demo_password(role.value)}")


def _read_known(folder: Path) -> dict[str, Credentials]:
    """What an earlier run wrote; empty where there is nothing of use."""
    try:
        return credentials.read(folder)
    except (OSError, ValueError):
        return {}


def _make_user(role: Role, by: Actor) -> None:
    try:
        accounts.create_user(role.value, [role], accounts.demo_password(role.value), by)
    except accounts.UserExistsError:
        return


def _set_up(name: str, port: int, known: dict[str, Credentials], by: Actor) -> Credentials:
    base_url = f"http://127.0.0.1:{port}"
    participant = Participant.objects.filter(name=name).first()
    if participant is None:
        participant = participants.create(name, by, base_url=base_url, owner=OWNER)
    else:
        participants.change(participant, by, base_url=base_url, owner=participant.owner)
    secret = participants.signing_secret(participant) or participants.issue_signing_secret(participant, by)
    before = known.get(name)
    key = before.key if before and _is_good(before.key, participant) else _new_key(participant, by)
    return Credentials(name, port, key, secret)


def _is_good(secret: str, participant: Participant) -> bool:
    key = participants.find_by_secret(secret)
    return key is not None and key.participant_id == participant.pk


def _new_key(participant: Participant, by: Actor) -> str:
    """In place of those that an earlier run made, whose secrets are lost."""
    for lost in ParticipantKey.objects.filter(participant=participant, created_by=by.name, revoked_at=None):
        participants.revoke(lost, by)
    reports_on = [
        saga_type.name
        for saga_type in SAGA_TYPES
        if participant.name in {step.participant for step in saga_type.steps}
    ]
    return participants.issue_key(participant, reports_on, by)
