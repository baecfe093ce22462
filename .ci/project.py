"""Django's own checks: the settings of a production, and that no migration was forgotten."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django
from django.core.management import CommandError, call_command

from tests.cluster import Broker, Database


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings"
    servers = [Database(), Broker()]
    try:
        for server in servers:
            os.environ.update(server.environment())
        django.setup()
        call_command("check", fail_level="WARNING")
        call_command("makemigrations", check_changes=True, dry_run=True)
    except CommandError as error:
        sys.exit(str(error))
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
