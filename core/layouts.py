"""Parts of form layouts that crispy has not: settings that few need, folded away until they matter."""

from typing import Any

from crispy_forms.layout import LayoutObject
from crispy_forms.utils import TEMPLATE_PACK
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString


class More(LayoutObject):
    """Fields behind a summary line; unfolded where one has an error or a value of its own."""

    def __init__(self, summary: str, *fields: Any) -> None:
        self.summary = summary
        self.fields = list(fields)

    def render(self, form: Any, context: Context, template_pack: str = TEMPLATE_PACK, **kwargs: Any) -> SafeString:
        """Draw as a ``details`` element."""
        inner = self.get_rendered_fields(form, context, template_pack, **kwargs)
        matters = any(self._matters(form[pointer.name]) for pointer in self.get_field_names())
        return format_html(
            '<details class="form-more"{}><summary>{}</summary><div class="form-more-body">{}</div></details>',
            " open" if matters else "", self.summary, inner,
        )  # fmt: skip

    @staticmethod
    def _matters(bound: Any) -> bool:
        usual = bound.field.initial
        if callable(usual):
            usual = usual()
        value = bound.value()
        return bool(bound.errors) or (value not in (None, "", [], False, usual) and str(value) != str(usual))
