from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from console import actors, tokens


class Command(BaseCommand):
    help = "Make an API token for a user, with that user's roles. It is printed once, alone on the last line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the user's name")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["name"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {options['name']}. Make one: manage.py create_user")
        issued = tokens.issue(user, actors.of_command("create_token"))
        self.stdout.write(issued.secret)
