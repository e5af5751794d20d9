"""python -m tests.contract.lab [-- COMMAND...]: run it on the client host, or show the map."""

import os
import sys

from tests.contract.lab import enter, hosts
from tests.contract.lab.topology import built


def main(arguments: list[str]) -> int:
    """The exit status of the command; 69 (EX_UNAVAILABLE, sysexits.h) where no lab can be had."""
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        print(hosts.MAP, end="")
        return 0
    if not enter.inside():
        reason = enter.available()
        if reason is not None:
            print(f"the lab cannot be built: {reason}", file=sys.stderr)
            return 69
        enter.replace_with_self()
    with built():
        return enter.supervise(command, os.environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
