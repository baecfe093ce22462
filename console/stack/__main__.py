"""`python -m console.stack`: what `make run` runs."""

import errno
import os
import sys

from console.stack import choices, supervisor
from console.stack.errors import StackError


def main() -> int:
    try:
        chosen = choices.read(os.environ)
        supervisor.run(chosen)
    except StackError as error:
        reason = str(error)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        reason = f"the disk is full: no room is left for {error.filename or chosen.data}"
    else:
        return 0
    print(f"Amends cannot run: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
