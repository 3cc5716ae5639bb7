"""What is drawn quickly is drawn as Django draws it: escaping, addresses, selects and a row's attributes."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import django_tables2 as tables
import pytest
from django import forms
from django.forms.renderers import TemplatesSetting
from django.urls import NoReverseMatch, reverse
from django.utils import html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from core.addresses import page_address
from core.form_renderer import PortalRenderer
from core.markup import escaped, format_html
from core.table_values import drawn_rows

HOSTILE = "<script>\"'&amp;{}"


class Text(str):
    """A subclass of str that knows its own HTML."""

    def __html__(self) -> str:
        return "<i>own</i>"


@pytest.mark.parametrize(
    "value", [HOSTILE, mark_safe("<b>"), Text("x"), gettext_lazy("Yes <"), 12, None, 1.5, b"<x>"]
)  # fmt: skip
def test_a_value_is_escaped_as_django_does_it(value: Any) -> None:
    assert escaped(value) == html.conditional_escape(value)
    assert format_html("<p {}>{word}</p>", value, word=value) == html.format_html("<p {}>{word}</p>", value, word=value)
    assert type(format_html("{}", value)) is SafeString


@given(st.text())
def test_any_text_is_escaped_as_django_does_it(text: str) -> None:
    assert escaped(text) == html.conditional_escape(text)


@pytest.mark.parametrize(
    ("name", "key"), [("accounts:account_detail", 7), ("cdr:cdr_detail", uuid4()), ("accounts:account_detail", "7")]
)
def test_an_address_is_what_reverse_says(name: str, key: Any) -> None:
    for _ in range(2):
        assert page_address(name, key) == reverse(name, args=[key])


@pytest.mark.parametrize(
    ("name", "key"), [("accounts:account_detail", None), ("accounts:account_detail", -1), ("cdr:cdr_detail", 7)]
)
def test_a_key_that_no_address_holds_is_refused(name: str, key: Any) -> None:
    with pytest.raises(NoReverseMatch):
        page_address(name, key)


CHOICES: dict[str, list[Any]] = {
    "none": [],
    "plain": [("", "Any"), (1, "One"), (HOSTILE, HOSTILE), (None, mark_safe("<b>bold</b>"))],
    "grouped": [("", "Any"), (HOSTILE, [("a", "A"), ("b", "B")]), ("c", "C")],
}


@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize("widget", [forms.Select, forms.SelectMultiple, forms.NullBooleanSelect])
def test_a_select_is_drawn_as_by_djangos_template(choices: list[Any], widget: Callable[..., Any]) -> None:
    attrs = {"class": "form-select", "data-x": HOSTILE, "required": True, "disabled": False}
    made = widget(attrs=attrs) if widget is forms.NullBooleanSelect else widget(attrs=attrs, choices=choices)
    for value in ("", "1", ["a", "c"], HOSTILE):
        given = value if not isinstance(value, list) or widget is forms.SelectMultiple else value[0]
        drawn = [made.render("field<", given, renderer=renderer()) for renderer in (PortalRenderer, TemplatesSetting)]
        assert drawn[0] == drawn[1]


class Rows(tables.Table):
    """A table whose rows have attributes of every kind."""

    name = tables.Column()

    class Meta:
        row_attrs = {
            "data-x": HOSTILE,
            "data-name": lambda record: record["name"],
            "data-none": lambda record: None,
            "data-rows": lambda table: len(table.rows),
            "class": lambda **given: "own",
        }


def test_a_row_has_the_attributes_that_the_table_computes() -> None:
    table = Rows([{"name": HOSTILE}, {"name": "b"}])
    expected = [row.attrs.as_html() for row in table.rows]
    drawn = list(drawn_rows(Rows([{"name": HOSTILE}, {"name": "b"}]), table.rows, str))
    assert [one.partition("><td")[0] for one in drawn] == [f"<tr {attrs}" for attrs in expected]
