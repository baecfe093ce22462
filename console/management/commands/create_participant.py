from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from console import actors
from sagas import participants
from sagas.models import Participant
from sagas.participants import ParticipantError


class Command(BaseCommand):
    help = (
        "Make a participant and print a key for it: the key alone on the last line. "
        "For one that exists, print one more key."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--base-url", help="where Amends may call it, e.g. https://payment.example/amends"
        )
        parser.add_argument("--owner", help="whom to ask about it")
        parser.add_argument(
            "--saga-type",
            action="append",
            default=[],
            dest="saga_types",
            metavar="TYPE",
            help="a saga type that the key may report on; may be given again; none: any type",
        )

    def handle(
        self, *, name: str, base_url: str | None, owner: str | None, saga_types: list[str], **options: object
    ) -> None:
        by = actors.of_command("create_participant")
        try:
            with transaction.atomic():
                participant = Participant.objects.filter(name=name).first()
                if participant is None:
                    participant = participants.create(name, by, base_url=base_url or "", owner=owner or "")
                    signing_secret = participants.issue_signing_secret(participant, by)
                    lines = [
                        f"Participant {name} was created.",
                        f"Amends signs what it sends to it with {signing_secret}",
                    ]
                else:
                    participants.change(
                        participant,
                        by,
                        base_url=participant.base_url if base_url is None else base_url,
                        owner=participant.owner if owner is None else owner,
                    )
                    lines = [f"Participant {name} was there already; this is one more key for it."]
                key = participants.issue_key(participant, saga_types, by)
        except ParticipantError as error:
            raise CommandError(str(error)) from None
        self.stdout.write("\n".join([*lines, "Its key, which is not shown again:", key]))
