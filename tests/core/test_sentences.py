"""Recorded sentences are set for reading without hiding or changing a digit."""

import pytest

from core.sentences import set_for_reading


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ("Call to +442079460018 accepted.", "Call to +44 20 7946 0018 accepted."),
        ("“0044…” is +442079460018 (00 read)", "“0044…” is +44 20 7946 0018 (00 read)"),
        ("127.0.0.2/32 of Acme", "127.0.0.2 of Acme"),
        ("2001:db8::1/128 is inside 2001:db8::/64", "2001:db8::1 is inside 2001:db8::/64"),
    ],
)
def test_groups_numbers_and_drops_the_mask_of_one_address(recorded: str, shown: str) -> None:
    assert set_for_reading(recorded) == shown


@pytest.mark.parametrize(
    "text",
    [
        "sip:+442079460018@192.0.2.1",
        "203.0.113.0/26",
        "203.0.113.0/320",
        "442079460018",
        "9+442079460018",
        "call-id 1+442079460018x",
        "+1",
    ],
)
def test_leaves_what_is_neither(text: str) -> None:
    assert set_for_reading(text) == text
