"""Netstrings, the framing of Kamailio's evapi socket (``netstring_format=1``): ``<length>:<bytes>,``."""

MAX_LENGTH = 64 * 1024
_MAX_DIGITS = len(str(MAX_LENGTH))


class FramingError(ValueError):
    """The peer does not speak netstrings; nothing after it on this connection can be read."""


def encode(body: bytes) -> bytes:
    """Return one netstring."""
    return b"%d:%b," % (len(body), body)


class Reader:
    """Cuts a byte stream into netstrings, holding at most one incomplete one."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the bodies completed by ``data``; raise FramingError where there is no netstring."""
        data = self._rest + data
        bodies: list[bytes] = []
        start = 0
        while start < len(data):
            colon = data.find(b":", start, start + _MAX_DIGITS + 1)
            digits = data[start:] if colon < 0 else data[start:colon]
            if colon < 0 and len(digits) <= _MAX_DIGITS and digits.isdigit():
                break
            if colon < 0 or not digits.isdigit() or int(digits) > MAX_LENGTH:
                raise FramingError(f"no netstring: {digits[:20]!r}")
            end = colon + 1 + int(digits)
            if end >= len(data):
                break
            if data[end] != ord(","):
                raise FramingError("a netstring without its comma")
            bodies.append(data[colon + 1 : end])
            start = end + 1
        self._rest = data[start:]
        return bodies
