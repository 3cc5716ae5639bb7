"""Pages over Django's groups, made only of what core gives; the tests of the generic views open them."""

from typing import Any

import django_filters
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import include, path

from accounts.models import Client
from core import tables as t
from core.filters import PortalFilterSet
from core.tabs import ViewTab, register_tab, tab_urls
from core.views import (
    BulkAction,
    CreateView,
    DeleteView,
    EmptyState,
    ListView,
    ObjectView,
    PageAction,
    TabCreateView,
    TabListView,
    UpdateView,
)

ADD = PageAction("Add group", "auth:group_add", icon="plus", primary=True)


class GroupTable(t.PortalTable):
    id = t.NumberColumn("Number")
    name = t.MonoColumn()
    size = t.PlainColumn(accessor="pk", orderable=False)

    class Meta(t.PortalTable.Meta):
        model = Group
        fields = ("id", "name", "size")
        order_by = "name"

    default_columns = ("id", "name")
    fixed_columns = ("name",)

    def render_size(self, value: int) -> Any:
        return t.format_html("<b>{}</b>", value)


class GroupFilterSet(PortalFilterSet):
    search_fields = ("name__icontains",)
    above = django_filters.NumberFilter(field_name="pk", lookup_expr="gt", label="Number above")

    class Meta:
        model = Group
        fields = ("above",)


class GroupList(ListView):
    model = Group
    table_class = GroupTable
    filterset_class = GroupFilterSet
    page_actions = (ADD,)
    empty = EmptyState("No group yet", "Groups hold people.", action=ADD)
    bulk_actions = (
        BulkAction("rename", "Rename", confirm="They are called otherwise then."),
        BulkAction("fail", "Fail"),
    )

    def bulk_rename(self, rows: QuerySet[Any], actor: Any) -> str:
        for group in rows:
            group.name = f"{group.name} of {actor}"
            group.save()
        return f"{len(rows)} renamed."

    def bulk_fail(self, rows: QuerySet[Any], actor: Any) -> str:
        rows.delete()
        raise ValidationError("Not today.")


class GroupTimeline(GroupList):
    keyset = ("name", "id")
    bulk_actions = ()


class GroupEditMixin:
    model = Group
    fields = ("name",)

    def get_success_url(self, result: Any) -> str:
        return "/groups/"

    def perform(self, form: Any) -> Any:
        group = super().perform(form)  # type: ignore[misc]
        if group.name == "forbidden":
            raise ValidationError({"name": "Not this name.", "owner": "Nobody owns it."})
        return group


class GroupAdd(GroupEditMixin, CreateView):
    pass


class GroupEdit(GroupEditMixin, UpdateView):
    pass


@register_tab(Group)
class GroupPage(ObjectView):
    tab = ViewTab("Main", weight=100)
    template_name = "core/object.html"
    object_actions = (PageAction("Edit", "auth:group_edit"),)


@register_tab("auth.group", "permissions")
class GroupPermissions(TabListView):
    tab = ViewTab("Permissions", badge=lambda group: group.permissions.count(), weight=200)
    model = Permission

    class Table(t.PortalTable):
        class Meta(t.PortalTable.Meta):
            model = Permission
            fields = ("codename",)

    table_class = Table
    page_actions = (PageAction("Add permission", "auth:permission_add", fragment=True),)

    def get_queryset(self) -> QuerySet[Any]:
        return self.object.permissions.all()


@register_tab("auth.group", "secrets")
class GroupSecrets(GroupPage):
    access = "admin"
    tab = ViewTab("Secrets", permission="admin", weight=300)


class PermissionAdd(TabCreateView):
    tab_model = "auth.group"
    model = Permission
    fields = ("name", "codename", "content_type")
    return_slug = "permissions"


class ClientDelete(DeleteView):
    model = Client


class GroupDelete(DeleteView):
    model = Group


groups = [
    path("", GroupList.as_view(), name="group_list"),
    path("timeline/", GroupTimeline.as_view(), name="group_timeline"),
    path("add/", GroupAdd.as_view(), name="group_add"),
    *tab_urls(Group),
    path("<int:pk>/edit/", GroupEdit.as_view(), name="group_edit"),
    path("<int:pk>/delete/", GroupDelete.as_view(), name="group_delete"),
    path("<int:pk>/permissions/add/", PermissionAdd.as_view(), name="permission_add"),
    path("clients/<int:pk>/delete/", ClientDelete.as_view(), name="client_delete"),
]

urlpatterns = [
    path("groups/", include((groups, "auth"))),
    # Rows that protect a deletion are linked to their pages.
    path("", include("accounts.urls")),
    path("", include("core.urls")),
    path("account/", include("core.urls_account")),
]
