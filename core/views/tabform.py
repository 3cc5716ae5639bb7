"""A tab that is a form: what stands there is changed where it is read, as the guide's "Main" tab is."""

import copy
from typing import Any

from django import forms
from django.http import HttpResponse

from core.access import Access, allows
from core.views.detail import ObjectHead, TabMixin
from core.views.edit import FormView, ModelFormView


class ObjectFormView(TabMixin, ModelFormView, ObjectHead):
    """The main tab of an object, as a form; those who may not write read the same fields, locked."""

    access: Access | str = Access.READ
    access_post: Access | str = Access.WRITE
    template_name = "core/object_form.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        """Give the form a copy of the object: validation writes into it, and the heading must keep what is stored."""
        kwargs = FormView.get_form_kwargs(self)
        if issubclass(self.get_form_class(), forms.BaseModelForm):
            kwargs["instance"] = copy.copy(self.object)
        return kwargs

    def get_initial(self) -> dict[str, Any]:
        """Return nothing: the object's own values stand in the form."""
        return {}

    def get_form(self) -> Any:
        """Lock every field for those who may only read."""
        form = super().get_form()
        if not allows(self.request.user, Access.WRITE):
            for field in form.fields.values():
                field.disabled = True
        return form

    def show(self, form: Any, status: int = 200) -> HttpResponse:
        """Render the tab around the form."""
        context = self.get_context_data(form=form, submit_label=self.submit_label, lead=self.lead)
        return self.render(context, status=status)

    def get_success_message(self, result: Any) -> str:
        """Return "Acme saved."."""
        return self.success_message or f"{result} saved."
