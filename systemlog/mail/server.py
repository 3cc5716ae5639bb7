"""Whether there is a mail server, and the text that a header may hold."""

import re
import unicodedata

from django.conf import settings
from django.core.exceptions import ValidationError

NO_SERVER = "No mail server is set: nothing can be sent until EMAIL_URL names one (docs/operating.md)."
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class NoMailServer(ValidationError):
    """Nothing can be sent, because the installation names no mail server."""

    def __init__(self) -> None:
        super().__init__(NO_SERVER)


def mail_is_set() -> bool:
    """Return whether the installation has a mail server."""
    return bool(settings.EMAIL_HOST)


def one_line(text: str) -> str:
    """Return text as one line, which no header can end (RFC 5322, 2.2) and no mark turns round."""
    line = _CONTROLS.sub(" ", text)
    return " ".join("".join(sign for sign in line if unicodedata.category(sign) not in ("Cf", "Cs")).split())
