"""One SIP message: read from a datagram, or written for one."""

from collections.abc import Iterable
from dataclasses import dataclass, field

Headers = list[tuple[str, str]]
COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length"}  # §7.3.3
REQUIRED = ("Via", "From", "To", "Call-ID", "CSeq")  # §8.1.1


class Malformed(ValueError):
    """A datagram that is no SIP message, such as a keep-alive of two line breaks."""


@dataclass
class Message:
    """A request or an answer; ``start`` is its first line."""

    start: str
    headers: Headers
    body: str = ""
    source: tuple[str, int] = field(default=("", 0), compare=False)

    @classmethod
    def read(cls, data: bytes, source: tuple[str, int]) -> "Message":
        """Return the message of a datagram; raise Malformed."""
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        parts = [line.partition(":") for line in lines]
        headers = [(name.strip(), value.strip()) for name, colon, value in parts if colon]
        message = cls(start, headers, body, source)
        if len(start.split(" ")) < 3 or not all(message.get(name) for name in REQUIRED):
            raise Malformed(start[:80])
        return message

    def all(self, name: str) -> list[str]:
        """Return the values of every header of that name, in order."""
        wanted = name.lower()
        return [value for key, value in self.headers if COMPACT.get(key.lower(), key.lower()) == wanted]

    def get(self, name: str) -> str:
        """Return the first header of that name, or ""."""
        return next(iter(self.all(name)), "")

    @property
    def is_answer(self) -> bool:
        return self.start.startswith("SIP/2.0 ")

    @property
    def code(self) -> int:
        """Return an answer's code."""
        digits = self.start.split(" ")[1]
        return int(digits) if self.is_answer and digits.isdigit() else 0

    @property
    def method(self) -> str:
        """Return the method of a request, or of the request that an answer belongs to."""
        return self.get("CSeq").rpartition(" ")[2] if self.is_answer else self.start.partition(" ")[0]

    @property
    def transaction(self) -> str:
        """Return what answer and request share: the branch of the topmost Via, and the method (§17.1.3)."""
        return f"{parameter(self.get('Via'), 'branch')} {self.method}"

    def write(self) -> bytes:
        """Return the datagram."""
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, f"Content-Length: {len(self.body.encode())}", "", self.body]).encode()


def parameter(value: str, name: str) -> str:
    """Return a parameter of a header's value, or ""."""
    outside = value.rpartition(">")[2] if ">" in value else value
    for part in outside.split(";")[1:]:
        key, _, text = part.partition("=")
        if key.strip().lower() == name:
            return text.strip().strip('"')
    return ""


def uri_of(value: str) -> str:
    """Return the URI of a header such as From or Contact."""
    inside = value.partition("<")[2].partition(">")[0]
    return inside or value.partition(";")[0].strip()


def answer_to(request: Message, code: int, phrase: str, tag: str, extra: Iterable[tuple[str, str]] = ()) -> Message:
    """Return an answer (§8.2.6); ``tag`` marks the dialog where the request opens one."""
    to = request.get("To")
    if code > 100 and not parameter(to, "tag"):
        to = f"{to};tag={tag}"
    headers = [("Via", value) for value in request.all("Via")]
    headers += [("Record-Route", value) for value in request.all("Record-Route")]
    headers += [("From", request.get("From")), ("To", to)]
    headers += [("Call-ID", request.get("Call-ID")), ("CSeq", request.get("CSeq")), *extra]
    return Message(f"SIP/2.0 {code} {phrase}", headers)
