"""Filters of System Log: by category, severity, time, and each kind of thing an entry speaks of."""

import json
import re
from typing import Any

import django_filters as filters
from django.db.models import JSONField, Lookup, Q, QuerySet
from netaddr import AddrFormatError, IPAddress

from core.filters import PortalFilterSet
from systemlog.choices import Category, Severity
from systemlog.models import DeadLetter, LogEntry
from systemlog.references import ids_found

NUMBER = re.compile(r"\+?[0-9]{3,15}")
CALL_ID = re.compile(r"\S+@\S+|\S{24,}")
FEW = 4


@JSONField.register_lookup
class PathExists(Lookup):
    """``refs__path_exists``: whether an SQL/JSON path finds anything (PostgreSQL's ``@?``, which log_by_ref serves)."""

    lookup_name = "path_exists"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return the condition."""
        left, values = self.process_lhs(compiler, connection)
        return f"{left} @? %s::jsonpath", (*values, self.rhs)


def number_digits(text: str) -> str:
    """Return the digits of a number as people write it, or nothing where a text is no number; an address is none."""
    if address_in(text.strip()):
        return ""
    bare = re.sub(r"[\s().-]", "", text)
    return bare.lstrip("+").removeprefix("00") if NUMBER.fullmatch(bare) else ""


def address_in(text: str) -> str:
    """Return an IP address in its usual form, or nothing where a text is none."""
    try:
        return str(IPAddress(text.strip("[]"), flags=0)) if "." in text or ":" in text else ""
    except (AddrFormatError, ValueError):
        return ""


class LogFilterSet(PortalFilterSet):
    """Entries by what they are, when, and whom they concern."""

    search_fields = ("message__icontains",)
    search_placeholder = "Number, address, Call-ID or words"
    # Without DISTINCT, which would read the whole table before the first row.
    category = filters.MultipleChoiceFilter(choices=Category.choices, distinct=False)
    severity = filters.MultipleChoiceFilter(choices=Severity.choices, distinct=False)
    carrier = filters.CharFilter(method="about", label="Carrier")
    did = filters.CharFilter(method="about", label="DID")
    account = filters.CharFilter(method="about", label="Account")
    alias = filters.CharFilter(method="about", label="Alias")
    call = filters.UUIDFilter(field_name="attempt_id", label="Call (attempt)")
    at = filters.IsoDateTimeFromToRangeFilter(label="Time (from, to)")

    class Meta:
        model = LogEntry
        fields = ("category", "severity", "carrier", "did", "account", "alias", "call", "at")

    def about(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep the entries about the carriers, DIDs, … whose name holds a text, or was exactly it then."""
        found = ids_found(name, number_digits(value) or value if name == "did" else value)
        if len(found) > FEW:
            # Fifty containments, each tried on each row that is passed, took five times what one path of them takes.
            which = " || ".join([f"@.label == {json.dumps(value)}", *(f"@.id == {int(pk)}" for pk in found)])
            return queryset.filter(refs__path_exists=f"$[*] ? (@.kind == {json.dumps(name)} && ({which}))")
        wanted = Q(refs__contains=[{"kind": name, "label": value}])
        for pk in found:
            wanted |= Q(refs__contains=[{"kind": name, "id": pk}])
        return queryset.filter(wanted)

    def quick_search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Search a number, an address or a Call-ID by its index; other words in the messages."""
        if digits := number_digits(value):
            return queryset.filter(number__startswith=digits)
        for word in value.split()[:8]:
            if address := address_in(word):
                queryset = queryset.filter(source=address)
            elif digits := number_digits(word):
                queryset = queryset.filter(number__startswith=digits)
            elif CALL_ID.fullmatch(word):
                queryset = queryset.filter(call_id=word)
            else:
                queryset = queryset.filter(Q(message__icontains=word) | Q(reason=word))
        return queryset


class DeadLetterFilterSet(PortalFilterSet):
    """Dead letters by state."""

    search_fields = ("event_id__icontains", "error__icontains")
    search_placeholder = "Event or error"
    state = filters.ChoiceFilter(
        method="by_state", label="State", choices=[("open", "Open"), ("retried", "Retried"), ("discarded", "Discarded")]
    )

    class Meta:
        model = DeadLetter
        fields = ("state",)

    def by_state(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep the letters in one state."""
        return queryset.filter(resolution="" if value == "open" else value)
