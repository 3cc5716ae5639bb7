"""Rates from a file: added, changed, disabled, deleted; by the rules that hold for a single one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.models import Product, Rate, RateTable
from billing.pricing import foreign_balances
from billing.rate_cells import Unfit, read_cells
from billing.rate_fields import AMOUNTS, FORMAT, RATE_FIELDS
from core.fields import ZERO
from core.jobs.choices import LineOutcome
from core.jobs.columns import Column
from core.jobs.kinds import FileRow, ImportKind, Planned, Told
from core.jobs.models import Line
from core.jobs.rows import ReadError
from core.phone_numbers import shorten
from core.render import money_text

UPDATE, DISABLE, DELETE = "update", "disable", "delete"
MODES = {
    UPDATE: "stay as they are",
    DISABLE: "are disabled: calls to them are refused",
    DELETE: "are deleted",
}
ANY_NUMBER = "any number"
# The code is what tells one line from another; of the others the preview says what changes.
TOLD = [name for name in RATE_FIELDS if name != "code"]
NEW_RATE: Mapping[str, Any] = {
    "description": "", "enabled": True, "rate_minute": None, "rate_call": ZERO, "increment": 1, "grace": 0,
    "minimal_duration": 0,
}  # fmt: skip


class RateRow(NamedTuple):
    """A rate as it is now."""

    id: int
    version: int
    code: str
    description: str
    enabled: bool
    rate_minute: Decimal
    rate_call: Decimal
    increment: int
    grace: int
    minimal_duration: int


# xmin tells one version of a row from another.
_KNOWN = f"SELECT id, xmin::text::bigint, {', '.join(RateRow._fields[2:])} FROM billing_rate WHERE table_id = %s"  # noqa: S608


class RateImportForm(forms.Form):
    """Into which table a file goes, and what becomes of codes that it lacks."""

    table = forms.ModelChoiceField(queryset=RateTable.objects.none(), label="Rate table", empty_label="Choose table…")
    mode = forms.ChoiceField(
        label="Codes that are not in the file",
        choices=list(MODES.items()),
        widget=forms.RadioSelect,
        initial=UPDATE,
        required=False,
        help_text="The preview shows each of them.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["table"].queryset = own_tables()  # type: ignore[attr-defined]

    def clean_mode(self) -> str:
        """Leave other codes alone where nothing is said."""
        return self.cleaned_data["mode"] or UPDATE


def own_tables() -> QuerySet[RateTable]:
    """Return the tables that may be changed, by name."""
    return RateTable.objects.filter(archived_at=None).exclude(mappings__product__builtin=True).order_by("name")


class RateImport(ImportKind):
    """Rows of rates for one table."""

    name, label, noun, key_label = "rates", "Import of rates", "rates", "Code"
    model, key_columns, written = Rate, ("table_id", "code"), ("table_id", *RATE_FIELDS)
    outcomes = tuple(LineOutcome)
    options_form = RateImportForm
    back, upload = "billing:ratetable_list", "jobs:import_rates"
    hint = (
        "An empty code prices every number. An empty cell leaves what is there; a new code needs a Rate Minute. "
        "What is exported can be imported as it is."
    )
    columns = (
        Column("code", "Code", ("prefix", "dial code", "dialing code", "area code", "destination code", "codes",
               "breakout"), required=True),
        Column("description", "Description", ("destination", "name", "country", "zone", "destination name")),
        Column("enabled", "Enabled", ("status", "state", "active"),
               help="Enabled, Yes, True, 1 or Disabled, No, False, 0"),
        Column("rate_minute", "Rate Minute", ("rate", "price", "rate per minute", "price per minute", "rate min",
               "per minute", "price min", "cost", "tariff")),
        Column("rate_call", "Rate Call", ("connection fee", "connect fee", "setup fee", "rate per call", "call fee",
               "connection charge")),
        Column("currency", "Currency", ("cur", "ccy")),
        Column("increment", "Increment", ("interval", "billing increment", "interval n", "next increment", "step")),
        Column("grace", "Grace", ("grace period", "free seconds")),
        Column("minimal_duration", "Minimal Duration", ("minimum duration", "minimum", "min duration", "interval 1",
               "initial increment", "first increment", "minimal time")),
    )  # fmt: skip

    def options_of(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """Return table and mode as JSON has them, and in which currency the file is read."""
        table = cleaned["table"]
        return {"table": table.pk, "mode": cleaned["mode"], "currency": table.currency}

    def facts(self, options: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return what was chosen for the whole file."""
        table = RateTable.objects.filter(pk=options.get("table") or 0).first()
        words = f"{table}, in {table.currency}" if table else "deleted"
        return [("Rate table", words), ("Codes not in the file", MODES[options.get("mode", UPDATE)])]

    def check(self, job: Any) -> None:
        """Raise ReadError where the table is gone, cannot take the prices any more, or has codes nobody previewed."""
        table = _table(job.options, lock=True)
        priced = [LineOutcome.NEW.value, LineOutcome.CHANGED.value, LineOutcome.DISABLED.value]
        lines = Line.objects.filter(job=job)
        if (why := foreign_balances(table)) and any(
            _charges(after) for after in lines.filter(outcome__in=priced).values_list("after", flat=True).iterator()
        ):
            raise ReadError(f"Nothing was changed: {why}")
        if job.options.get("mode") != UPDATE:
            unseen = Rate.objects.filter(table=table).exclude(Exists(lines.filter(row_id=OuterRef("pk"))))
            if (extra := unseen.first()) is not None:
                code = extra.code or f"({ANY_NUMBER})"
                raise ReadError(f"Nothing was changed: since the preview code {code} was added. Preview it again.")

    def plan(self, lines: Iterable[FileRow], options: Mapping[str, Any]) -> Iterator[Planned]:
        """Yield what each row does, then what becomes of the codes that the file lacks."""
        table, mode = _table(options), options.get("mode", UPDATE)
        with connection.cursor() as cursor:
            cursor.execute(_KNOWN, [table.pk])
            known = {row[2]: RateRow._make(row) for row in cursor.fetchall()}
        planner = _Planner(table, known)
        last = 1
        for row in lines:
            last = row.line
            yield planner.planned(row)
        if mode == UPDATE:
            return
        if not planner.first_line:
            raise ReadError("Not one row of the file is a rate: nothing is taken for the whole of the table.")
        for code in sorted(known.keys() - planner.first_line.keys()):
            last += 1
            yield _missing(known[code], mode, last, table)

    def tell(self, lines: Sequence[Any]) -> dict[int, Told]:
        """Return what each line changes; of prices by how many percent too."""
        return {line.line: _told(line) for line in lines}


class _Planner:
    """Compares rows with the rates of one table, each code once."""

    def __init__(self, table: RateTable, known: Mapping[str, RateRow]) -> None:
        self.table, self.known = table, known
        self.foreign = foreign_balances(table)
        self.first_line: dict[str, int] = {}

    def planned(self, row: FileRow) -> Planned:
        """Return what a row does."""
        try:
            values = read_cells(row.cells, self.table.currency)
        except Unfit as error:
            written = row.cells.get("code", "")
            # A code whose row is refused is in the file all the same: it is not missing.
            code = written.replace(" ", "").lstrip("+")
            if code in self.known:
                self.first_line.setdefault(code, row.line)
            return self._refused(row.line, code, shorten(written) or ANY_NUMBER, str(error))
        code = values["code"]
        if (seen := self.first_line.setdefault(code, row.line)) != row.line:
            words = f"Line {seen} of the file has the code {code or '(any number)'} already."
            return Planned(row.line, LineOutcome.REFUSED, code or ANY_NUMBER, words)
        try:
            return self._compared(row.line, code, values)
        except Unfit as error:
            return self._refused(row.line, code, code or ANY_NUMBER, str(error))

    def _refused(self, line: int, code: str, key: str, words: str) -> Planned:
        rate = self.known.get(code)
        return Planned(line, LineOutcome.REFUSED, key, words, row_id=rate.id if rate else None)

    def _compared(self, line: int, code: str, values: dict[str, Any]) -> Planned:
        key = code or ANY_NUMBER
        rate = self.known.get(code)
        if rate is None:
            after = {"table_id": self.table.pk, **NEW_RATE, **values}
            if after["rate_minute"] is None:
                raise Unfit("The code is new, and its Rate Minute is missing.")
            self._refuse_foreign(after["rate_minute"], after["rate_call"])
            return Planned(line, LineOutcome.NEW, key, after=_plain(after))
        changed = [name for name, value in values.items() if getattr(rate, name) != value]
        if not changed:
            return Planned(line, LineOutcome.UNCHANGED, key, row_id=rate.id, version=rate.version)
        self._refuse_foreign(*(values[name] for name in AMOUNTS if name in changed))
        outcome = LineOutcome.DISABLED if values.get("enabled") is False and rate.enabled else LineOutcome.CHANGED
        return Planned(
            line, outcome, key, row_id=rate.id, version=rate.version,
            before=_plain({name: getattr(rate, name) for name in changed}),
            after=_plain({name: values[name] for name in changed}),
        )  # fmt: skip

    def _refuse_foreign(self, *prices: Decimal) -> None:
        if self.foreign and any(prices):
            raise Unfit(self.foreign)


def _table(options: Mapping[str, Any], *, lock: bool = False) -> RateTable:
    """Return the chosen table. Raise ReadError where it may not be written any more."""
    tables = RateTable.objects.select_for_update(no_key=True) if lock else RateTable.objects
    table = tables.filter(pk=options.get("table") or 0).first()
    if table is None:
        raise ReadError("The rate table that was chosen exists no longer.")
    if table.archived_at is not None:
        raise ReadError(f"The rate table {table} is archived.")
    if (chosen := options.get("currency", table.currency)) != table.currency:
        raise ReadError(
            f"{table} was in {chosen} when the file was chosen, now it is in {table.currency}: upload it again."
        )
    if Product.objects.filter(Q(mappings__rate_table=table), builtin=True).exists():
        raise ReadError(f"“{table}” prices a built-in product and stays as it is; use a table of your own.")
    return table


def _missing(rate: RateRow, mode: str, line: int, table: RateTable) -> Planned:
    """Return what becomes of a code that the file lacks."""
    key, words = rate.code or ANY_NUMBER, "Not in the file."
    if mode == DELETE:
        before = _plain({"table_id": table.pk, **rate._asdict()})
        del before["id"], before["version"]
        return Planned(line, LineOutcome.DELETED, key, words, rate.id, rate.version, before)
    if not rate.enabled:
        words = "Not in the file, and disabled already."
        return Planned(line, LineOutcome.UNCHANGED, key, words, rate.id, rate.version)
    return Planned(
        line, LineOutcome.DISABLED, key, words, rate.id, rate.version, {"enabled": True}, {"enabled": False}
    )  # fmt: skip


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def _charges(after: Mapping[str, Any] | None) -> bool:
    return any(Decimal(str((after or {}).get(name) or 0)) for name in AMOUNTS)


def _told(line: Any) -> Told:
    """Return (column, old, new) of one line."""
    before, after = line.before or {}, line.after or {}
    if line.outcome == LineOutcome.DELETED:
        return [(FORMAT["rate_minute"], money_text(Decimal(before["rate_minute"])), "")]
    told: Told = []
    for name in TOLD:
        if name not in after or (not before and after[name] == _unsaid(name)):
            continue
        old, new = _words(name, before.get(name)), _words(name, after[name])
        told.append((FORMAT[name], old, f"{new}{_percent(name, before.get(name), after[name])}"))
    return told


def _unsaid(name: str) -> Any:
    value = NEW_RATE[name]
    return str(value) if isinstance(value, Decimal) else value


def _words(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "enabled":
        return "enabled" if value else "disabled"
    return money_text(Decimal(value)) if name in AMOUNTS else str(value)


def _percent(name: str, old: Any, new: Any) -> str:
    """Return " (+10 %)" of a price that changed; nothing where there was none to compare with."""
    if name not in AMOUNTS or old is None or not Decimal(old):
        return ""
    percent = (Decimal(new) - Decimal(old)) * 100 / abs(Decimal(old))
    return f" ({percent:+.1f} %)".replace(".0 %", " %")
