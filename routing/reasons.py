"""The one catalogue of reasons: what the operator reads, what the log says, what the carrier is told.

Codes, order and numbers are the table in docs/decisions.md; SIP to Q.850 follows RFC 3398. The
carrier sees only code and generic phrase, so that a scanner learns nothing; causes and remedies for 408 and 487 are
the operator's guide's own.
"""

from dataclasses import dataclass

from systemlog.choices import Category, Severity

PHRASES = {
    200: "OK",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    486: "Busy Here",
    487: "Request Terminated",
    503: "Service Unavailable",
    603: "Decline",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a call ended as it did; ``check`` is the number of the check that gives it, 0 for none."""

    code: str
    check: int
    words: str
    category: Category
    severity: Severity
    sip: int
    q850: int
    causes: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    own_phrase: str = ""

    @property
    def phrase(self) -> str:
        """The reason phrase of the SIP answer: generic, the same for every reason with this code."""
        return self.own_phrase or PHRASES.get(self.sip, "Rejected")

    @property
    def refuses(self) -> bool:
        """Whether the call never reached a phone because of it."""
        return 1 <= self.check <= 14 or self.code == "no_decision"


PORT_MAPPING = (
    "Give the phone a fixed IP address in its LAN and map UDP port 5060 of the router to that address: the most "
    "reliable solution."
)
STUN = (
    "Or set STUN in the phone: the STUN server is the switch's own address, on the SIP port ({stun}); "
    "let the phone send keep-alives."
)
TRACE = "Trace the next call of this DID or alias to see whether the call was delivered."
LAST_TRACE = "If neither helps, trace the next call of this DID or alias to see whether the call was delivered."
NAT = (
    "The phone is behind NAT and the router no longer delivers calls: the hole it opened at the phone's last packet "
    "has closed."
)
REGISTER = (
    "Check in the alias's page when it was last registered; the phone must be registered for a call to be delivered."
)

_CALL, _REJECT, _ROUTING = Category.CALL, Category.CALL_REJECT, Category.ROUTING_REJECT
_INFO, _NOTICE, _WARNING, _ERROR = Severity.INFO, Severity.NOTICE, Severity.WARNING, Severity.ERROR

# One block a reason: code, check, words; category, severity, SIP, Q.850; causes; remedies.
# fmt: off
_ALL = (
    Reason("accepted", 0, "The call may come in", _CALL, _INFO, 200, 16),
    Reason("source_not_listed", 1, "The source address belongs to no carrier", _REJECT, _WARNING, 403, 21,
        ("The DID provider sends calls from a new IP address, which is not listed.", "A scanner tries the switch."),
        ("Add the address, or its network with the box “subnet”, in the carrier's tab Accounts.",)),
    Reason("prefix_not_matched", 5, "The number or its prefix does not match", _ROUTING, _WARNING, 404, 1,
        ("The call has a prefix that no account of this address expects.",
         "The number comes in a form that the carrier account does not translate to E.164."),
        ("Compare the number as received with the carrier account's tech prefix, translation and default region.",)),
    Reason("carrier_disabled", 2, "The carrier or its address is disabled", _REJECT, _WARNING, 403, 21,
        ("Somebody disabled the carrier, or the most specific entry that holds the address.",),
        ("Enable the carrier or the carrier account, if its calls shall come in.",)),
    Reason("carrier_not_did_provider", 3, "The carrier is not a DID provider", _REJECT, _WARNING, 403, 21,
        ("The checkbox “Carrier is DID provider” is not set.",),
        ("Open the carrier's tab Main and check “Carrier is DID provider”.",)),
    Reason("carrier_no_credit", 4, "The carrier has no credit", _REJECT, _WARNING, 403, 21,
        ("The carrier's balance and credit limit together are not above zero.",
         "The carrier pays for this call and its free funds do not cover the first minute."),
        ("Add a payment in the carrier's tab Main, or raise its credit limit.",)),
    Reason("did_unknown", 6, "No DID has this number", _ROUTING, _WARNING, 404, 1,
        ("The number was never added.", "The provider sends it in another form than the carrier account translates."),
        ("Add the number in the carrier's tab DIDs, or correct the carrier account's translation.",)),
    Reason("did_of_other_carrier", 7, "The DID belongs to another carrier", _ROUTING, _WARNING, 404, 1,
        ("The number was added under the wrong carrier.",
         "The calling address is listed under the wrong carrier.",
         "The number was ported."),
        ("Move the DID to the carrier that sends its calls.",)),
    Reason("did_suspended", 8, "The DID is suspended", _ROUTING, _NOTICE, 404, 1,
        ("Somebody suspended the number, or its rental stayed unpaid after the days of grace.",),
        ("Resume the DID, if it shall ring; one that is unpaid is resumed by its account's payment.",)),
    Reason("did_quarantined", 8, "The DID is in quarantine", _ROUTING, _NOTICE, 404, 1,
        ("The number was released and rests before it can be given to somebody else.",),
        ("Wait until the quarantine ends, or end it on the DID's page, then map it.",)),
    Reason("did_retired", 8, "The DID is retired", _ROUTING, _NOTICE, 404, 1,
        ("The number was given back to its provider, which still sends calls.",),
        ("Ask the provider to stop, or take the DID into service again.",)),
    Reason("did_not_mapped", 9, "The DID is not mapped to an alias", _ROUTING, _WARNING, 404, 1,
        ("The number was added but given to no account yet.",),
        ("Open the account's tab DIDs, click “Add DID number” and choose the number and an alias.",)),
    Reason("alias_disabled", 9, "The alias that the DID rings is disabled", _ROUTING, _NOTICE, 404, 1,
        ("Somebody disabled the alias.",),
        ("Enable the alias, or map the DID to another one.",)),
    Reason("account_suspended", 10, "The account is suspended", _ROUTING, _NOTICE, 404, 1,
        ("Somebody suspended the account.",),
        ("Set the account to active.",)),
    Reason("no_rate", 11, "The carrier account's product does not price this number", _REJECT, _WARNING, 403, 21,
        ("The product has no mapping in force for the number, or the rate table lacks its code.",),
        ("Assign the product “free inbound”, or add the mapping or the rate.",)),
    Reason("destination_blocked", 11, "The number's rate is disabled, which blocks it", _REJECT, _WARNING, 403, 21,
        ("The longest code that fits the number is disabled.",),
        ("Enable the code in the rate table.",)),
    Reason("account_no_rate", 11, "The account's product does not price this number", _REJECT, _WARNING, 403, 21,
        ("The product has no mapping in force for the number, or the rate table lacks its code.",),
        ("Add the mapping or the rate, or take the product off the account: without one it receives free.",)),
    Reason("carrier_limit", 12, "The carrier account has as many calls as its limit allows",
           _REJECT, _WARNING, 503, 34,
        ("More calls at once than the carrier account's call limit.",),
        ("Raise the limit, or empty it.",)),
    Reason("did_limit", 12, "The DID has as many calls as its limit allows", _REJECT, _NOTICE, 486, 17,
        ("More calls at once than the DID's call limit.",),
        ("Raise the limit, or empty it.",)),
    Reason("account_limit", 12, "The account has as many calls as its limit allows", _REJECT, _NOTICE, 486, 17,
        ("More calls at once than the account's call limit.",),
        ("Raise the limit, or empty it.",)),
    Reason("account_no_credit", 13, "The account has no funds for this call", _REJECT, _WARNING, 403, 21,
        ("The account pays for received calls and its free funds do not cover the first minute.",
         "Free seconds that are left of the month do not cover it either, with one increment more."),
        ("Add a payment to the account, or raise its credit limit.",
         "Where free seconds alone shall let its calls in, grant more of them: each call sets aside all that it may "
         "need at first.")),
    Reason("funds_unknown", 13, "It could not be found out whether the call is paid for", _REJECT, _ERROR, 503, 41,
        ("The database was away or too slow; calls that cost nothing go on.",),
        ("See on the dashboard whether database and deciders are up.",)),
    Reason("not_registered", 14, "The phone is not registered to the switch", _CALL, _WARNING, 487, 20,
        ("The phone is not registered to the switch at the time when the call is made.",),
        (REGISTER, "Check the phone's user name, secret and registrar address."),
        own_phrase="Request rejected"),
    Reason("no_decision", 0, "No decider answered in time", Category.SWITCH, _ERROR, 503, 41,
        ("No decider is connected to the switch, or none answered within a second.",),
        ("See on the dashboard whether the deciders are up.",)),
    Reason("relay_unavailable", 15, "The audio relay could not take the call", _CALL, _ERROR, 503, 47,
        ("The call's audio must go through the switch's relay (rtpengine), which is away, hangs, or has no free port.",
         "The relay could not read the call's audio description (SDP)."),
        ("See in log/relay.log why the relay failed; RTP_PORTS bounds how many calls it takes.",
         "Where phone and carrier reach each other without it, set Audio of the alias to “Never through the relay”.")),
    Reason("no_response", 15, "The phone did not respond at all", _CALL, _WARNING, 408, 18,
        (NAT, "The phone or its network is off, though its registration has not expired."),
        (PORT_MAPPING, STUN, LAST_TRACE)),
    Reason("no_answer", 15, "The phone rang and nobody answered", _CALL, _NOTICE, 408, 19,
        ("Nobody took the call in time.",),
        ("None is needed: the call was delivered.",)),
    Reason("busy", 15, "The phone is busy", _CALL, _NOTICE, 486, 17,
        ("The phone is in another call or set to busy.",)),
    Reason("declined", 15, "The phone declined the call", _CALL, _NOTICE, 603, 21,
        ("The person declined the call, or the phone is set to do not disturb or to forward calls.",)),
    Reason("cancelled", 15, "The caller hung up before an answer", _CALL, _NOTICE, 487, 16,
        ("The caller gave up while the phone rang.",),
        ("None is needed: the call was delivered.",)),
    Reason("cancelled_no_response", 15, "The caller hung up; the phone never responded", _CALL, _WARNING, 487, 18,
        (NAT, "The phone or its network is off, though its registration has not expired."),
        (PORT_MAPPING, STUN, LAST_TRACE)),
    Reason("phone_failed", 15, "The phone refused the call with an error", _CALL, _WARNING, 480, 41,
        ("The phone or its network answered with an error of its own; the CDR shows its code.",),
        (TRACE,)),
    Reason("completed", 0, "Completed", _CALL, _INFO, 200, 16),
    Reason("max_duration", 0, "The switch ended the call at its maximum duration", _CALL, _NOTICE, 200, 16,
        ("The call reached the longest duration that the account or the switch allows.",),
        ("Raise the account's maximum call duration.",)),
    Reason("funds_ended", 0, "The funds for the call ended; the switch ended the call", _CALL, _WARNING, 200, 31,
        ("The account, or the carrier, that pays for the call had no free funds for more of it.",),
        ("Add a payment, or raise the credit limit: a payment during a call extends it.",)),
    Reason("meter_lost", 0, "The call could not be extended; the switch ended it where its reservation did",
           _CALL, _ERROR, 200, 41,
        ("No decider could reserve more for the call: the deciders or the database were away, or hung.",),
        ("See on the dashboard whether deciders and database are up.",)),
    Reason("peer_vanished", 0, "One side vanished; the switch ended the call", _CALL, _WARNING, 200, 27,
        ("The phone or the carrier no longer answered in the call: power or network was lost.",),
        (TRACE,)),
    Reason("switch_lost", 0, "The end of the call was never reported", _CALL, _ERROR, 200, 41,
        ("The switch restarted or was lost during the call.",),
        ("See in System Log, category switch, when it restarted.",)),
)
# fmt: on

REASONS: dict[str, Reason] = {reason.code: reason for reason in _ALL}


def reason(code: str) -> Reason:
    """Return a reason by code; one that nobody catalogued is shown as it came, as an error to look into."""
    return REASONS.get(code) or Reason(code, 0, f"Unknown reason {code}", _CALL, _ERROR, 503, 41)


def sip_answer(code: str, not_registered_code: int = 487) -> tuple[int, str]:
    """Return SIP code and phrase for the carrier; a setting makes the guide's 487 of an unregistered phone 480."""
    known = reason(code)
    if code == "not_registered" and not_registered_code != known.sip:
        return not_registered_code, PHRASES.get(not_registered_code, known.phrase)
    return known.sip, known.phrase


def choices() -> list[tuple[str, str]]:
    """Return (code, words) of every reason, for filters."""
    return [(known.code, known.words) for known in _ALL]
