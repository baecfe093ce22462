"""Django's own checks: the settings of a production, and that no migration was forgotten."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django
from django.core.management import CommandError, call_command

from tests.cluster import Cluster


def main() -> None:
    cluster = Cluster()
    try:
        os.environ.update(cluster.environment(), DJANGO_SETTINGS_MODULE="console.settings")
        django.setup()
        call_command("check", fail_level="WARNING")
        call_command("makemigrations", check_changes=True, dry_run=True)
    except CommandError as error:
        sys.exit(str(error))
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
