"""Settings › Switches: who may send events and ask for decisions over HTTP, by token."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.db.models import Model, QuerySet
from django.utils.safestring import SafeString

from core import render
from core import tables as t
from core.access import Access
from core.filters import PortalFilterSet
from core.tabs import ViewTab, register_tab
from core.views import CreateView, EmptyState, FormActionView, ListView, ObjectView, PageAction, UpdateView
from core.views.once import ShownOnceMixin
from systemlog.models import Switch
from systemlog.switches import services
from systemlog.switches.signs import with_signs

ENABLED_WORDS = (("Enabled", "green"), ("Disabled", "secondary"))
SIGN_WORDS = (("Alive", "green"), ("No sign of life", "red"))
TOKEN_WORDS = (("Has a token", "azure"), ("None", "secondary"))
ADD = PageAction("Add switch", "syslog:switch_add", icon="plus", permission=Access.ADMIN, primary=True)

switch_name = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$", "1 to 32 letters, digits, dots, hyphens and underscores, such as sw2."
)


class SwitchTable(t.PortalTable):
    """The list of switches."""

    name = t.LinkColumn()
    alive = t.PillColumn("State", words=SIGN_WORDS)
    address = t.MonoColumn("SIP address")
    live_calls = t.NumberColumn("Live calls")
    beat_at = t.WhenColumn("Last sign of life", relative=True)
    enabled = t.PillColumn("May send", words=ENABLED_WORDS)
    token_digest = t.PillColumn("Token", words=TOKEN_WORDS, orderable=False, empty_values=())
    started_at = t.WhenColumn("Started", relative=True)
    version = t.PlainColumn()
    description = t.PlainColumn()

    class Meta(t.PortalTable.Meta):
        model = Switch
        fields = (
            "name", "alive", "address", "live_calls", "beat_at", "started_at", "version", "enabled", "token_digest",
            "description",
        )  # fmt: skip
        order_by = "name"

    fixed_columns = ("name",)


class SwitchFilterSet(PortalFilterSet):
    """Switches by name and state."""

    search_fields = ("name__icontains", "description__icontains")
    search_placeholder = "Name or description"

    class Meta:
        model = Switch
        fields = ["enabled"]


class SwitchListView(ListView):
    """All switches, those that came by themselves included."""

    model = Switch
    table_class = SwitchTable
    filterset_class = SwitchFilterSet
    page_actions = (ADD,)
    empty = EmptyState(
        "No switch yet",
        "The switches that bin/run starts appear here with their first event. Add another one to give it a token.",
        icon="server",
        action=ADD,
    )

    def get_queryset(self) -> QuerySet[Switch]:
        """Return all, each with its last sign of life."""
        return with_signs(Switch.objects.all())


@register_tab(Switch)
class SwitchView(ObjectView):
    """One switch."""

    tab = ViewTab("Main", weight=100)
    template_name = "syslog/switch.html"

    @classmethod
    def object_queryset(cls, model: type[Model]) -> QuerySet[Any]:
        """Return all, each with its last sign of life."""
        return with_signs(Switch.objects.all())

    object_actions = (
        PageAction("Edit", "syslog:switch_edit", icon="pencil", permission=Access.ADMIN),
        PageAction("New token", "syslog:switch_token", icon="key", permission=Access.ADMIN),
    )

    @classmethod
    def object_pills(cls, instance: Switch) -> list[SafeString]:
        """Return the state: of its signs of life where it gives any, and whether it may send."""
        alive = getattr(instance, "alive", None)
        pills = [] if alive is None else [render.pill(*SIGN_WORDS[0 if alive else 1])]
        if not pills or not instance.enabled:
            pills.append(render.pill(*ENABLED_WORDS[0 if instance.enabled else 1]))
        return pills


class SwitchForm(forms.ModelForm):
    """A new switch."""

    class Meta:
        model = Switch
        fields = ("name", "description")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].validators.append(switch_name)
        self.fields["name"].help_text = "As it stands in the events it sends. It cannot be changed later."


class SwitchChangeForm(forms.ModelForm):
    """The same for a switch that exists; events name it, so the name stays."""

    class Meta:
        model = Switch
        fields = ("enabled", "description")


class TokenShownOnce(ShownOnceMixin):
    """A form that makes a switch's token."""

    secret_name, secret_template = "Token", "syslog/switch_token.html"


class SwitchAdd(TokenShownOnce, CreateView):
    """Add a switch; its token is shown once."""

    access = Access.ADMIN
    model = Switch
    form_class = SwitchForm
    lead = "The token is generated and shown once. A Kamailio that runs beside deciders needs none."

    def perform(self, form: Any) -> tuple[Switch, str]:
        """Create."""
        return services.create_switch(**form.cleaned_data, actor=self.actor)


class SwitchEdit(UpdateView):
    """Enable, disable, describe."""

    access = Access.ADMIN
    model = Switch
    form_class = SwitchChangeForm

    def perform(self, form: Any) -> Switch:
        """Change; a fresh copy is written, since validation has already changed the form's own."""
        switch = Switch.objects.get(pk=self.object.pk)
        return services.change_switch(switch=switch, **form.cleaned_data, actor=self.actor)


class SwitchToken(TokenShownOnce, FormActionView):
    """Give a switch another token."""

    access = Access.ADMIN
    model = Switch
    form_class = forms.Form
    submit_label = "Make a new token"

    def get_title(self) -> str:
        """Return the question."""
        return f"New token for {self.object}?"

    def get_lead(self) -> str:
        """Return what will happen."""
        return f"The old token of {self.object} ends at once: the switch is refused until it has the new one."

    def perform(self, form: Any) -> tuple[Switch, str]:
        """Make it."""
        return self.object, services.renew_token(switch=self.object, actor=self.actor)
