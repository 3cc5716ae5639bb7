"""What a client is told by e-mail of rentals without funds."""

import datetime as dt
from collections.abc import Sequence

from django.core.exceptions import ValidationError

from accounts.models import Account
from billing.seller.services import billing_settings, mail_sender
from dids.models import DID
from systemlog.mail.server import NoMailServer
from systemlog.mail.services import queue_mail

LISTED = 200

OPENINGS = {
    "rental_unpaid": (
        "Payment needed for your phone numbers",
        "the balance of your account {account} does not cover the monthly fee of the numbers below.",
    ),
    "rental_suspended": (
        "Your phone numbers are suspended",
        "the numbers below are suspended, because their monthly fee is unpaid: calls to them are refused. They remain "
        "yours.",
    ),
    "rental_resumed": (
        "Your phone numbers are in service again",
        "thank you for your payment. The numbers below are in service again.",
    ),
}


def write_client(
    reason: str, account: Account, dids: Sequence[DID], *, owed: str, balance: str, ends: str, now: dt.datetime
) -> str:
    """Ask for the e-mail that tells a client; return in words why there is none, or nothing.

    Runs in the transaction that warns, suspends or resumes, so that nothing is told that is not so.
    """
    client = account.client
    if not client.email:
        return f"{client} has no e-mail address."
    subject, opening = OPENINGS[reason]
    sender, reply_to = mail_sender()
    listed = [f"  {did}" for did in dids[:LISTED]]
    more = [f"  and {len(dids) - LISTED:,} more"] if len(dids) > LISTED else []
    facts = [f"Owed for them: {owed}", f"Balance of your account: {balance}"] if owed else []
    until = [f"Please pay before {ends}: they are suspended then."] if reason == "rental_unpaid" else []
    if reason == "rental_suspended":
        until = ["They are in service again within a minute of your payment."]
    lines = [
        f"Dear {client},", "", opening.format(account=account), "", *listed, *more, "", *facts, *until, "",
        billing_settings().name,
    ]  # fmt: skip
    try:
        queue_mail(
            key=f"{reason}:{account.pk}:{dids[0].pk}:{now:%Y%m%dT%H%M%S%f}",
            to=client.email,
            subject=f"{subject} ({account})",
            body="\n".join(lines).rstrip() + "\n",
            sender=sender,
            reply_to=reply_to,
            refs=[{"kind": "account", "id": account.pk, "label": f"{client} › {account}"[:100]}],
        )
    except NoMailServer:
        return "No mail server is set."
    except ValidationError as error:
        return " ".join(error.messages)
    return ""
