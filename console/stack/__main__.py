"""`python -m console.stack`: what `make run` runs."""

import errno
import os
import sys

from console.stack import choices, supervisor
from console.stack.errors import StackError


def main() -> int:
    try:
        supervisor.run(choices.read(os.environ))
    except StackError as error:
        reason = str(error)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        reason = f"the disk is full: {error.filename or error.strerror}"
    else:
        return 0
    print(f"Amends cannot run: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
