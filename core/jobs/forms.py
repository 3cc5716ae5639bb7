"""Forms of bulk changes: the file, and which of its columns is which."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from core.jobs.kinds import ImportKind
from core.jobs.models import ColumnTemplate
from core.jobs.rows import MAX_BYTES, MAX_ROWS
from core.jobs.services import too_large
from core.phone_numbers import shorten


def upload_form(kind: ImportKind) -> type[forms.Form]:
    """Return the form of a kind's upload: its file, then the kind's own options."""

    class UploadForm(kind.options_form):  # type: ignore[name-defined]
        file = forms.FileField(
            label="File",
            help_text=f"CSV or XLSX, up to {MAX_BYTES // 2**20} MB and {MAX_ROWS:,} rows, any encoding and delimiter.",
            widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,.xlsx"}),
            error_messages={"empty": "The file is empty.", "required": "Choose the file."},
        )
        template = forms.ModelChoiceField(
            queryset=ColumnTemplate.objects.filter(kind=kind.name),
            required=False,
            label="Column template",
            empty_label="None: by the words of the file’s head",
            help_text="Which column holds what, as you saved it for another file of the same making.",
        )
        field_order = ("file", "table", "template")

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            if not self.fields["template"].queryset.exists():
                del self.fields["template"]

        def clean_file(self) -> Any:
            """Refuse what is larger than any table."""
            file = self.cleaned_data["file"]
            if file.size > MAX_BYTES:
                raise ValidationError(too_large())
            return file

    return UploadForm


class ColumnsForm(forms.Form):
    """Which column of the file holds what; the head's words have chosen already where they could."""

    def __init__(self, *args: Any, kind: ImportKind, header: list[str], sample: list[list[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "– not in the file –")]
        for at, word in enumerate(header):
            example = next((row[at] for row in sample if at < len(row) and row[at]), "")
            words = shorten(word or f"Column {at + 1}", 40)
            choices.append((str(at), f"{words} (such as {shorten(example, 30)})" if example else words))
        for column in kind.columns:
            self.fields[column.name] = forms.TypedChoiceField(
                label=column.label, choices=choices, required=column.required, coerce=int, empty_value=None,
                help_text=column.help, error_messages={"required": "Choose its column."},
            )  # fmt: skip
        self.fields["template"] = forms.CharField(
            label="Save as column template", max_length=100, required=False,
            help_text="A name under which these columns can be chosen for the next file. Empty: they are not kept.",
        )  # fmt: skip

    def places(self) -> dict[str, int]:
        """Return the position of each column that was chosen."""
        return {name: at for name, at in self.cleaned_data.items() if name != "template" and at is not None}
