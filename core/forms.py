"""How all forms look: labels above, errors beside their field, help below; crispy draws them for Bootstrap 5."""

from typing import Any

from crispy_forms.helper import FormHelper


class PortalFormHelper(FormHelper):
    """The layout of every form that does not bring its own; the page draws ``<form>`` and buttons."""

    def __init__(self, form: Any = None) -> None:
        super().__init__(form)
        self.form_tag = False
        self.disable_csrf = True
        self.form_show_errors = True
        self.error_text_inline = True
        # htmx and the page's own script are all the scripts there are; crispy's media would be inline.
        self.include_media = False
