"""Create and edit: a ModelForm, a service where rules span rows, and words that follow the commit."""

import copy
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Model, QuerySet
from django.forms.models import modelform_factory
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import capfirst

from core.access import Access
from core.forms import PortalFormHelper
from core.views.base import PageView, list_breadcrumb
from core.views.detail import TabMixin, tab_address


def refused_by_database(error: IntegrityError, model: type[Model]) -> ValidationError | None:
    """Return the words of the constraint that refused a write, beside its field if it has only one.

    Validation has passed by then, so another writer was faster; the form says the same words as validation would.
    """
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    for constraint in model._meta.constraints:
        if constraint.name == name:
            fields: tuple[str, ...] = getattr(constraint, "fields", ())
            text = constraint.get_violation_error_message()
            return ValidationError({fields[0]: text}) if len(fields) == 1 else ValidationError(text)
    for field in model._meta.local_fields:
        if field.unique and name and f"_{field.column}_" in name:
            return ValidationError({field.name: field.error_messages["unique"] % _unique_words(model, field)})
    return None


def _unique_words(model: type[Model], field: models.Field) -> dict[str, Any]:
    return {"model_name": capfirst(model._meta.verbose_name), "field_label": capfirst(field.verbose_name)}


class FormView(PageView):
    """A page with one form. ``perform`` does the work in a transaction; errors return to their fields."""

    access: Access | str = Access.WRITE
    template_name = "core/form.html"
    fragment_name = "components/form_card.html"
    form_class: type[forms.BaseForm] | None = None
    submit_label = "Save"
    success_message = ""
    lead = ""

    def get_lead(self) -> str:
        """Return the line above the fields: what this form is for, or what happens when it is sent."""
        return self.lead

    def get_form_class(self) -> type[forms.BaseForm]:
        """Return the form's class."""
        if self.form_class is None:
            raise TypeError(f"{type(self).__name__} needs form_class")
        return self.form_class

    def get_form_kwargs(self) -> dict[str, Any]:
        """Return the form's arguments."""
        kwargs: dict[str, Any] = {"initial": self.get_initial()}
        if self.request.method == "POST":
            kwargs |= {"data": self.request.POST, "files": self.request.FILES}
        return kwargs

    def get_initial(self) -> dict[str, Any]:
        """Return initial values; the address may prefill fields ("?carrier=3")."""
        return {key: value for key, value in self.request.GET.items() if key != "next"}

    def get_form(self) -> forms.BaseForm:
        """Return the form, with the layout that all forms share unless it brings its own."""
        form = self.get_form_class()(**self.get_form_kwargs())
        if not hasattr(form, "helper"):
            form.helper = PortalFormHelper(form)  # type: ignore[attr-defined]
        return form

    def perform(self, form: Any) -> Any:
        """Do what the form asks; raise ValidationError to send it back. Runs in a transaction."""
        raise NotImplementedError

    def get_success_url(self, result: Any) -> str:
        """Return where to go afterwards."""
        return result.get_absolute_url()

    def get_success_message(self, result: Any) -> str:
        """Return the words that say it is done; they are shown after the commit only."""
        return self.success_message

    def get_cancel_url(self) -> str:
        """Return where "Cancel" leads: the page this form was opened from."""
        after = self.request.GET.get("next", "")
        if url_has_allowed_host_and_scheme(after, allowed_hosts={self.request.get_host()}):
            return after
        crumbs = self.get_breadcrumbs()
        return crumbs[-1][1] if crumbs else "/"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the form."""
        return self.show(self.get_form())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Do it, or show the form again with what was typed and what is wrong."""
        form = self.get_form()
        if not form.is_valid():
            return self.show(form, status=422)
        try:
            with transaction.atomic():
                result = self.perform(form)
        except ValidationError as error:
            add_errors(form, error)
            return self.show(form, status=422)
        except IntegrityError as error:
            words = refused_by_database(error, self.row_model) if hasattr(self, "row_model") else None
            if words is None:
                raise
            add_errors(form, words)
            return self.show(form, status=422)
        return self.done(form, result)

    def done(self, form: Any, result: Any) -> HttpResponseBase:
        """Say so and go on; from inside a page by htmx too, as a real visit that the back button knows."""
        message = self.get_success_message(result)
        if message:
            messages.success(self.request, message)
        url = self.get_success_url(result)
        if self.request.htmx:  # type: ignore[attr-defined]
            response = HttpResponse(status=204)
            response["HX-Redirect"] = url
            return response
        return HttpResponseRedirect(url)

    def show(self, form: Any, status: int = 200) -> HttpResponse:
        """Render page or fragment."""
        context = self.get_context_data(
            form=form,
            submit_label=self.submit_label,
            cancel_url=self.get_cancel_url(),
            lead=self.get_lead(),
            form_action=self.request.get_full_path(),
        )
        if self.wants_fragment("tab-form"):
            return self.render(context, self.fragment_name, status=status)
        return self.render(context, status=status)


def add_errors(form: Any, error: ValidationError) -> None:
    """Put a service's errors beside the fields they name; those of fields the form lacks go on top."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)


class ModelFormView(FormView):
    """A form over one model; ``fields`` makes the form where no class is given."""

    model: type[Model]
    queryset: QuerySet[Any] | None = None
    fields: tuple[str, ...] = ()
    object: Any = None

    @property
    def row_model(self) -> type[Model]:
        """Return the model that is written, for the words of its constraints."""
        return self.model

    def get_queryset(self) -> QuerySet[Any]:
        """Return the rows that may be opened."""
        return self.queryset.all() if self.queryset is not None else self.model._default_manager.all()

    def get_form_class(self) -> type[forms.BaseForm]:
        """Return the given class, or one made from ``fields``."""
        return self.form_class or modelform_factory(self.model, fields=self.fields)

    def get_form_kwargs(self) -> dict[str, Any]:
        """Add the object."""
        kwargs = super().get_form_kwargs()
        if issubclass(self.get_form_class(), forms.BaseModelForm):
            kwargs["instance"] = self.object
        return kwargs

    def perform(self, form: Any) -> Any:
        """Save the form; override to call a service with ``actor=self.actor``."""
        return form.save()

    @property
    def name(self) -> str:
        """Return the model's name for headings and messages."""
        return str(self.model._meta.verbose_name)


class CreateView(ModelFormView):
    """Add a row."""

    submit_label = "Add"

    def get_title(self) -> str:
        """Return "Add carrier"."""
        return self.title or f"Add {self.name}"

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the list."""
        return list_breadcrumb(self.model)

    def get_success_message(self, result: Any) -> str:
        """Return "Carrier Acme added."."""
        return self.success_message or f"{capfirst(self.name)} {result} added."


class ExistingObjectMixin(ModelFormView):
    """A form about a row that exists."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Load the row, or answer 404."""
        super().setup(request, *args, **kwargs)
        self.object = get_object_or_404(self.get_queryset(), pk=kwargs["pk"])

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the list and the object's page."""
        own = getattr(self.object, "get_absolute_url", None)
        return [*list_breadcrumb(self.model), *([(str(self.object), own())] if own else [])]

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the object."""
        return super().get_context_data(object=self.object, **extra)


class UpdateView(ExistingObjectMixin):
    """Edit a row."""

    def get_form_kwargs(self) -> dict[str, Any]:
        """Give the form a copy: validation writes into it, and the heading must keep what is stored."""
        kwargs = super().get_form_kwargs()
        return kwargs | {"instance": copy.copy(kwargs["instance"])} if "instance" in kwargs else kwargs

    def get_title(self) -> str:
        """Return "Edit Acme"."""
        return self.title or f"Edit {self.object}"

    def get_success_message(self, result: Any) -> str:
        """Return "Carrier Acme saved."."""
        return self.success_message or f"{capfirst(self.name)} {result} saved."


class FormActionView(ExistingObjectMixin):
    """Do something to a row that its model's form cannot say: a payment, a mapping, a suspension.

    Give ``form_class`` (a plain Form), ``title``, ``submit_label`` and ``perform``.
    """

    def get_success_url(self, result: Any) -> str:
        """Return the object's page."""
        return self.object.get_absolute_url()


class TabCreateView(TabMixin, ModelFormView):
    """Add a row that belongs to the object of a page, in a form inside its tab.

    A button with ``fragment=True`` opens it in place; without htmx it is a page of its own. ``parent_field`` is set
    to the object before validation, so that the row's constraints see it. Not registered as a tab: name the page's
    model with ``tab_model`` and give it an address yourself; it returns to the tab ``return_slug``.
    """

    access: Access | str = Access.WRITE
    tab_slug = ""
    parent_field = ""
    return_slug = ""
    submit_label = "Add"

    def get_form_kwargs(self) -> dict[str, Any]:
        """Give the form a new row that already knows its parent."""
        kwargs = FormView.get_form_kwargs(self)
        if issubclass(self.get_form_class(), forms.BaseModelForm):
            kwargs["instance"] = self.model(**{self.parent_field: self.object}) if self.parent_field else self.model()
        return kwargs

    def get_title(self) -> str:
        """Return what the form does."""
        return self.title or f"Add {self.name}"

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the object's page too."""
        return [*super().get_breadcrumbs(), (self.page_head.object_title(self.object), self.get_success_url(None))]

    def get_page_actions(self) -> list[Any]:
        """Return none: a form has its own buttons."""
        return []

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Return the form's context; the object's head is not drawn around it."""
        return PageView.get_context_data(self, object=self.object, **extra)

    def get_success_url(self, result: Any) -> str:
        """Return the tab."""
        return tab_address(self.object, self.return_slug)

    def get_success_message(self, result: Any) -> str:
        """Return "Carrier account 192.0.2.1 added."."""
        return self.success_message or f"{capfirst(self.name)} {result} added."
