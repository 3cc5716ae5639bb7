"""Whether a call to a DID would ring now, judged from each address of its carrier: the guide's checklist, live."""

from dataclasses import dataclass

from carriers.models import CarrierAccount
from dids.models import DID
from routing.decision import Decision
from routing.forms import dialled_uri
from routing.reasons import reason
from routing.simulation import simulate_all

MOST_ADDRESSES = 20


@dataclass(frozen=True)
class Trial:
    """A call from one of the carrier's addresses, judged now."""

    account: CarrierAccount
    source: str
    number: str
    decision: Decision

    @property
    def pill(self) -> tuple[str, str]:
        """Word and colour: an unregistered phone is no fault of the configuration."""
        if self.decision.accept:
            return "Rings", "green"
        return ("Phone not registered", "orange") if self.decision.reason == "not_registered" else ("Refused", "red")


@dataclass(frozen=True)
class Readiness:
    """The light of a DID, the trials behind it, and how many addresses were left out."""

    trials: list[Trial]
    left_out: int

    @property
    def pill(self) -> tuple[str, str]:
        """Word and colour of the light."""
        if not self.trials:
            return "No address listed", "red"
        outcomes = {trial.pill for trial in self.trials}
        for outcome in (("Refused", "red"), ("Phone not registered", "orange")):
            if outcome in outcomes:
                return ("Some addresses refused", "orange") if ("Rings", "green") in outcomes else outcome
        return "Ready", "green"

    @property
    def shown(self) -> Trial | None:
        """The trial to show in full: the first that would not ring, else the first."""
        failing = (trial for trial in self.trials if not trial.decision.accept)
        return next(failing, self.trials[0] if self.trials else None)

    @property
    def remedies(self) -> tuple[str, ...]:
        """What to do about the trial shown."""
        return () if self.shown is None or self.shown.decision.accept else reason(self.shown.decision.reason).remedies


def readiness(did: DID) -> Readiness:
    """Judge a call to the DID from each enabled address of its carrier, as the provider writes the number.

    A network is tried by its first address. Disabled entries are left alone: nobody means to call from them.
    """
    accounts = CarrierAccount.objects.filter(carrier=did.carrier_id, enabled=True)
    tried = list(accounts[:MOST_ADDRESSES])
    numbers = [account.tech_prefix + (did.provider_number or f"+{did.number}") for account in tried]
    sources = [str(account.network.network_address) for account in tried]
    decisions = simulate_all([_call(source, number) for source, number in zip(sources, numbers, strict=True)])
    trials = [Trial(*trial) for trial in zip(tried, sources, numbers, decisions, strict=True)]
    return Readiness(trials, max(0, accounts.count() - MOST_ADDRESSES))


def _call(source: str, number: str) -> dict[str, str]:
    uri = dialled_uri(number)
    return {"source": source, "ruri": uri, "to_uri": uri, "p_called_party_id": f"<{uri}>"}
