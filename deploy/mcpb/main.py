"""Starts netsonde from an unpacked MCP bundle, where it lies beside this file and is not installed."""

import sys

from netsonde.bootstrap.main import main

if __name__ == "__main__":
    sys.exit(main(["serve"]))
