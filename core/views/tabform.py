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
    # What everybody may write who may read (support writes notes); such a view has access_post = READ.
    open_fields: tuple[str, ...] = ()

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
        """Lock what a reader may not write."""
        form: Any = super().get_form()
        if not self.may_write:
            for name, field in form.fields.items():
                field.disabled = name not in self.open_fields
        return form

    @property
    def may_write(self) -> bool:
        """Tell whether this user may change more than the open fields."""
        return allows(self.request.user, Access.WRITE)

    def written(self, form: Any) -> dict[str, Any]:
        """Return the values to write; a reader's are the open fields alone, so that nothing stale goes with them."""
        return {name: value for name, value in form.cleaned_data.items() if self.may_write or name in self.open_fields}

    def show(self, form: Any, status: int = 200) -> HttpResponse:
        """Render the tab around the form."""
        context = self.get_context_data(
            form=form,
            submit_label=self.submit_label,
            lead=self.get_lead(),
            may_save=self.may_write or self.open_fields,
            may_write=self.may_write,
        )
        return self.render(context, status=status)

    def get_success_message(self, result: Any) -> str:
        """Return "Acme saved."."""
        return self.success_message or f"{result} saved."
