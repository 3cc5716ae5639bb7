"""Number translation as operators write it: ordered rules, one a line, "prefix > replacement"."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

LIMIT = 50
_PART = re.compile(r"^[0-9*#+]{0,20}$")


def read_rules(text: str) -> list[list[str]]:
    """Read rules ``prefix > replacement``, one a line; a missing replacement takes the prefix away.

    Raise ValidationError that names the line.
    """
    rules: list[list[str]] = []
    for line, content in enumerate(text.splitlines(), start=1):
        written = content.strip()
        if not written:
            continue
        prefix, _, replacement = (part.strip() for part in re.sub(r"→|->|=>", ">", written).partition(">"))
        if ">" in replacement or not _PART.match(prefix) or not _PART.match(replacement):
            raise ValidationError(f"Line {line}: write “prefix > replacement” in digits, +, * and #, such as 0 > 44.")
        if any(rule[0] == prefix for rule in rules):
            raise ValidationError(
                f"Line {line}: there is a rule for “{prefix}” already; the first that fits is applied."
            )
        rules.append([prefix, replacement])
    if len(rules) > LIMIT:
        raise ValidationError(f"At most {LIMIT} rules.")
    return rules


def write_rules(rules: list[list[str]]) -> str:
    """Return rules as they are typed."""
    return "\n".join(f"{prefix} > {replacement}".rstrip() for prefix, replacement in rules)


class TranslationField(forms.CharField):
    """Translation rules as lines of text."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 3, "class": "mono", "placeholder": "0 > 44"}))
        kwargs.setdefault(
            "help_text", "Rules, one a line; the first whose prefix fits is applied: 0 > 44 makes 020… 4420…."
        )
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Return stored rules as text; what was typed stays as it was typed."""
        return write_rules(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[list[str]]:
        """Return the rules."""
        return read_rules(super().clean(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare as text."""
        return super().has_changed(self.prepare_value(initial), data)
