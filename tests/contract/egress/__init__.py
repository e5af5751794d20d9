"""What an egress guard must hold: the real programs pass, a hostile one sends nothing elsewhere."""

from pathlib import Path


def escapes_source() -> str:
    """The hostile program's text."""
    return Path(__file__).with_name("escapes.py").read_text()
