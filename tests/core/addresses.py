"""Every address of the portal, to try them all."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse
from django.urls.resolvers import URLResolver

from core.access import Rule, iterate_views, rule_of

# What a converter is given; no row has that number.
SAMPLES: dict[str, Any] = {
    "int": 987654321,
    "uuid": "00000000-0000-4000-8000-000000000000",
    "slug": "none",
    "str": "none",
}


@dataclass(frozen=True)
class Address:
    """An address with a name, a sample path, its view and its rule."""

    name: str
    path: str
    view: Any
    rule: Rule

    @property
    def methods(self) -> set[str]:
        """Return the HTTP methods that the view knows."""
        view = getattr(self.view, "view_class", None)
        if view is None:
            return {"get", "post"}
        return {method for method in view.http_method_names if hasattr(view, method)}


def _named(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _named(entry, inner)
        elif entry.name:
            yield f"{namespace}{entry.name}", entry


def all_addresses() -> list[Address]:
    """Return every named address once; none may lack a name or a rule."""
    found = {}
    for name, pattern in _named(get_resolver()):
        converters = pattern.pattern.converters
        kwargs = {}
        for key, converter in converters.items():
            kind = type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")
            kwargs[key] = SAMPLES[kind]
        rule = rule_of(pattern.callback)
        assert rule is not None, f"{name} has no access rule"
        try:
            path = reverse(name, kwargs=kwargs)
        except NoReverseMatch:
            continue
        found[name] = Address(name, path, pattern.callback, rule)
    return list(found.values())


def unnamed_views() -> list[str]:
    """Return the addresses without a name or a rule."""
    return [address for address, entry in iterate_views() if rule_of(entry.callback) is None]
