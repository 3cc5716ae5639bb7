"""Every address that a reader of lists may open: found from the views, their filters and their tables."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

# What a person would search in each quick search: a number, its beginning, an address, a Call-ID, words, nothing found.
FOUND_BY_NUMBER = "442000000001"
MOST_CHOICES = 30  # Countries are many, and one costs what another does.


@dataclass(frozen=True)
class Page:
    """One address; ``kind`` says which form of its list it is."""

    name: str
    path: str
    kind: str = "plain"
    query: dict[str, Any] = field(default_factory=dict)
    about: str = ""

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"{self.kind:8} {self.name}{f' ({self.about})' if self.about else ''} {query[:100]}"


def pages() -> Iterator[Page]:
    """Yield all of them; the database must be filled."""
    from core.views import ListView
    from core.views.detail import TabMixin
    from tests.core.addresses import all_addresses

    calls = a_call()
    yield Page("core:dashboard", "/")
    for address in sorted(all_addresses(), key=lambda address: address.name):
        view = getattr(address.view, "view_class", None)
        if not isinstance(view, type):
            continue
        is_list = issubclass(view, ListView)
        for about, path in paths_of(address, view, issubclass(view, TabMixin)):
            if is_list:
                yield from list_pages(address.name, path, about, view, calls)
            elif issubclass(view, TabMixin):
                yield Page(address.name, path, about=about)


def a_call() -> Any:
    """Return an answered call from the middle of the table."""
    from cdr.models import CDR

    newest = CDR.objects.order_by("-started_at").first()
    oldest = CDR.objects.order_by("started_at").first()
    if newest is None or oldest is None:
        return None
    middle = oldest.started_at + (newest.started_at - oldest.started_at) / 2
    return CDR.objects.filter(started_at__lte=middle, answered_at__isnull=False).order_by("-started_at").first()


def paths_of(address: Any, view: Any, is_tab: bool) -> Iterator[tuple[str, str]]:
    """Yield the paths of an address: itself, or those of the busiest and a quiet object."""
    from django.apps import apps
    from django.urls import NoReverseMatch, reverse

    if not is_tab:
        try:
            yield "", reverse(address.name)
        except NoReverseMatch:
            model = getattr(view, "account_model", None)
            assert model is None
            if address.name == "dids:accountdid_add":
                from accounts.models import Account

                yield "", reverse(address.name, args=[Account.objects.earliest("pk").pk])
        return
    for about, pk in objects_of(apps.get_model(view.tab_model)):
        yield about, reverse(address.name, args=[pk])


def objects_of(model: Any) -> list[tuple[str, Any]]:
    """Return the busiest and a quiet row of a model, as far as calls tell; else its first."""
    from django.db.models import Count

    from cdr.models import CDR

    name = model._meta.model_name
    if model is CDR:
        call = a_call()
        return [("", call.pk)] if call else []
    if name in {"carrier", "did", "account", "alias"}:
        rows = CDR.objects.filter(**{f"{name}_id__isnull": False}).values_list(f"{name}_id")
        counted = [pk for (pk, _) in rows.annotate(calls=Count("pk")).order_by("-calls")]
        if counted:
            return [("busiest", counted[0]), ("quiet", counted[-1])]
    first = model._default_manager.order_by("pk").first()
    return [("", first.pk)] if first else []


def list_pages(name: str, path: str, about: str, view: Any, call: Any) -> Iterator[Page]:
    """Yield a list plain, filtered, searched, ordered, paged and exported."""
    yield Page(name, path, "plain", {}, about)
    yield Page(name, path, "size", {"per_page": "250"}, about)
    yield Page(name, path, "export", {"export": "csv"}, about)
    if view.filterset_class is not None:
        for query in filter_queries(view.filterset_class, call):
            yield Page(name, path, "search" if "q" in query else "filter", query, about)
    if view.keyset:
        for query in cursors(view, call):
            yield Page(name, path, "deep", query, about)
        return
    for number in ("2", "100", "200"):
        yield Page(name, path, "page", {"page": number}, about)
    for column in orderable(view.table_class):
        yield Page(name, path, "order", {"sort": column}, about)
        yield Page(name, path, "order", {"sort": f"-{column}", "page": "200"}, about)


def orderable(table_class: Any) -> list[str]:
    """Return the columns that a list can be ordered by."""
    return [
        name
        for name, column in table_class.base_columns.items()
        if column.orderable is not False
        and table_class._meta.orderable is not False
        and name not in {"select", "actions"}
    ]


def searches(call: Any) -> list[str]:
    """Return what a person would type into a quick search."""
    found = ["44200000", f"+{FOUND_BY_NUMBER}", "4420000999", "999", "10.1.1.5", "198.51.100.9", "203.0.113.250"]
    found += ["alias-17", "Carrier 3", "rings", "nothing of the kind", "/cdr/", "user7", "Account 12", "alias-99999999"]
    return [*found, call.call_id, call.number] if call else found


def filter_queries(filterset_class: Any, call: Any) -> Iterator[dict[str, Any]]:
    """Yield an address for each choice of each filter, and for samples of those that take any text."""
    from datetime import timedelta

    for text in searches(call):
        yield {"q": text}
    for name, declared in filterset_class.base_filters.items():
        form_field = declared.field
        kind = type(declared).__name__
        if name == "q":
            continue
        if kind == "DateFromToRangeFilter":
            if call is not None:
                first = (call.started_at - timedelta(days=60)).date().isoformat()
                yield {f"{name}_after": first, f"{name}_before": call.started_at.date().isoformat()}
                yield {f"{name}_after": first}
        elif "Range" in kind:
            if call is not None:
                yield {f"{name}_after": (call.started_at - timedelta(hours=1)).isoformat()[:19]} | {
                    f"{name}_before": call.started_at.isoformat()[:19]
                }
                yield {f"{name}_before": call.started_at.isoformat()[:19]}
        elif kind == "BooleanFilter":
            yield {name: "true"}
            yield {name: "false"}
        elif hasattr(form_field, "queryset"):
            for row in [form_field.queryset.order_by("pk").first(), form_field.queryset.order_by("pk").last()]:
                if row is not None:
                    yield {name: str(row.pk)}
        elif hasattr(form_field, "choices"):
            yield from ({name: value} for value in islice(values_of(form_field.choices), MOST_CHOICES))
        else:
            yield from ({name: value} for value in samples(name, call))


def values_of(choices: Any) -> Iterator[str]:
    """Yield the values of choices, grouped ones too, and no empty one."""
    for value, label in choices:
        if isinstance(label, list | tuple):
            yield from values_of(label)
        elif value not in ("", None):
            yield str(value)


def samples(name: str, call: Any) -> list[str]:
    """Return what a person would type into a filter of that name."""
    known = {
        "carrier": ["Carrier 3", "Carrier", "no such carrier"],
        "did": [f"+{FOUND_BY_NUMBER}", "4420000", "999999999"],
        "account": ["Account 12", "Account", "no such account"],
        "alias": ["alias-17", "alias", "no such alias"],
        "source": ["10.1.1.5", "203.0.113.250"],
        "caller": ["44160", "no such caller"],
        "longer": ["10", "290", "100000"],
        "call": [str(call.attempt_id)] if call else [],
        "status": ["200", "404"],
        "user_id": ["3", "999999"],
        "since": ["2026-01-01"],
        "until": ["2030-01-01"],
        "transport": ["udp", "tls"],
        "switch": ["sw1", "sw9"],
    }
    return known.get(name, ["1"])


def cursors(view: Any, call: Any) -> Iterator[dict[str, Any]]:
    """Yield positions deep in an endless list: older than the middle, newer than the middle, older than all."""
    from core.pagination import _encode

    model = view.model
    if call is None or model is None:
        return
    time_field, key = view.keyset
    rows = model._default_manager.order_by(f"-{time_field}", f"-{key}")
    middle = rows.filter(**{f"{time_field}__lte": call.started_at}).first()
    last = rows.reverse().first()
    if middle is not None and last is not None:
        yield {"before": _encode(middle, view.keyset)}
        yield {"after": _encode(middle, view.keyset)}
        yield {"before": _encode(last, view.keyset)}
