"""What was recorded as a sentence, set for reading: numbers grouped, single addresses without their mask.

Done when it is drawn, not when it is written: what is stored stays the exact number, to be searched and compared.
"""

import re

from core.phone_numbers import format_number

_NUMBER = re.compile(r"(?<![\w@:+])\+(\d{7,15})(?!\w)")
_WHOLE_IPV4 = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})/32(?!\d)")
_WHOLE_IPV6 = re.compile(r"(?<![\w:])([0-9a-fA-F]*:[0-9a-fA-F:]+)/128(?!\d)")


def set_for_reading(text: str) -> str:
    """Return ``text`` with ``+442079460018`` as ``+44 20 7946 0018`` and ``203.0.113.5/32`` as ``203.0.113.5``."""
    text = _NUMBER.sub(lambda found: format_number(found[1]), str(text))
    return _WHOLE_IPV6.sub(r"\1", _WHOLE_IPV4.sub(r"\1", text))
