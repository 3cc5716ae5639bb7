"""Users: administrators create, change, disable them, and give new passwords, each shown once."""

from typing import Any

import django_filters
from allauth.mfa.models import Authenticator
from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.safestring import SafeString

from core import render, services
from core import tables as t
from core.access import Access
from core.choices import Role
from core.filters import PortalFilterSet
from core.models import User
from core.tabs import ViewTab, register_tab
from core.views import CreateView, EmptyState, FormActionView, ListView, ObjectView, PageAction, UpdateView
from core.views.once import ShownOnceMixin
from core.views.profile import zone_choices

ACTIVE_WORDS = (("Active", "green"), ("Disabled", "secondary"))


class UserTable(t.PortalTable):
    """The list of users."""

    username = t.LinkColumn("User name")
    role = t.PillColumn()
    is_active = t.PillColumn("State", words=ACTIVE_WORDS)
    second_factor = t.PillColumn("Two-factor", words=(("On", "green"), ("Off", "secondary")), orderable=False)
    time_zone = t.PlainColumn()
    last_login = t.WhenColumn("Last login", relative=True)

    class Meta(t.PortalTable.Meta):
        model = User
        fields = ("username", "role", "is_active", "second_factor", "time_zone", "last_login")
        order_by = "username"

    fixed_columns = ("username",)


class UserFilterSet(PortalFilterSet):
    """Users by role and state."""

    search_fields = ("username__icontains", "first_name__icontains", "last_name__icontains", "email__icontains")
    search_placeholder = "Name or e-mail"
    role = django_filters.ChoiceFilter(choices=Role.choices)
    is_active = django_filters.BooleanFilter(label="Active")

    class Meta:
        model = User
        fields = ("role", "is_active")


def users() -> QuerySet[User]:
    """Return all users, with whether they have a second factor."""
    return User.objects.annotate(second_factor=Exists(Authenticator.objects.filter(user=OuterRef("pk"), type="totp")))


ADD = PageAction("Add user", "core:user_add", icon="plus", permission=Access.ADMIN, primary=True)


class UserListView(ListView):
    """All users."""

    access = Access.ADMIN
    model = User
    table_class = UserTable
    filterset_class = UserFilterSet
    page_actions = (ADD,)
    empty = EmptyState("No user", action=ADD)

    def get_queryset(self) -> QuerySet[Any]:
        """Return all users with their second factor."""
        return users()

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the settings."""
        return [("Settings", reverse("core:settings"))]


@register_tab(User)
class UserView(ObjectView):
    """One user."""

    access = Access.ADMIN
    tab = ViewTab("Main", permission=Access.ADMIN, weight=100)
    template_name = "core/user.html"
    object_actions = (
        PageAction("Edit", "core:user_edit", icon="pencil", permission=Access.ADMIN),
        PageAction(
            "New password",
            "core:user_password",
            icon="key",
            permission=Access.ADMIN,
        ),
        PageAction(
            "Remove two-factor",
            "core:user_second_factor",
            permission=Access.ADMIN,
            shown=lambda user: user.second_factor,
        ),
        PageAction(
            "Disable", "core:user_disable", permission=Access.ADMIN, danger=True, shown=lambda user: user.is_active
        ),
        PageAction("Enable", "core:user_enable", permission=Access.ADMIN, shown=lambda user: not user.is_active),
    )

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[Any]:
        """Return all users with their second factor."""
        return users()

    @classmethod
    def object_pills(cls, instance: User) -> list[SafeString]:
        """Return role and state."""
        return [render.choice_pill(instance, "role"), render.pill(*ACTIVE_WORDS[0 if instance.is_active else 1])]


class UserForm(forms.ModelForm):
    """What an administrator decides about a user."""

    class Meta:
        model = User
        fields = ("username", "role", "time_zone", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"] = forms.ChoiceField(choices=zone_choices, label="Time zone", initial="UTC")
        self.fields["username"].label = "User name"
        self.fields["username"].help_text = "What the user types to log in. It cannot be changed later."


class UserChangeForm(UserForm):
    """The same for a user who exists; log entries name the user, so the name stays."""

    class Meta(UserForm.Meta):
        fields = ("role", "time_zone", "email")  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        forms.ModelForm.__init__(self, *args, **kwargs)
        self.fields["time_zone"] = forms.ChoiceField(choices=zone_choices, label="Time zone")


class PasswordShownOnce(ShownOnceMixin):
    """A form that makes a user's password."""

    secret_name, secret_template = "Password", "core/user_password.html"


class UserAddView(PasswordShownOnce, CreateView):
    """Create a user."""

    access = Access.ADMIN
    model = User
    form_class = UserForm
    lead = "The password is generated and shown once; the user replaces it at the first login."

    def perform(self, form: Any) -> tuple[User, str]:
        """Create."""
        return services.create_user(**form.cleaned_data, actor=self.actor)


class UserEditView(UpdateView):
    """Change a user."""

    access = Access.ADMIN
    model = User
    form_class = UserChangeForm

    def perform(self, form: Any) -> User:
        """Change; a fresh copy is written, since validation has already changed the form's own."""
        user = User.objects.get(pk=self.object.pk)
        return services.change_user(user, **form.cleaned_data, actor=self.actor)


class PasswordResetView(PasswordShownOnce, FormActionView):
    """Give a user a new one-time password."""

    access = Access.ADMIN
    model = User
    form_class = forms.Form
    submit_label = "Make a new password"

    def get_title(self) -> str:
        """Return the question."""
        return f"New password for {self.object}?"

    def get_lead(self) -> str:
        """Return what will happen."""
        return f"{self.object} is logged out everywhere; the old password stops working at once."

    def perform(self, form: Any) -> tuple[User, str]:
        """Make it."""
        return self.object, services.reset_password(self.object, actor=self.actor)


class DisableView(FormActionView):
    """Let a user log in no longer."""

    access = Access.ADMIN
    model = User
    form_class = forms.Form
    submit_label = "Disable"
    active = False
    lead = "The user is logged out with the next click and cannot log in again. Nothing is deleted."

    def get_title(self) -> str:
        """Return the question."""
        return f"{self.submit_label} {self.object}?"

    def perform(self, form: Any) -> User:
        """Do it."""
        return services.set_user_active(self.object, self.active, actor=self.actor)

    def get_success_message(self, result: User) -> str:
        """Say so."""
        return f"User {result} {'enabled' if self.active else 'disabled'}."


class EnableView(DisableView):
    """Let a user log in again."""

    submit_label = "Enable"
    active = True
    lead = "The user can log in again with the password they have."


class SecondFactorView(FormActionView):
    """Remove the second factor of a user who has lost it."""

    access = Access.ADMIN
    model = User
    form_class = forms.Form
    submit_label = "Remove"
    lead = "The password alone will be enough to log in until the user sets up an authenticator again."

    def get_title(self) -> str:
        """Return the question."""
        return f"Remove the second factor of {self.object}?"

    def perform(self, form: Any) -> User:
        """Remove it."""
        services.remove_second_factor(self.object, actor=self.actor)
        return self.object

    def get_success_message(self, result: User) -> str:
        """Say so."""
        return f"Second factor of {result} removed."
