"""What log entries speak of, and where its page is. Higher apps register their kinds; this one knows none of them."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch
from django.utils.safestring import SafeString

from core import render
from core.addresses import page_address
from core.markup import format_html
from core.sentences import set_for_reading

MOST_FOUND = 50
ROW = re.compile(r"#(\d{1,18})")
# What another reference leads to already would only take room in a list.
SAID_BY = {"client": "account"}


@dataclass(frozen=True)
class Kind:
    """One kind of thing; ``find`` returns the ids whose name holds a text, a bounded number of them."""

    name: str
    label: str
    url_name: str
    find: Callable[[str], Iterable[int]]


_kinds: dict[str, Kind] = {}


def register_kind(name: str, label: str, url_name: str, find: Callable[[str], Iterable[int]]) -> None:
    """Let log entries link to, and be filtered by, rows of this kind."""
    _kinds[name] = Kind(name, label, url_name, find)


def ids_found(kind: str, text: str) -> list[int]:
    """Return the ids of a kind whose name holds a text; "#12" is the row of that number, whatever its name."""
    if row := ROW.fullmatch(text.strip()):
        return [int(row[1])]
    return list(_kinds[kind].find(text))[:MOST_FOUND] if kind in _kinds else []


def attempt_url(attempt_id: Any) -> str:
    """Return the address of a call's page; empty where no app above has one."""
    return _address("cdr:cdr_detail", attempt_id)


def page_of(kind: str, pk: Any) -> str:
    """Return the address of a row's page; empty where there is none."""
    return _address(_kinds[kind].url_name, pk) if pk and kind in _kinds else ""


def draw_refs(refs: list[dict[str, Any]]) -> SafeString:
    """Return the links of an entry; what was deleted since still leads to where it was, and stays readable."""
    kinds = {ref.get("kind") for ref in refs if isinstance(ref, dict)}
    unsaid = {kind for kind, by in SAID_BY.items() if by in kinds}
    drawn = " ".join(
        format_html('<span class="ref"><span class="ref-kind">{}</span> {}</span>', _label(ref), _link(ref))
        for ref in refs
        if isinstance(ref, dict) and ref.get("kind") not in unsaid
    )
    return SafeString(drawn) if drawn else render.EMPTY


def refs_in_words(refs: list[dict[str, Any]]) -> str:
    """Return an entry's references as text, for exports."""
    return "; ".join(f"{_label(ref)} {ref.get('label', '')}" for ref in refs if isinstance(ref, dict))


def _label(ref: dict[str, Any]) -> str:
    kind = _kinds.get(str(ref.get("kind")))
    return kind.label if kind else str(ref.get("kind", ""))


def _link(ref: dict[str, Any]) -> SafeString:
    url = page_of(str(ref.get("kind")), ref.get("id"))
    label = set_for_reading(ref.get("label", ""))
    return format_html('<a href="{}">{}</a>', url, label) if url else format_html("{}", label)


def _address(url_name: str, pk: Any) -> str:
    try:
        return page_address(url_name, pk)
    except NoReverseMatch:
        return ""
