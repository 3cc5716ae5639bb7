"""Read the dialled number of an INVITE: hostile text in, E.164 digits or a reason out.

Sources: RFC 3261 §19.1 and §25.1 (SIP URI), RFC 3966 (tel URI, phone-context), RFC 7315 §4.2 (P-Called-Party-ID).
"""

import re
from functools import lru_cache
from typing import NamedTuple

import phonenumbers

MAX_URI = 256
MIN_DIGITS, MAX_DIGITS = 7, 15

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SEPARATORS = re.compile(r"[-.()\s]")
_DIALLED = re.compile(r"\+?[0-9*#]+")
_E164 = re.compile(rf"[1-9][0-9]{{{MIN_DIGITS - 1},{MAX_DIGITS - 1}}}")
_GLOBAL_CONTEXT = re.compile(r"\+[0-9]{1,15}")


class Received(NamedTuple):
    """The number as received: without escapes, separators and parameters; ``problem`` says why there is none."""

    text: str
    context: str = ""
    problem: str = ""


class Reading(NamedTuple):
    """``number`` in E.164 digits, or empty with the ``problem``; ``steps`` tells in words how it was read."""

    number: str
    steps: tuple[str, ...] = ()
    problem: str = ""


def received_number(uri: str) -> Received:
    """Return the number that a URI or name-addr carries in its user part, with a global phone-context if any."""
    if len(uri) > MAX_URI:
        return Received("", problem=f"longer than {MAX_URI} characters")
    uri = _addr_spec(uri.strip())
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.lower() not in {"sip", "sips", "tel"}:
        return Received("", problem="not a sip, sips or tel URI" if uri else "absent")
    if scheme.lower() == "tel":
        user = rest
    else:
        # RFC 3261 §25.1: no "@" may stand unescaped in user or password, so the last one ends the user part.
        user, at, _ = rest.rpartition("@")
        if not at:
            return Received("", problem="without a user part")
        user = user.partition(":")[0]
    text, *parameters = user.split(";")
    if _BROKEN_ESCAPE.search(user):
        return Received(text, problem="a broken escape")
    text = _SEPARATORS.sub("", _unescape(text))
    return Received(text, _context(parameters), "" if text else "without a number")


def _addr_spec(text: str) -> str:
    """Return the URI of a name-addr such as ``"Desk" <sip:1@h>;param``, or the text itself."""
    if text.startswith('"'):
        closing = re.match(r'"(?:[^"\\]|\\.)*"', text)
        text = text[closing.end() :] if closing else text
    before, bracket, after = text.partition("<")
    return after.partition(">")[0] if bracket and ":" not in before else text


def _unescape(text: str) -> str:
    # Each escape becomes one character; what is not ASCII can be no digit and is refused later as a letter is. Control
    # characters are shown as doubtful: the text goes into the decision's record, and PostgreSQL stores no NUL.
    return _ESCAPE.sub(lambda match: _CONTROL.sub("\ufffd", chr(int(match[1], 16))), text)


def _context(parameters: list[str]) -> str:
    """Return the phone-context when it is a global one (RFC 3966 §5.1.5); a domain name says nothing of digits."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.lower() == "phone-context":
            context = _SEPARATORS.sub("", _unescape(value))
            return context if _GLOBAL_CONTEXT.fullmatch(context) else ""
    return ""


def fits_tech_prefix(received: Received, prefix: str) -> bool:
    """Whether ``prefix`` starts the number as received, less a leading plus; the empty prefix fits always."""
    return received.text.removeprefix("+").startswith(prefix)


def read_number(
    received: Received, tech_prefix: str = "", rules: tuple[tuple[str, str], ...] = (), region: str = ""
) -> Reading:
    """Translate a received number to E.164: tech prefix off, first fitting rule, then ``+``, ``00`` or national."""
    if received.problem:
        return Reading("", problem=received.problem)
    text, plus = received.text, received.text.startswith("+")
    steps = []
    if tech_prefix:
        text = text.removeprefix("+").removeprefix(tech_prefix)
        steps.append(f"less tech prefix {tech_prefix}: {text}")
        # "+" before a tech prefix is habit of the sender's switch; it makes what follows international.
        plus = plus and not text.startswith("0")
    if received.context and not text.startswith("+"):
        text, plus = received.context + text, True
        steps.append(f"phone-context {received.context}: {text}")
    for prefix, replacement in rules:
        if text.startswith(prefix):
            text, plus = replacement + text[len(prefix) :], True
            steps.append(f"rule {prefix or 'any'} → {replacement or 'nothing'}: {text}")
            break
    if not _DIALLED.fullmatch(text):
        return Reading("", tuple(steps), "holds other characters than digits" if text else "nothing is left of it")
    number, how = _e164(text, plus, region)
    if how:
        steps.append(how)
    if not _E164.fullmatch(number):
        return Reading(
            "", tuple(steps), f"{number} is no E.164 number ({MIN_DIGITS} to {MAX_DIGITS} digits, no 0 first)"
        )
    return Reading(number, tuple(steps))


def _e164(text: str, international: bool, region: str) -> tuple[str, str]:
    """Return the digits in international form and, in words, what made them so."""
    if text.startswith("+"):
        return text[1:], ""
    if text.startswith("00"):
        return text[2:], "00 read as international"
    if region and (not international or text.startswith("0")):
        national = _national(text, region)
        if national:
            return national, f"national number of {region}: +{national}"
    return text, ""


@lru_cache(maxsize=16384)
def _national(text: str, region: str) -> str:
    """Return the E.164 digits of a number as dialled inside ``region``, or nothing where it is not one.

    A region is set where a carrier sends national numbers, so what is valid there counts as national; what is not, but
    is a valid international number, as that.
    """
    national = _parsed(text, region)
    if national is None:
        return ""
    if not phonenumbers.is_valid_number(national):
        international = None if text.startswith("0") else _parsed(f"+{text}", None)
        if international is not None and phonenumbers.is_valid_number(international):
            return ""
        if not phonenumbers.is_possible_number(national):
            return ""
    return phonenumbers.format_number(national, phonenumbers.PhoneNumberFormat.E164)[1:]


def _parsed(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
