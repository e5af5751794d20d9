"""The version, as a literal: reading the installed metadata takes 25 ms of every start."""

VERSION = "0.1.0"
