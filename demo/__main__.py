"""`python -m demo`: the participants, the traffic that drives them and the inbox, until SIGTERM."""

import argparse
import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path

from demo import credentials, inbox, service, supervisor, traffic
from demo.steps import PARTICIPANTS, port_of


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--amends-url", required=True, help="where Amends takes events")
    parser.add_argument(
        "--data", required=True, type=Path, help="folder with participants.json, for all state"
    )
    parser.add_argument("--base-port", required=True, type=int, help="of the first participant")
    parser.add_argument("--inbox-smtp-port", required=True, type=int)
    parser.add_argument("--inbox-http-port", required=True, type=int)
    parser.add_argument("--rate", type=float, default=2.0, help="sagas a second; 0: no traffic (%(default)s)")
    parser.add_argument(
        "--fault-rate", type=float, default=0.003, help="share that needs a person (%(default)s)"
    )
    parser.add_argument(
        "--pace", type=float, default=1.0, help="how long work takes; 0.5: half as long (%(default)s)"
    )
    return parser.parse_args()


def read_services(folder: Path, base_port: int) -> dict[str, credentials.Credentials]:
    """Raises OSError and ValueError with what to do about it."""
    services = credentials.read(folder)
    for name in PARTICIPANTS:
        if name not in services or services[name].port != port_of(name, base_port):
            raise ValueError(f"{folder / credentials.FILE} does not fit --base-port {base_port}")
    return services


def main() -> None:
    supervisor.die_with_parent(os.getppid(), signal.SIGTERM)
    given = arguments()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s demo %(message)s")
    try:
        services = read_services(given.data, given.base_port)
    except (OSError, ValueError) as error:
        sys.exit(f"demo: {error}; run `manage.py setup_demo` first")
    mains: dict[str, supervisor.Main] = {
        name: partial(service.serve, name, services, given.amends_url, given.data, given.pace)
        for name in PARTICIPANTS
    }
    mains["inbox"] = partial(inbox.serve, given.data, given.inbox_smtp_port, given.inbox_http_port)
    if given.rate > 0:
        mains["traffic"] = partial(traffic.drive, services, given.data, given.rate, given.fault_rate)
    supervisor.keep_running(mains)


if __name__ == "__main__":
    main()
