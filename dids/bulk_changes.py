"""The same step for many chosen DIDs: suspended, resumed, mapped, released, made available, retired."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar

from django.core.exceptions import ValidationError

from accounts.models import Alias
from core.jobs.choices import LineOutcome
from core.jobs.kinds import ChoiceKind, JobKind, Planned, Told
from core.jobs.rows import ReadError
from dids import transitions
from dids.job_rows import WRITTEN, AliasRow, DIDRow, dids_chosen, tell_dids
from dids.models import DID
from dids.plans.choices import RentalSide
from dids.plans.models import RentalPlan
from dids.prices import PriceCurrencies
from dids.quarantine import quarantine_days
from dids.rental_plans import PlanRules
from dids.transitions import Forbidden, Holding

BATCH = 5_000


class DIDChange(ChoiceKind):
    """One step for many DIDs; those that may not take it are refused, each with its reason."""

    noun, key_label = "DIDs", "DID number"
    model, key_columns, written, stamps = DID, ("number",), WRITTEN, {"state_since": "state"}
    verb: ClassVar[str] = ""

    def begin(self, options: Mapping[str, Any]) -> Any:
        """Return what every step needs to know. Raise ReadError where what the options name is gone."""
        return None

    def step(self, did: DIDRow, known: Any) -> Holding:
        """Return what becomes of a DID. Raise Forbidden."""
        raise NotImplementedError

    def plans(self, did: DIDRow, after: Holding, known: Any) -> dict[str, int | None]:
        """Return the rental plans that a DID has afterwards, by column. Raise ValidationError."""
        return did.plans

    def tell(self, lines: Sequence[Any]) -> dict[int, Told]:
        """Return what each line changes."""
        return tell_dids(lines)

    def plan(self, lines: Iterable[int], options: Mapping[str, Any]) -> Iterator[Planned]:
        """Yield what becomes of each chosen DID."""
        known = self.begin(options)
        numbered = enumerate(lines, start=1)
        while batch := list(islice(numbered, BATCH)):
            found = dids_chosen([pk for _, pk in batch])
            for line, pk in batch:
                did = found.get(pk)
                if did is None:
                    yield Planned(line, LineOutcome.REFUSED, f"#{pk}", "It has been deleted.")
                else:
                    yield self._planned(line, did, known)

    def _planned(self, line: int, did: DIDRow, known: Any) -> Planned:
        key = f"+{did.number}"
        try:
            after = self.step(did, known)
            plans = self.plans(did, after, known)
        except (Forbidden, ValidationError) as error:
            words = error.messages[0].rstrip(".") if isinstance(error, ValidationError) else str(error)
            return Planned(line, LineOutcome.REFUSED, key, words[0].upper() + words[1:] + ".")
        wanted = {"state": after.state.value, "alias_id": after.alias_id, **plans}
        changed = [name for name, value in wanted.items() if getattr(did, name) != value]
        if not changed:
            return Planned(line, LineOutcome.UNCHANGED, key, row_id=did.id, version=did.version)
        return Planned(
            line, LineOutcome.CHANGED, key, row_id=did.id, version=did.version,
            before={name: getattr(did, name) for name in changed}, after={name: wanted[name] for name in changed},
        )  # fmt: skip


class Suspension(DIDChange):
    """Stop calls to DIDs."""

    name, label, verb = "dids-suspend", "Suspension of DIDs", "suspend"

    def step(self, did: DIDRow, known: Any) -> Holding:
        """Suspend one."""
        return transitions.suspended(did.holding) if did.state != "suspended" else did.holding


class Resumption(DIDChange):
    """Put suspended DIDs back into service."""

    name, label, verb = "dids-resume", "Resumption of DIDs", "resume"

    def step(self, did: DIDRow, known: Any) -> Holding:
        """Resume one."""
        return transitions.resumed(did.holding)


class Assignment(DIDChange):
    """Let DIDs ring an alias."""

    name, label, verb = "dids-map", "Mapping of DIDs", "map"

    def begin(self, options: Mapping[str, Any]) -> tuple[AliasRow, PriceCurrencies, PlanRules]:
        """Look up the alias, the currencies of the numbers' own prices, and rental plans."""
        chosen = Alias.objects.filter(pk=options.get("alias") or 0)
        alias = chosen.values_list("pk", "username", "account_id").first()
        if alias is None:
            raise ReadError("The alias that was chosen exists no longer.")
        if chosen.filter(account__archived_at__isnull=False).exists():
            raise ReadError("The account of the alias that was chosen is archived.")
        return AliasRow(*alias), PriceCurrencies(), PlanRules()

    def facts(self, options: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the alias."""
        alias = Alias.objects.filter(pk=options.get("alias") or 0).select_related("account__client").first()
        return [("Alias", f"{alias} of {alias.account.client} › {alias.account}" if alias else "deleted")]

    def step(self, did: DIDRow, known: Any) -> Holding:
        """Map one."""
        alias, currencies, _ = known
        if did.alias_id == alias.id:
            return did.holding
        after = transitions.mapped(did.holding, alias.id, alias.account_id)
        if conflict := currencies.conflict(did.id, did.number, alias.account_id):
            raise Forbidden(conflict)
        return after

    def plans(self, did: DIDRow, after: Holding, known: Any) -> dict[str, int | None]:
        """Give it the default plan where it has none."""
        rules: PlanRules = known[2]
        return rules.after(
            did.plans, {}, carrier_id=did.carrier_id, country=did.country,
            account_id=after.account_id, new_holder=did.account_id != after.account_id,
        )  # fmt: skip


class Release(DIDChange):
    """Take DIDs from their aliases; they rest in quarantine, or are available at once."""

    name, label, verb = "dids-unmap", "Release of DIDs", "unmap"

    def facts(self, options: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Say what becomes of them."""
        rest = f"in quarantine for {quarantine_days()} days" if options.get("quarantine") else "available at once"
        return [("Afterwards", rest)]

    def begin(self, options: Mapping[str, Any]) -> bool:
        """Return whether they rest."""
        return bool(options.get("quarantine"))

    def step(self, did: DIDRow, known: Any) -> Holding:
        """Release one."""
        return transitions.unmapped(did.holding, quarantine=known)


class Recycling(DIDChange):
    """Make DIDs available that have rested; with a reason of an administrator's, also before their time or retired."""

    name, label, verb = "dids-release", "Making DIDs available", "release"

    def facts(self, options: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the reason, where there is one."""
        return [("Reason", str(options["reason"]))] if options.get("reason") else []

    def begin(self, options: Mapping[str, Any]) -> bool:
        """Return whether a reason makes those available too that still rest or were retired."""
        return bool(options.get("reason"))

    def step(self, did: DIDRow, known: Any) -> Holding:
        """Make one available."""
        return transitions.released(did.holding, rested=did.rested or known, reasoned=known)


class Retirement(DIDChange):
    """Take DIDs out of service."""

    name, label, verb = "dids-retire", "Retirement of DIDs", "retire"

    def step(self, did: DIDRow, known: Any) -> Holding:
        """Retire one."""
        return transitions.retired(did.holding)


class Pricing(DIDChange):
    """Give DIDs other rental plans."""

    name, label, verb = "dids-plans", "Rental plans of DIDs", "plans"

    def begin(self, options: Mapping[str, Any]) -> tuple[dict[str, int | None], PlanRules]:
        """Return the wished plans by column, which must still be offered."""
        rules, wished = PlanRules(), {}
        for side in RentalSide:
            if f"{side.value}_plan" in options:
                pk = options[f"{side.value}_plan"]
                if pk is not None and (pk not in rules.plans or rules.plans[pk].side != side):
                    raise ReadError("The rental plan that was chosen exists no longer.")
                wished[f"{side.value}_plan_id"] = pk
        return wished, rules

    def facts(self, options: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the chosen plans."""
        names = dict(RentalPlan.objects.values_list("pk", "name"))
        return [
            (f"{side.label} by plan", names.get(options[f"{side.value}_plan"], "none"))
            for side in RentalSide
            if f"{side.value}_plan" in options
        ]

    def step(self, did: DIDRow, known: Any) -> Holding:
        """Leave its mapping."""
        return did.holding

    def plans(self, did: DIDRow, after: Holding, known: Any) -> dict[str, int | None]:
        """Return the wished plans, if they fit."""
        wished, rules = known
        return rules.after(
            did.plans, wished, carrier_id=did.carrier_id, country=did.country,
            account_id=did.account_id, new_holder=False,
        )  # fmt: skip


KINDS: tuple[type[JobKind], ...] = (Suspension, Resumption, Assignment, Release, Recycling, Retirement, Pricing)
BY_VERB = {kind.verb: kind.name for kind in KINDS if issubclass(kind, DIDChange)}
