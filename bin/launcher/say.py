"""Progress for a person: plain lines on standard error, so that standard output stays machine-readable."""

import sys


def say(line: str) -> None:
    """Print one line of progress."""
    print(line, file=sys.stderr, flush=True)
