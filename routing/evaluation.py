"""Judge one inbound call: the only code that does. Pure: no ORM, no clock, no settings.

The order of the checks is a contract (docs/decisions.md). Checks 12 and 14 depend on what only
the switch knows; where the facts do not say it, they are ``unknown`` and the switch decides them.
"""

from typing import Any, NoReturn

from billing.rating import quantum
from routing import near
from routing.decision import Check, Decision, Facts, InboundAttempt, Outcome, Ref, Reserve
from routing.leg_prices import CARRIER_LEG, NO_PRODUCT, LegPrice, account_leg_price, carrier_leg_price
from routing.networks import parse_address
from routing.numbers import Received, fits_tech_prefix, read_number, received_number
from routing.payable import paid
from routing.price_words import funds_words, lack_words, price_words
from routing.refs import account_ref, alias_ref, billed_ref, carrier_ref, did_ref, ref_of
from routing.rows import Account, Alias, Carrier, CarrierAccount, Did
from routing.snapshot import Snapshot

_NOT_REACHED = {number: Check(number, Outcome.NOT_REACHED) for number in range(1, 15)}
_DID_STATES = {"suspended": "did_suspended", "quarantine": "did_quarantined", "retired": "did_retired"}


def evaluate(attempt: InboundAttempt, config: Snapshot, facts: Facts, *, explain: bool = True) -> Decision:
    """Return the verdict on an attempt under a configuration and the facts of its moment.

    ``explain`` writes down the checks, with the nearest miss of a refusal; without it the verdict is the same, at half
    the cost, and the checks are left out.
    """
    return _Evaluation(attempt, config, facts, explain).judge()


class _Refused(Exception):
    """A check failed; carries the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Evaluation:
    """The state that one check hands to the next."""

    __slots__ = (
        "account", "address", "alias", "attempt", "carrier", "carrier_account", "checks", "config", "did", "digits",
        "done", "explain", "facts", "received", "reserve", "used",
    )  # fmt: skip

    account: Account
    alias: Alias
    carrier: Carrier
    carrier_account: CarrierAccount
    did: Did

    def __init__(self, attempt: InboundAttempt, config: Snapshot, facts: Facts, explain: bool) -> None:
        self.attempt, self.config, self.facts, self.explain = attempt, config, facts, explain
        self.checks: list[Check] = []
        self.done = 0
        self.received: dict[str, Received] = {}
        self.digits = ""
        self.reserve: list[Reserve] = []
        self.used: dict[str, Any] = {}

    def judge(self) -> Decision:
        """Run the checks in order until one refuses."""
        reason = "accepted"
        try:
            for check in _CHECKS:
                check(self)
        except _Refused as refusal:
            reason = refusal.reason
        if self.explain:
            self.checks.extend(_NOT_REACHED[number] for number in range(self.done + 1, 15))
        return self._decision(reason)

    # What the checks write down. A decider tells nobody, so nothing is put into words for it.

    def passed(self, *said: Any, row: Any = None) -> None:
        self.done += 1
        if self.explain:
            self.checks.append(Check(self.done, Outcome.PASSED, said, ref_of(row)))

    def unknown(self, *said: Any) -> None:
        self.done += 1
        if self.explain:
            self.checks.append(Check(self.done, Outcome.UNKNOWN, said))

    def refuse(self, reason: str, *said: Any, row: Any = None, near: str = "") -> NoReturn:
        self.done += 1
        if self.explain:
            self.checks.append(Check(self.done, Outcome.FAILED, said, ref_of(row), near))
        raise _Refused(reason)

    # The checks.

    def source(self) -> None:
        """Check 1: longest network, then longest tech prefix that starts the number as received."""
        source = self.attempt.source
        address = parse_address(source)
        if address is None:
            self.refuse("source_not_listed", "{} is no IP address", source)
        held: list[CarrierAccount] = []
        for id_ in self.config.networks.holding(address):
            candidate = self.config.carrier_account(id_)
            if not candidate.tech_prefix or fits_tech_prefix(self._received(candidate), candidate.tech_prefix):
                self.carrier_account = candidate
                self.passed(*(self._source_said(candidate) if self.explain else ()), row=candidate)
                return
            held.append(candidate)
        if held:
            text = self._received(held[0]).text
            self.refuse(
                "prefix_not_matched",
                "{} is listed, but the number {} starts with no tech prefix expected there",
                source, text or "(none)",
                row=held[0],
                near=near.tech_prefix(text, [account.tech_prefix for account in held]) if self.explain else "",
            )  # fmt: skip
        self.refuse(
            "source_not_listed",
            "{} is in no address or network of any carrier",
            source,
            near=near.network(source, address, self.config) if self.explain else "",
        )

    def _source_said(self, account: CarrierAccount) -> tuple[Any, ...]:
        carrier = self.config.carrier(account.carrier_id)
        name, source = carrier.name if carrier else "?", self.attempt.source
        if account.network.partition("/")[0] == source and account.network.endswith(("/32", "/128")):
            where: tuple[str, ...] = ("{} is an address of {}", source, name)
        else:
            where = ("{} is inside {} of {}", source, account.network, name)
        if account.tech_prefix:
            return where[0] + ", and the number starts with tech prefix {}", *where[1:], account.tech_prefix
        return where

    def carrier_enabled(self) -> None:
        """Check 2: a disabled entry refuses, even where a wider one is enabled."""
        account = self.carrier_account
        carrier = self.config.carrier(account.carrier_id)
        if carrier is None:
            self.refuse("carrier_disabled", "The carrier of {} does not exist", account.network, row=account)
        self.carrier = carrier
        if not carrier.enabled:
            self.refuse("carrier_disabled", "Carrier {} is disabled", carrier.name, row=carrier)
        if not account.enabled:
            self.refuse("carrier_disabled", "{} of {} is disabled", account.network, carrier.name, row=account)
        self.passed("{} and its {} are enabled", carrier.name, account.network, row=carrier)

    def did_provider(self) -> None:
        """Check 3."""
        carrier = row = self.carrier
        if not carrier.is_did_provider:
            self.refuse(
                "carrier_not_did_provider", "“Carrier is DID provider” is not set for {}", carrier.name, row=row
            )
        self.passed("“Carrier is DID provider” is set for {}", carrier.name, row=row)

    def carrier_credit(self) -> None:
        """Check 4: balance + credit limit above zero; what is not known is never taken for credit."""
        carrier = row = self.carrier
        credit = self.facts.credit.get(carrier.balance_id)
        if credit is None:
            self.refuse("funds_unknown", "The credit of {} is not known: the database is away", carrier.name, row=row)
        self.used["credit"] = {str(carrier.balance_id): credit}
        if not credit:
            self.refuse("carrier_no_credit", "Balance and credit limit of {} are not above zero", carrier.name, row=row)
        self.passed("Balance and credit limit of {} are above zero", carrier.name, row=row)

    def number(self) -> None:
        """Check 5: tech prefix off, translated, E.164."""
        account = self.carrier_account
        received = self._received(account)
        reading = read_number(received, account.tech_prefix, account.translation, account.default_region)
        how = "; ".join(reading.steps)
        if reading.problem:
            self.refuse(
                "prefix_not_matched",
                "The number “{}” ({}){}: {}",
                received.text, _SOURCES.get(account.number_source, ""), f"; {how}" if how else "", reading.problem,
                row=account,
            )  # fmt: skip
        self.digits = reading.number
        self.passed(
            "“{}” ({}) is +{}{}",
            received.text, _SOURCES.get(account.number_source, ""), reading.number, f" ({how})" if how else "",
            row=account,
        )  # fmt: skip

    def did_exists(self) -> None:
        """Check 6."""
        did = self.config.did_by_number.get(int(self.digits))
        if did is None:
            hint = near.did(self.digits, self.config) if self.explain else ""
            self.refuse("did_unknown", "No DID +{}", self.digits, near=hint)
        self.did = did
        self.passed("DID +{}", self.digits, row=did)

    def did_carrier(self) -> None:
        """Check 7."""
        if self.did.carrier_id != self.carrier.id:
            owner = self.config.carrier(self.did.carrier_id)
            self.refuse(
                "did_of_other_carrier",
                "+{} belongs to {}, the call came from {}",
                self.digits, owner.name if owner else "?", self.carrier.name,
                row=self.did,
            )  # fmt: skip
        self.passed("+{} belongs to {}", self.digits, self.carrier.name, row=self.did)

    def did_state(self) -> None:
        """Check 8."""
        reason = _DID_STATES.get(self.did.state)
        if reason:
            self.refuse(reason, "+{} is {}", self.digits, _STATE_WORDS[self.did.state], row=self.did)
        self.passed("+{} is in service ({})", self.digits, self.did.state, row=self.did)

    def mapping(self) -> None:
        """Check 9."""
        alias = self.config.alias(self.did.alias_id) if self.did.alias_id is not None else None
        if alias is None:
            self.refuse("did_not_mapped", "+{} is mapped to no alias", self.digits, row=self.did)
        self.alias = alias
        if not alias.enabled:
            self.refuse("alias_disabled", "+{} rings {}, which is disabled", self.digits, alias.username, row=alias)
        self.passed("+{} rings {}, which is enabled", self.digits, alias.username, row=alias)

    def account_active(self) -> None:
        """Check 10."""
        account = self.config.account(self.alias.account_id)
        if account is None:
            self.refuse("account_suspended", "The account of {} does not exist", self.alias.username)
        self.account = account
        row = account
        if account.state != "active":
            self.refuse("account_suspended", "Account {} is {}", account.name, account.state, row=row)
        self.passed("Account {} is active", account.name, row=row)

    def price(self) -> None:
        """Check 11: the carrier's leg speaks first; an account with neither product nor DID price receives free."""
        config, number, at = self.config, self.digits, self.attempt.at
        words, row = self._price_leg(
            carrier_leg_price(config, self.carrier_account, number, at), self.carrier.balance_id, "no_rate"
        )
        paid = account_leg_price(config, self.account, self.did, number, at)
        if paid is None:
            self.passed("{}. Account {} has no product and receives free", words, self.account.name, row=row)
        else:
            said, _ = self._price_leg(paid, self.account.balance_id, "account_no_rate")
            self.passed("{}. {}", words, said, row=row)

    def _price_leg(self, price: LegPrice, balance_id: int, none: str) -> tuple[str, Ref | None]:
        rate = price.rate
        if rate is None or price.unpriced is not None:
            self._refuse_unpriced(price, none)
        # Most calls are free, and arithmetic on Decimal is not.
        priced = rate.rate_minute > 0 or rate.rate_call > 0
        if priced and (amount := quantum(rate, self.config.policy.reservation_seconds)) > 0:
            self.reserve.append(Reserve(price.leg, balance_id, amount, price.currency, rate, price.free))
        return price_words(price, rate) if self.explain else ("", None)

    def _refuse_unpriced(self, price: LegPrice, none: str) -> NoReturn:
        product = price.product or NO_PRODUCT
        row = Ref("product", product.id, product.name, product.version)
        if price.mapping is None:
            self.refuse(none, "Product “{}” has no mapping in force for +{}", product.name, self.digits, row=row)
        if price.code is None:
            self.refuse(
                none, "Product “{}”: mapping {} names a rate table that has no code for +{}",
                product.name, price.prefix or "(any)", self.digits, row=row,
            )  # fmt: skip
        self.refuse(
            "destination_blocked", "Product “{}”: code {} is disabled, which blocks +{}",
            product.name, price.code.code or "(any)", self.digits, row=row,
        )  # fmt: skip

    def limits(self) -> None:
        """Check 12: calls already up, this one not counted, must be below the limit."""
        known = False
        for key, limit, name, reason in self._limits():
            live = self.facts.live.get(key, -1)
            if limit is None or live < 0:
                continue
            known = True
            if live >= limit:
                self.refuse(reason, "{}: {} of {} calls", name, live, limit)
        if known:
            self.passed("{}", "; ".join(
                f"{name}: {self.facts.live.get(key, '?')} of {limit} calls"
                for key, limit, name, _ in self._limits() if limit is not None
            ))  # fmt: skip
        elif any(limit is not None for _, limit, _, _ in self._limits()):
            self.unknown("The switch counts the calls")
        else:
            self.passed("No call limit")

    def _limits(self) -> tuple[tuple[str, int | None, str, str], ...]:
        return (
            ("carrier_account", self.carrier_account.call_limit, self.carrier_account.network, "carrier_limit"),
            ("did", self.did.call_limit, f"+{self.digits}", "did_limit"),
            ("account", self.account.call_limit, self.account.name, "account_limit"),
        )

    def funds(self) -> None:
        """Check 13: the first quantum on each leg with a price above zero."""
        if not self.reserve:
            self.passed("Nothing to pay")
            return
        self.used["funds"], lacking, reason = paid(self.reserve, self.facts.funds)
        if lacking is None:
            self.passed(*(funds_words(self.reserve) if self.explain else ()))
            return
        payer = self.carrier if lacking.leg == CARRIER_LEG else self.account
        said: tuple[object, ...] = ()
        if self.explain:
            seconds = self.config.policy.reservation_seconds
            said = lack_words(lacking, payer.name, seconds, known=reason != "funds_unknown")
        self.refuse(reason, *said, row=payer)

    def registered(self) -> None:
        """Check 14: only the switch knows its contacts."""
        registered, row = self.facts.registered, self.alias
        if registered is None:
            self.unknown("The switch looks up the contacts of {}", self.alias.username)
        elif registered:
            self.passed("{} is registered", self.alias.username, row=row)
        else:
            self.refuse("not_registered", "{} is not registered", self.alias.username, row=row)

    # Helpers.

    def _received(self, account: CarrierAccount) -> Received:
        source = account.number_source
        received = self.received.get(source)
        if received is None:
            attempt = self.attempt
            uri = (
                attempt.to_uri if source == "to"
                else attempt.p_called_party_id if source == "p_called_party_id"
                else attempt.ruri
            )  # fmt: skip
            received = self.received[source] = received_number(uri)
        return received

    def _decision(self, reason: str) -> Decision:
        """Put together what is known; each party only once its check came so far."""
        decision = Decision(reason, self.config.version, self.checks, number=self.digits, facts=self.used)
        if hasattr(self, "carrier_account"):
            decision.carrier_account = account_ref(self.carrier_account)
            carrier = self.config.carrier(self.carrier_account.carrier_id)
            decision.carrier = carrier_ref(carrier) if carrier else None
        if hasattr(self, "did"):
            decision.did = did_ref(self.did)
            decision.trace = ("did", self.did.id) in self.config.traced
        if hasattr(self, "alias"):
            decision.alias = alias_ref(self.alias)
            decision.trace = decision.trace or ("alias", self.alias.id) in self.config.traced
        if hasattr(self, "account"):
            decision.account = billed_ref(self.account)
            client = self.config.client(self.account.client_id)
            decision.client = Ref("client", client.id, client.name, client.version) if client else None
        if self.done >= 12:
            decision.reserve = tuple(self.reserve)
            decision.limits = {key: limit for key, limit, _, _ in self._limits()}
            decision.max_seconds = min(
                self.config.policy.max_call_seconds,
                self.account.max_call_seconds or self.config.policy.max_call_seconds,
            )
            decision.audio = audio_path(self.carrier_account.audio, self.alias.audio)
        return decision


_SOURCES = {"request_uri": "Request-URI", "to": "To", "p_called_party_id": "P-Called-Party-ID"}
_STATE_WORDS = {"suspended": "suspended", "quarantine": "in quarantine", "retired": "retired"}
_CHECKS = (
    _Evaluation.source,
    _Evaluation.carrier_enabled,
    _Evaluation.did_provider,
    _Evaluation.carrier_credit,
    _Evaluation.number,
    _Evaluation.did_exists,
    _Evaluation.did_carrier,
    _Evaluation.did_state,
    _Evaluation.mapping,
    _Evaluation.account_active,
    _Evaluation.price,
    _Evaluation.limits,
    _Evaluation.funds,
    _Evaluation.registered,
)


def audio_path(*settings: str) -> str:
    """Return whether a call's audio goes through the relay: whom "never" would leave without audio, "always" helps."""
    return next((word for word in ("always", "never") if word in settings), "automatic")
