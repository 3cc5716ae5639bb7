"""DIDs from a file: added, changed, mapped, suspended; by the rules that hold for a single one."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from carriers.models import Carrier
from core.countries import area_of, country_choices
from core.jobs.choices import LineOutcome
from core.jobs.columns import Column
from core.jobs.kinds import FileRow, ImportKind, Planned, Told
from core.jobs.rows import ReadError, strange_character
from core.phone_numbers import NumberError, read_number, shorten
from dids import transitions
from dids.choices import DIDState
from dids.forms import RegionField
from dids.job_rows import WRITTEN, AliasRow, DIDRow, aliases_named, dids_numbered, tell_dids
from dids.models import DID
from dids.plans.choices import RentalSide
from dids.prices import PriceCurrencies
from dids.quarantine import quarantine_days
from dids.rental_plans import PlanRules
from dids.transitions import Forbidden, Holding

BATCH = 2_000
# What a cell says to empty what stands there; an empty cell leaves it.
CLEAR = {"-", "–", "—"}
MAX_LIMIT = 2_147_483_647
LENGTHS = {"provider_number": 32, "area": 100}
_STATES = {str(word).casefold(): state for state in DIDState for word in (state.value, state.label)}


class DIDImportForm(forms.Form):
    """What holds for all rows of a file of DIDs."""

    carrier = forms.ModelChoiceField(
        queryset=Carrier.objects.filter(archived_at=None),
        required=False,
        empty_label="As the file says",
        help_text="The carrier that provides new numbers, where the file has no column that says so.",
    )
    region = RegionField()


class Unfit(Exception):
    """The row is refused; the message says why."""


@dataclasses.dataclass(slots=True)
class Wish:
    """What one row asks for; what it does not speak of is not in ``values``."""

    row: FileRow
    digits: str
    warning: str
    country: str
    carrier_id: int | None
    alias: str | None
    state: DIDState | None
    values: dict[str, Any]
    plans: dict[str, int | None]


class DIDImport(ImportKind):
    """Rows of DID numbers, each with whatever columns the file has."""

    name, label, noun, key_label = "dids", "Import of DIDs", "DIDs", "DID number"
    model, key_columns, written, stamps = DID, ("number",), WRITTEN, {"state_since": "state"}
    options_form = DIDImportForm
    back, upload = "dids:did_list", "jobs:import_dids"
    instead = "Retire such numbers instead."
    hint = (
        "An empty cell leaves what is there, a hyphen (-) empties it: under “Alias” it releases the number. "
        "Numbers may be written +44 20 7946 0018, 0044… or 44…; one number a row."
    )
    columns = (
        Column("number", "DID number", ("number", "did", "phone", "phone number", "telephone", "tn", "ddi", "e164",
               "msisdn", "numbers", "dids"), required=True),
        Column("carrier", "Carrier", ("provider", "did provider", "vendor", "supplier")),
        Column("alias", "Alias", ("sip user name", "sip username", "username", "subaccount", "sip user", "extension")),
        Column("state", "State", ("status",), help="available, mapped, suspended or retired"),
        Column("provider_number", "Provider's spelling", ("provider number", "number as the provider writes it")),
        Column("area", "Area", ("city", "place", "location", "region")),
        Column("call_limit", "Call limit", ("limit", "channels", "max calls")),
        Column("bought_plan", "Bought by plan", ("buy plan", "bought plan", "purchase plan", "cost plan")),
        Column("sold_plan", "Sold by plan", ("sell plan", "sold plan", "rental plan", "plan")),
        Column("notes", "Notes", ("note", "description", "comment", "remarks")),
    )  # fmt: skip

    def options_of(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """Return carrier and region as JSON has them."""
        carrier = cleaned.get("carrier")
        return {"carrier": carrier.pk if carrier else None, "region": cleaned.get("region") or ""}

    def facts(self, options: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return what was chosen for the whole file."""
        carrier = Carrier.objects.filter(pk=options.get("carrier") or 0).first()
        region = dict(country_choices()).get(options.get("region", ""), "")
        return [("Carrier", str(carrier) if carrier else "as the file says")] + (
            [("National numbers", region)] if region else []
        )

    def tell(self, lines: Sequence[Any]) -> dict[int, Told]:
        """Return what each line changes, with the names of carriers and aliases."""
        return tell_dids(lines)

    def plan(self, lines: Iterable[FileRow], options: Mapping[str, Any]) -> Iterator[Planned]:
        """Yield what each row does. Raise ReadError where the chosen carrier is gone."""
        reader = _Reader(options)
        first_line: dict[str, int] = {}
        rows = iter(lines)
        while batch := list(islice(rows, BATCH)):
            read = [reader.read(row) for row in batch]
            wishes = [wish for wish in read if isinstance(wish, Wish)]
            known = dids_numbered([wish.digits for wish in wishes])
            aliases = aliases_named({wish.alias for wish in wishes if wish.alias})
            for wish in read:
                if isinstance(wish, Planned):
                    yield wish
                elif (seen := first_line.setdefault(wish.digits, wish.row.line)) != wish.row.line:
                    yield refused(wish.row.line, f"+{wish.digits}", f"Line {seen} of the file has it already.")
                else:
                    yield _planned(wish, known.get(wish.digits), aliases, reader)


def refused(line: int, key: str, message: str) -> Planned:
    """Return the outcome of a line that is left out."""
    return Planned(line, LineOutcome.REFUSED, key, message)


class _Reader:
    """Turns a row's text into a wish."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.currencies = PriceCurrencies()
        self.rules = PlanRules()
        self.names = dict(Carrier.objects.values_list("pk", "name"))
        self.carriers = {name.casefold(): pk for pk, name in self.names.items()}
        self.chosen: int | None = options.get("carrier")
        self.region: str = options.get("region", "")
        if self.chosen is not None and self.chosen not in self.names:
            raise ReadError("The carrier that was chosen for this file exists no longer.")

    def read(self, row: FileRow) -> Wish | Planned:
        """Return what the row asks for, or its refusal."""
        written = row.cells.get("number", "")
        try:
            return self._read(row, written)
        except NumberError as error:
            words = str(error)
            if "e+" in written.casefold():
                words = f"A spreadsheet has shortened the number to {shorten(written)}: format the column as text."
            return refused(row.line, shorten(written), words)
        except Unfit as error:
            return refused(row.line, shorten(written), str(error))

    def _read(self, row: FileRow, written: str) -> Wish:
        for name, cell in row.cells.items():
            if found := strange_character(cell):
                raise Unfit(f"{_label(name)} holds the invisible character {found}.")
        number = read_number(written, self.region)
        cells = row.cells
        values: dict[str, Any] = {}
        for name in ("provider_number", "area", "notes"):
            cell = cells.get(name, "")
            if cell:
                values[name] = "" if cell in CLEAR else cell
                if len(cell) > LENGTHS.get(name, 2_000):
                    raise Unfit(f"{_label(name)} has {len(cell)} characters; at most {LENGTHS[name]} are kept.")
        if limit := cells.get("call_limit", ""):
            values["call_limit"] = None if limit in CLEAR else self._limit(limit)
        return Wish(
            row, number.digits, number.warning, number.country, self._carrier(cells.get("carrier", "")),
            cells.get("alias") or None, self._state(cells.get("state", "")), values, self._plans(cells),
        )  # fmt: skip

    def _plans(self, cells: Mapping[str, str]) -> dict[str, int | None]:
        """Return the rental plans that the row names, by column."""
        found: dict[str, int | None] = {}
        for side in RentalSide:
            text = cells.get(f"{side.value}_plan", "")
            if not text:
                continue
            plan = None if text in CLEAR else self.rules.find(side, text)
            if plan is None and text not in CLEAR:
                raise Unfit(f"There is no rental plan “{shorten(text)}” by which numbers are {side.label.lower()}.")
            found[f"{side.value}_plan_id"] = plan.pk if plan else None
        return found

    @staticmethod
    def _limit(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) > MAX_LIMIT:
            raise Unfit(f"“{shorten(text)}” is no call limit: write a whole number, 0 for no calls.")
        return int(text)

    @staticmethod
    def _state(text: str) -> DIDState | None:
        if not text:
            return None
        if (state := _STATES.get(text.casefold())) is None:
            raise Unfit(f"“{shorten(text)}” is no state: write available, mapped, suspended or retired.")
        return state

    def _carrier(self, text: str) -> int | None:
        if not text:
            return self.chosen
        found = self.carriers.get(text.casefold())
        if found is None:
            raise Unfit(f"There is no carrier “{shorten(text)}”.")
        if self.chosen is not None and found != self.chosen:
            raise Unfit(f"The file says {self.names[found]}, but {self.names[self.chosen]} was chosen for all of it.")
        return found


def _label(name: str) -> str:
    return next(column.label for column in DIDImport.columns if column.name == name)


def _planned(wish: Wish, did: DIDRow | None, aliases: Mapping[str, AliasRow], reader: _Reader) -> Planned:
    key = f"+{wish.digits}"
    try:
        if did is None:
            return _new(wish, key, aliases, reader)
        if wish.carrier_id is not None and did.carrier_id != wish.carrier_id:
            raise Unfit(f"Already a DID of carrier {reader.names[did.carrier_id]}.")
        after = _holding(did.holding, wish, aliases, rested=did.rested)
        moved = after.alias_id != did.alias_id and after.account_id is not None
        if moved and (conflict := reader.currencies.conflict(did.id, did.number, after.account_id or 0)):
            raise Forbidden(conflict)
        plans = reader.rules.after(
            did.plans, wish.plans, carrier_id=did.carrier_id, country=did.country,
            account_id=after.account_id, new_holder=after.account_id != did.account_id,
        )  # fmt: skip
    except (Unfit, Forbidden, ValidationError) as error:
        words = error.messages[0] if isinstance(error, ValidationError) else str(error)
        return refused(wish.row.line, key, words[0].upper() + words[1:] + ("" if words.endswith(".") else "."))
    wanted = {**wish.values, "state": after.state.value, "alias_id": after.alias_id, **plans}
    changed = [name for name, value in wanted.items() if getattr(did, name) != value]
    if not changed:
        return Planned(wish.row.line, LineOutcome.UNCHANGED, key, row_id=did.id, version=did.version)
    return Planned(
        wish.row.line, LineOutcome.CHANGED, key, row_id=did.id, version=did.version,
        before={name: getattr(did, name) for name in changed}, after={name: wanted[name] for name in changed},
    )  # fmt: skip


def _new(wish: Wish, key: str, aliases: Mapping[str, AliasRow], reader: _Reader) -> Planned:
    if wish.carrier_id is None:
        raise Unfit("It is new, and neither the file nor the form says which carrier provides it.")
    holding = _holding(transitions.NEW, wish, aliases, rested=True)
    written = wish.row.cells["number"]
    values = {
        "number": wish.digits,
        # As the provider writes it, where that is not the number itself.
        "provider_number": written if len(written) <= 32 and written.lstrip("+") != wish.digits else "",
        "carrier_id": wish.carrier_id,
        "country": wish.country,
        "area": area_of(wish.digits, valid=not wish.warning)[:100],
        "call_limit": None,
        "notes": "",
        **wish.values,
        "state": holding.state.value,
        "alias_id": holding.alias_id,
        **reader.rules.after(
            None, wish.plans, carrier_id=wish.carrier_id, country=wish.country,
            account_id=holding.account_id, new_holder=holding.account_id is not None,
        ),
    }  # fmt: skip
    return Planned(wish.row.line, LineOutcome.NEW, key, wish.warning, after=values)


def _holding(now: Holding, wish: Wish, aliases: Mapping[str, AliasRow], *, rested: bool) -> Holding:
    """Return what becomes of the mapping and the state; raise Forbidden or Unfit where it may not."""
    after = now
    if wish.alias in CLEAR:
        if now.alias_id is not None:
            after = transitions.unmapped(now, quarantine=rests(wish.state))
    elif wish.alias is not None:
        alias = aliases.get(wish.alias)
        if alias is None:
            raise Unfit(f"There is no alias “{shorten(wish.alias)}”.")
        if now.alias_id != alias.id:
            after = transitions.mapped(now, alias.id, alias.account_id)
    if wish.state is None:
        return after
    if now is transitions.NEW and after is now and wish.state in (DIDState.QUARANTINE, DIDState.RETIRED):
        # An inventory that is taken over from elsewhere.
        return Holding(wish.state)
    if wish.state == DIDState.AVAILABLE and after.state == DIDState.MAPPED and after is not now:
        raise Unfit("It cannot be available and ring an alias: leave one of the two cells empty.")
    return transitions.towards(after, wish.state, rested=rested)


def rests(wanted: DIDState | None) -> bool:
    """Tell whether a number that loses its alias goes into quarantine: so it does unless the row says otherwise."""
    return wanted == DIDState.QUARANTINE or (wanted is None and quarantine_days() > 0)
