import getpass
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from console import accounts, actors
from sagas.vocabulary import Role


class Command(BaseCommand):
    help = "Make a user with one or more roles. The password is asked for where none is given."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--role",
            action="append",
            required=True,
            choices=[role.value for role in Role],
            help="give it several times for several roles",
        )
        parser.add_argument("--password", help="else the first line of standard input, or asked for")

    def handle(self, *args: Any, **options: Any) -> None:
        name, password = options["name"], options["password"] or read_password()
        weak = " ".join(accounts.complaints(name, password))
        # Scripts are warned, and do as they were told; a person can think of a better one.
        if weak and options["password"]:
            self.stderr.write(f"This password is weak: {weak}")
        elif weak:
            raise CommandError(f"This password will not do: {weak}")
        roles = [Role(role) for role in options["role"]]
        try:
            user = accounts.create_user(name, roles, password, actors.of_command("create_user"))
        except accounts.UserExistsError:
            raise CommandError(f"There is a user {name} already; nothing was changed.") from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(user.username)


def read_password() -> str:
    """From a pipe its first line; from a person by a prompt that does not show it."""
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise CommandError("No password was given: use --password, or standard input.")
    return password
