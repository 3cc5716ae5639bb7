"""Pages of products and rate tables."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.safestring import SafeString

from billing.filters import ProductFilterSet, RateFilterSet, RateTableFilterSet
from billing.forms import MappingForm, PriceQuestionForm, ProductForm, RateForm, RateTableForm
from billing.lookup import FoundPrice, find_price
from billing.models import Product, ProductMapping, Rate, RateTable
from billing.pricing import (
    delete_mapping,
    delete_product,
    delete_rate,
    delete_rate_table,
    product_users,
    save_mapping,
    save_product,
    save_rate,
    save_rate_table,
)
from billing.selectors import rate_tables_with_origin
from billing.tables import MappingTable, ProductTable, RateRows, RateTableTable
from core import render
from core.counting import related_count
from core.forms import PortalFormHelper
from core.tabs import ViewTab, register_tab
from core.views import CreateView, EmptyState, ListView, PageAction, TabCreateView, TabListView, UpdateView
from core.views.detail import ObjectHead, TabView
from core.views.guarded import GuardedDeleteView

ADD_PRODUCT = PageAction("Add product", "billing:product_add", icon="plus", primary=True)
ADD_TABLE = PageAction("Add rate table", "billing:ratetable_add", icon="plus", primary=True)


def is_own(product: Product) -> bool:
    """Tell whether a product may be changed."""
    return not product.builtin


class ProductListView(ListView):
    """All products."""

    model = Product
    table_class = ProductTable
    filterset_class = ProductFilterSet
    page_actions = (ADD_PRODUCT,)

    def get_queryset(self) -> QuerySet[Product]:
        """Return products with how many mappings they have and how many entries they price."""
        return Product.objects.annotate(
            mapping_count=related_count(Product, "mappings"),
            user_count=related_count(Product, "carrier_accounts") + related_count(Product, "accounts"),
        )


def mappings_of(product: Product) -> QuerySet[ProductMapping]:
    """Return a product's mappings, each with whether it is in force now."""
    newer = ProductMapping.objects.filter(
        product=OuterRef("product"),
        prefix=OuterRef("prefix"),
        starts_at__gt=OuterRef("starts_at"),
        starts_at__lte=Now(),
    )
    return product.mappings.select_related("rate_table", "product").annotate(
        in_force=Q(starts_at__lte=Now()) & ~Exists(newer)
    )


@register_tab(Product)
class ProductView(TabListView, ObjectHead):
    """A product's main tab: its mappings."""

    tab = ViewTab("Main", weight=100)
    model = ProductMapping
    table_class = MappingTable
    template_name = "billing/product.html"
    object_actions = (
        PageAction("Edit", "billing:product_edit", icon="pencil", shown=is_own),
        PageAction("Delete", "billing:product_delete", icon="trash", danger=True, shown=is_own),
    )
    page_actions = (
        PageAction("Add mapping", "billing:productmapping_add", icon="plus", primary=True, fragment=True, shown=is_own),
    )
    empty = EmptyState(
        "No mapping yet",
        "Without a mapping no number has a rate, and every call under this product is refused.",
        icon="route",
        action=PageAction("Add mapping", "billing:productmapping_add", icon="plus", primary=True, fragment=True),
    )

    @classmethod
    def object_pills(cls, instance: Product) -> list[SafeString]:
        """Return its kind, and whether it is built in."""
        pills = [render.choice_pill(instance, "kind")]
        return [*pills, render.pill("Built in", "azure")] if instance.builtin else pills

    @classmethod
    def object_subtitle(cls, instance: Product) -> str:
        """Return its description."""
        return instance.description

    def get_queryset(self) -> QuerySet[ProductMapping]:
        """Return the mappings."""
        return mappings_of(self.object)

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add by what it is used."""
        return super().get_context_data(users=product_users(self.object), **extra)


@register_tab(Product, "price")
class ProductPriceTab(TabView):
    """Type a number and an instant; see which mapping, table and rate apply."""

    tab = ViewTab("Which rate applies", weight=200)
    template_name = "billing/product_price.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the question that the address asks."""
        form = PriceQuestionForm(request.GET if "number" in request.GET else None)
        form.helper = PortalFormHelper(form)  # type: ignore[attr-defined]
        price: FoundPrice | None = None
        if form.is_bound and form.is_valid():
            price = find_price(self.object, form.cleaned_data["number"], form.cleaned_data["at"])
        asked = form.cleaned_data if price else {}
        return self.render(self.get_context_data(form=form, price=price, asked=asked))


class ProductAdd(CreateView):
    """Add a product."""

    model = Product
    form_class = ProductForm

    def perform(self, form: Any) -> Product:
        """Create it."""
        return save_product(actor=self.actor, product=form.instance)


class ProductEdit(UpdateView):
    """Change a product."""

    model = Product
    form_class = ProductForm

    def perform(self, form: Any) -> Product:
        """Save it."""
        return save_product(actor=self.actor, product=form.instance)


class ProductDelete(GuardedDeleteView):
    """Delete a product that prices nothing."""

    model = Product
    lead = "Numbers priced by it have no rate from then on."

    def keepers(self) -> list[str]:
        """Return what it prices; a built-in one keeps itself."""
        if self.object.builtin:
            return ["a place in every switch: it is built in, and carriers rely on it to let calls in for free"]
        users = product_users(self.object)
        return [users] if users else []

    def perform(self, form: Any) -> str:
        """Delete it."""
        delete_product(actor=self.actor, product=self.object)
        return str(self.object)


class MappingAdd(TabCreateView):
    """Add a mapping to a product."""

    tab_model, parent_field, return_slug = "billing.product", "product", ""
    model = ProductMapping
    form_class = MappingForm
    title = "Add mapping"

    def perform(self, form: Any) -> ProductMapping:
        """Create it."""
        return save_mapping(actor=self.actor, mapping=form.instance)

    def get_success_message(self, result: ProductMapping) -> str:
        """Say which."""
        return f"Mapping of {result.prefix or 'any number'} to {result.rate_table} added."


class MappingEdit(UpdateView):
    """Change a mapping."""

    model = ProductMapping
    queryset = ProductMapping.objects.select_related("product", "rate_table")
    form_class = MappingForm

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the products and the product."""
        return [*ProductView.object_parents(self.object.product), (str(self.object.product), self.get_cancel_url())]

    def get_cancel_url(self) -> str:
        """Return the product."""
        return self.object.get_absolute_url()

    def perform(self, form: Any) -> ProductMapping:
        """Save it."""
        return save_mapping(actor=self.actor, mapping=form.instance)


class MappingDelete(GuardedDeleteView):
    """Delete a mapping."""

    model = ProductMapping
    queryset = ProductMapping.objects.select_related("product", "rate_table")
    lead = "Numbers that no other mapping of the product fits have no rate from then on: their calls are refused."

    def perform(self, form: Any) -> str:
        """Delete it."""
        name = str(self.object)
        delete_mapping(actor=self.actor, mapping=self.object)
        return name

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the products and the product."""
        return [*ProductView.object_parents(self.object.product), (str(self.object.product), self.get_cancel_url())]

    def get_success_url(self, result: str) -> str:
        """Return the product."""
        return self.object.get_absolute_url()


class RateTableListView(ListView):
    """All rate tables."""

    model = RateTable
    title = "Rates"
    table_class = RateTableTable
    filterset_class = RateTableFilterSet
    page_actions = (ADD_TABLE,)

    def get_queryset(self) -> QuerySet[RateTable]:
        """Return tables with how many rates they have and how many mappings use them."""
        return RateTable.objects.annotate(
            rate_count=related_count(RateTable, "rates"), mapping_count=related_count(RateTable, "mappings")
        )


def table_is_own(table: Any) -> bool:
    """Tell whether a table, as ``RateTableView.object_queryset`` gives it, may be changed."""
    return not table.builtin


ADD_RATE = PageAction("Add rate", "billing:rate_add", icon="plus", primary=True, fragment=True, shown=table_is_own)


@register_tab(RateTable)
class RateTableView(TabListView, ObjectHead):
    """A rate table's page: its rates."""

    tab = ViewTab("Rates", weight=100)
    model = Rate
    table_class = RateRows
    filterset_class = RateFilterSet
    page_actions = (ADD_RATE,)
    object_actions = (
        PageAction("Edit", "billing:ratetable_edit", icon="pencil", shown=table_is_own),
        PageAction("Delete", "billing:ratetable_delete", icon="trash", danger=True, shown=table_is_own),
    )
    empty = EmptyState(
        "No rate yet",
        "A number that no code here starts has no rate, and its calls are refused. The empty code prices every number.",
        icon="cash",
        action=ADD_RATE,
    )

    @classmethod
    def object_queryset(cls, model: Any) -> QuerySet[RateTable]:
        """Return tables, each with whether a built-in product's price is in it."""
        return rate_tables_with_origin()

    @classmethod
    def object_parents(cls, instance: RateTable) -> list[tuple[str, str]]:
        """Return the list under the name that the menu has."""
        return [("Rates", url) for _, url in super().object_parents(instance)]

    @classmethod
    def object_pills(cls, instance: Any) -> list[SafeString]:
        """Return the currency, and whether the table is built in."""
        pills = [render.pill(instance.currency)]
        return [*pills, render.pill("Built in", "azure")] if instance.builtin else pills

    @classmethod
    def object_subtitle(cls, instance: RateTable) -> str:
        """Return its description."""
        return instance.description

    def get_queryset(self) -> QuerySet[Rate]:
        """Return the rates."""
        return self.object.rates.select_related("table")


class RateTableAdd(CreateView):
    """Add a rate table."""

    model = RateTable
    form_class = RateTableForm

    def perform(self, form: Any) -> RateTable:
        """Create it."""
        return save_rate_table(actor=self.actor, table=form.instance)


class RateTableEdit(UpdateView):
    """Change a rate table."""

    model = RateTable
    form_class = RateTableForm

    def perform(self, form: Any) -> RateTable:
        """Save it."""
        return save_rate_table(actor=self.actor, table=form.instance)


class RateTableDelete(GuardedDeleteView):
    """Delete a rate table that no product uses."""

    model = RateTable

    def keepers(self) -> list[str]:
        """Return the products mapped to it."""
        return sorted(
            {f"a mapping of product {name}" for name in self.object.mappings.values_list("product__name", flat=True)}
        )

    def perform(self, form: Any) -> str:
        """Delete it."""
        delete_rate_table(actor=self.actor, table=self.object)
        return str(self.object)


class RateAdd(TabCreateView):
    """Add a rate to a table."""

    tab_model, parent_field, return_slug = "billing.ratetable", "table", ""
    model = Rate
    form_class = RateForm
    title = "Add rate"

    def perform(self, form: Any) -> Rate:
        """Create it."""
        return save_rate(actor=self.actor, rate=form.instance)

    def get_success_message(self, result: Rate) -> str:
        """Say which."""
        return f"Rate for {result.code or 'any number'} added."


class RateEdit(UpdateView):
    """Change a rate."""

    model = Rate
    queryset = Rate.objects.select_related("table")
    form_class = RateForm

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the tables and the table."""
        table = self.object.table
        return [*RateTableView.object_parents(table), (str(table), table.get_absolute_url())]

    def perform(self, form: Any) -> Rate:
        """Save it."""
        return save_rate(actor=self.actor, rate=form.instance)

    def get_success_message(self, result: Rate) -> str:
        """Say which."""
        return f"Rate for {result.code or 'any number'} saved."


class RateDelete(GuardedDeleteView):
    """Delete a rate."""

    model = Rate
    queryset = Rate.objects.select_related("table")
    lead = "Its numbers are priced by a shorter code from then on, or have no rate."

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the tables and the table."""
        table = self.object.table
        return [*RateTableView.object_parents(table), (str(table), table.get_absolute_url())]

    def perform(self, form: Any) -> str:
        """Delete it."""
        name = self.object.code or "any number"
        delete_rate(actor=self.actor, rate=self.object)
        return name

    def get_success_url(self, result: str) -> str:
        """Return the table."""
        return self.object.get_absolute_url()
