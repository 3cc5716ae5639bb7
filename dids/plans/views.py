"""Pages of rental plans."""

from typing import Any

from django.apps import apps
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.utils.safestring import SafeString

from core import render
from core.archive import ArchiveView, RestoreMixin, archived_pill, is_archived, is_in_use
from core.counting import related_count
from core.models import User
from core.tabs import ViewTab, register_tab
from core.views import CreateView, EmptyState, ListView, PageAction
from core.views.detail import TabView
from core.views.guarded import GuardedDeleteView
from core.views.tabform import ObjectFormView
from dids.plans.choices import RentalSide
from dids.plans.filters import PlanFilterSet
from dids.plans.forms import PlanForm
from dids.plans.models import RentalPlan
from dids.plans.services import archive_plan, delete_plan, save_plan, users_words, what_keeps
from dids.plans.tables import PlanTable, default_words

ADD_PLAN = PageAction("Add rental plan", "rental_plans:rentalplan_add", icon="plus", primary=True)
VERSIONS = 100


def plans_with_counts() -> QuerySet[RentalPlan]:
    """Return plans, each with how many numbers have it and whether it is archived."""
    counts = Case(
        When(side=RentalSide.BOUGHT, then=related_count(RentalPlan, "bought_dids")),
        default=related_count(RentalPlan, "sold_dids"),
        output_field=IntegerField(),
    )
    archived = Case(When(Q(archived_at=None), then=Value(False)), default=Value(True))
    return RentalPlan.objects.select_related("carrier").annotate(user_count=counts, archived=archived)


class PlanListView(ListView):
    """Products › Rental plans."""

    model = RentalPlan
    table_class = PlanTable
    filterset_class = PlanFilterSet
    page_actions = (ADD_PLAN,)
    empty = EmptyState(
        "No rental plan yet",
        "A plan says what a DID number costs by the month: bought from its carrier, or sold to an account.",
        icon="calendar-repeat",
        action=ADD_PLAN,
    )

    def get_queryset(self) -> QuerySet[RentalPlan]:
        """Return plans with counts."""
        return plans_with_counts()


class PlanAdd(CreateView):
    """Add a plan."""

    model = RentalPlan
    form_class = PlanForm

    def perform(self, form: Any) -> RentalPlan:
        """Create it."""
        return save_plan(actor=self.actor, plan=form.instance)


@register_tab(RentalPlan)
class PlanView(ObjectFormView):
    """A plan's fees, and by how many numbers it is used."""

    model = RentalPlan
    form_class = PlanForm
    tab = ViewTab("Main", weight=100)
    template_name = "rentals/plan.html"
    object_actions = (
        PageAction("Archive", "rental_plans:rentalplan_archive", "archive", shown=is_in_use),
        PageAction("Take back", "rental_plans:rentalplan_restore", "archive-off", shown=is_archived),
        PageAction("Delete", "rental_plans:rentalplan_delete", "trash", danger=True),
    )

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[RentalPlan]:
        """Return plans with their carriers."""
        return RentalPlan.objects.select_related("carrier__balance")

    @classmethod
    def object_pills(cls, instance: RentalPlan) -> list[SafeString]:
        """Return its side, and whether it is the default or archived."""
        pills = [render.choice_pill(instance, "side")]
        if instance.is_default:
            pills.append(render.pill("Default", "azure"))
        return [*pills, *archived_pill(instance)]

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add who has it."""
        users, scope = users_words(self.object), default_words(self.object)
        return super().get_context_data(users=users, scope=scope, **extra)

    def perform(self, form: Any) -> RentalPlan:
        """Save it."""
        return save_plan(actor=self.actor, plan=form.instance)


@register_tab(RentalPlan, "history")
class PlanHistoryTab(TabView):
    """What the plan cost on any day."""

    tab = ViewTab("History", weight=900)
    template_name = "rentals/plan_history.html"

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the versions, newest first."""
        events = apps.get_model("rental_plans", "RentalPlanEvent").objects.filter(pgh_obj=self.object)
        versions = list(events.select_related("pgh_context").order_by("-pgh_id")[:VERSIONS])
        actors = {version.pk: (version.pgh_context.metadata if version.pgh_context else {}) for version in versions}
        names = dict(
            User.objects.filter(pk__in={told.get("user") for told in actors.values()} - {None}).values_list(
                "pk", "username"
            )
        )
        rows = [(version, names.get(actors[version.pk].get("user") or 0, "")) for version in versions]
        return super().get_context_data(versions=rows, **extra)


class PlanArchive(ArchiveView):
    """Offer a plan no more."""

    model = RentalPlan
    lead = "It is offered for no more numbers, and is no default. Numbers that have it go on being charged by it."

    def archive(self) -> RentalPlan:
        """Archive it, or take it back."""
        return archive_plan(actor=self.actor, plan=self.object, archived=self.archived)


class PlanRestore(RestoreMixin, PlanArchive):
    """Offer an archived plan again."""

    lead = "It is offered again when numbers are given plans."


class PlanDelete(GuardedDeleteView):
    """Delete a plan that nothing refers to."""

    model = RentalPlan
    instead = PageAction("Archive it", "rental_plans:rentalplan_archive", icon="archive")

    def keepers(self) -> list[str]:
        """Return its numbers and charges, counted."""
        return what_keeps(self.object)

    def perform(self, form: Any) -> str:
        """Delete it."""
        delete_plan(actor=self.actor, plan=self.object)
        return str(self.object)
