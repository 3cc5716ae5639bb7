"""What processes write to their logs, and what never stands there."""

import logging
import sys

import pytest

from voipbilling.logs import logging_settings


def a_formatter(form: str) -> logging.Formatter:
    """Return the formatter that the settings name."""
    lines = dict(logging_settings("INFO", form)["formatters"]["lines"])
    return lines.pop("()")(**lines)


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_failure_shows_its_way_and_no_variable(form: str) -> None:
    """The frames are named; what stood in their variables, a phone's secret perhaps, is not."""

    def make_alias() -> None:
        secret = "".join(["Wc7kUk", "H7kBpB"])
        raise RuntimeError(f"no room for {len(secret)} characters")

    try:
        make_alias()
    except RuntimeError:
        record = logging.LogRecord("core", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    text = a_formatter(form).format(record)
    assert "make_alias" in text
    assert "no room for 12 characters" in text
    assert "Wc7kUkH7kBpB" not in text
