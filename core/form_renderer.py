"""How forms are drawn: by Django's templates, but for the options of a select."""

from typing import Any

from django.forms.renderers import TemplatesSetting
from django.utils.safestring import SafeString

from core.markup import escaped

SELECT = "django/forms/widgets/select.html"
OPTION = "django/forms/widgets/select_option.html"


class PortalRenderer(TemplatesSetting):
    """Draw selects without a template for each option: six hundred of countries and carriers took half of a page."""

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        """Return the HTML of a form, a field or a widget."""
        if template_name == SELECT and _has_plain_options(context["widget"]):
            return draw_select(context["widget"])
        return super().render(template_name, context, request)


def _has_plain_options(widget: dict[str, Any]) -> bool:
    return all(option["template_name"] == OPTION for _, options, _ in widget["optgroups"] for option in options)


def draw_select(widget: dict[str, Any]) -> SafeString:
    """Return what Django's template draws and its renderer strips."""
    pieces = [f'<select name="{escaped(widget["name"])}"{_attributes(widget["attrs"])}>']
    for group, options, _ in widget["optgroups"]:
        if group:
            pieces.append(f'\n  <optgroup label="{escaped(group)}">')
        pieces += [
            f'\n  <option value="{escaped(str(option["value"]))}"{_attributes(option["attrs"])}>'
            f"{escaped(option['label'])}</option>\n"
            for option in options
        ]
        if group:
            pieces.append("\n  </optgroup>")
    pieces.append("\n</select>")
    return SafeString("".join(pieces))


def _attributes(attributes: dict[str, Any]) -> str:
    return "".join(
        f" {escaped(name)}" if value is True else f' {escaped(name)}="{escaped(str(value))}"'
        for name, value in attributes.items()
        if value is not False
    )
