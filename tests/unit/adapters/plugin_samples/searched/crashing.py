"""Ends the interpreter, if it is let."""

import sys

print("into the protocol's stream")
sys.exit(3)
