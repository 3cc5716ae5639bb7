"""Call detail records and recorded SIP messages."""

import re
from decimal import Decimal

from django.db import models

from cdr.choices import REFUSAL_CODES, Outcome
from core.addresses import page_address
from core.fields import MoneyField
from core.render import money_text

SIP_USER = re.compile(r"sips?:([^@;?>]*)@")


class CDR(models.Model):
    """One record per inbound attempt, answered or not, refused ones included; partitioned by ``started_at``.

    It is a merge of the attempt's events in whatever order they came; names are kept as they were at the call.
    ``reason`` is ours, ``sip_code`` what the carrier was told, ``q850_cause`` the cause in Q.850's terms.
    """

    attempt_id = models.UUIDField(primary_key=True)
    started_at = models.DateTimeField()
    rang_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    alive_at = models.DateTimeField(null=True, help_text="When its switch, started anew, went on with it.")
    ended_at = models.DateTimeField(null=True)
    switch = models.CharField(max_length=64)
    source = models.GenericIPAddressField(null=True)
    source_port = models.PositiveIntegerField(null=True)
    transport = models.CharField(max_length=8, blank=True)
    caller = models.CharField(max_length=256, blank=True, help_text="From URI as received.")
    called = models.CharField(max_length=256, blank=True, help_text="Request-URI as received.")
    number = models.CharField(max_length=15, blank=True, help_text="The DID in E.164 digits, once normalised.")
    carrier_id = models.BigIntegerField(null=True)
    carrier_label = models.CharField(max_length=100, blank=True)
    carrier_account_id = models.BigIntegerField(null=True)
    carrier_account_label = models.CharField(max_length=100, blank=True)
    did_id = models.BigIntegerField(null=True)
    did_label = models.CharField(max_length=32, blank=True)
    client_id = models.BigIntegerField(null=True)
    client_label = models.CharField(max_length=100, blank=True)
    account_id = models.BigIntegerField(null=True)
    account_label = models.CharField(max_length=100, blank=True)
    alias_id = models.BigIntegerField(null=True)
    alias_label = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    sip_code = models.PositiveSmallIntegerField(null=True)
    q850_cause = models.PositiveSmallIntegerField(null=True)
    hung_up_by = models.CharField(max_length=8, blank=True)
    phone_code = models.PositiveSmallIntegerField(null=True)
    phone_reason = models.CharField(max_length=256, blank=True, help_text="The phone's Reason header.")
    max_seconds = models.PositiveIntegerField(null=True)
    contact = models.CharField(max_length=256, blank=True)
    call_id = models.CharField(max_length=256, blank=True)
    caller_user_agent = models.CharField(max_length=256, blank=True)
    phone_user_agent = models.CharField(max_length=256, blank=True)
    traced = models.BooleanField(default=False)
    audio = models.CharField(max_length=8, blank=True, help_text="How audio went: relay or direct.")
    audio_why = models.CharField(max_length=16, blank=True)
    caller_packets = models.PositiveBigIntegerField(null=True, help_text="RTP packets the relay had from the carrier.")
    phone_packets = models.PositiveBigIntegerField(null=True, help_text="RTP packets the relay had from the phone.")

    class Meta:
        verbose_name = "CDR"
        verbose_name_plural = "CDRs"
        indexes = [
            models.Index(fields=["-started_at", "-attempt_id"], name="cdr_newest_first"),
            models.Index(fields=["carrier_id", "-started_at"], name="cdr_of_carrier"),
            models.Index(fields=["did_id", "-started_at"], name="cdr_of_did"),
            models.Index(fields=["account_id", "-started_at"], name="cdr_of_account"),
            models.Index(fields=["alias_id", "-started_at"], name="cdr_of_alias"),
            models.Index(fields=["number", "-started_at"], name="cdr_by_number"),
            models.Index(fields=["source", "-started_at"], name="cdr_by_source"),
            models.Index(fields=["reason", "-started_at"], name="cdr_by_reason"),
            models.Index(fields=["call_id"], name="cdr_by_call_id"),
            models.Index(fields=["-started_at"], condition=models.Q(ended_at__isnull=True), name="cdr_calls_now"),
        ]

    def __str__(self) -> str:
        return str(self.attempt_id)

    def get_absolute_url(self) -> str:
        return page_address("cdr:cdr_detail", self.attempt_id)

    @property
    def outcome(self) -> Outcome:
        """How the call came out."""
        if self.ended_at is None:
            return Outcome.IN_PROGRESS
        if self.answered_at:
            return Outcome.ANSWERED
        return Outcome.REFUSED if self.reason in REFUSAL_CODES else Outcome.UNANSWERED

    @property
    def duration(self) -> float | None:
        """Seconds from answer to end; None while it lasts or where nobody answered."""
        return (self.ended_at - self.answered_at).total_seconds() if self.answered_at and self.ended_at else None

    @property
    def ring_seconds(self) -> float | None:
        """Seconds from the first ringing to the answer, or to the end of a call nobody answered."""
        until = self.answered_at or self.ended_at
        return (until - self.rang_at).total_seconds() if self.rang_at and until else None

    @property
    def setup_seconds(self) -> float | None:
        """Post-dial delay: seconds from the INVITE to the first ringing."""
        return (self.rang_at - self.started_at).total_seconds() if self.rang_at else None

    @property
    def caller_number(self) -> str:
        """The user part of the From URI."""
        return sip_user(self.caller)

    @property
    def called_number(self) -> str:
        """The DID, or what the carrier sent where no number was found in it."""
        return f"+{self.number}" if self.number else sip_user(self.called)


def sip_user(uri: str) -> str:
    """Return the user part of a SIP URI; empty where it has none."""
    found = SIP_USER.search(uri)
    return found[1] if found else ""


class ChargedLeg(models.Model):
    """What one side of a call was charged, with the price as it was: a snapshot that outlives every later change.

    Rows are named by their ids, the version in which the call found them, and their names as they were; none is a
    foreign key, so what a call once used never keeps anybody from changing it. The ledger entries of a leg with an
    amount have its attempt and leg, and sum up to it.
    """

    attempt_id = models.UUIDField()
    started_at = models.DateTimeField()
    leg = models.CharField(max_length=16)
    balance_id = models.BigIntegerField(null=True, help_text="Who pays; none before the ledger took calls.")
    product_id = models.BigIntegerField(null=True)
    product_version = models.BigIntegerField(null=True)
    mapping_id = models.BigIntegerField(null=True)
    mapping_version = models.BigIntegerField(null=True)
    rate_table_id = models.BigIntegerField(null=True)
    rate_table_version = models.BigIntegerField(null=True)
    rate_id = models.BigIntegerField(null=True)
    rate_version = models.BigIntegerField(null=True)
    product_label = models.CharField(max_length=100)
    rate_table_label = models.CharField(max_length=100)
    code = models.CharField(max_length=15, blank=True)
    rate = models.JSONField(default=dict)
    charged_seconds = models.PositiveIntegerField()
    free_seconds = models.PositiveIntegerField(default=0, help_text="Of the charged ones, those that cost nothing.")
    amount = MoneyField()
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["attempt_id", "leg"], name="charged_once_per_leg")]

    def __str__(self) -> str:
        return f"{self.leg} {self.amount} {self.currency}"

    @property
    def rate_words(self) -> str:
        """The price as it was, without the zeros that NUMERIC keeps."""
        minute, call = (Decimal(str(self.rate.get(name) or 0)) for name in ("rate_minute", "rate_call"))
        if not minute and not call:
            return "no charge"
        return f"{money_text(minute)} {self.currency} a minute, {money_text(call)} {self.currency} a call"


class SipMessage(models.Model):
    """One SIP message of a traced call; partitioned by ``at``."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    attempt_id = models.UUIDField()
    sequence = models.PositiveIntegerField()
    direction = models.CharField(max_length=3)
    src = models.CharField(max_length=64)
    dst = models.CharField(max_length=64)
    transport = models.CharField(max_length=8)
    message = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["attempt_id", "sequence"], name="sip_message_of_call")]

    def __str__(self) -> str:
        return self.message.partition("\r\n")[0]
