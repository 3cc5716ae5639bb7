"""Pages of products and their mappings."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.safestring import SafeString

from billing.filters import ProductFilterSet
from billing.forms import MappingForm, PriceQuestionForm, ProductForm
from billing.lookup import FoundPrice, find_price
from billing.models import Product, ProductMapping
from billing.pricing import (
    archive_product,
    delete_mapping,
    delete_product,
    product_users,
    save_mapping,
    save_product,
)
from billing.tables import MappingTable, ProductTable
from core import render
from core.archive import ArchiveView, RestoreMixin, archived_pill, is_archived, is_in_use
from core.counting import related_count
from core.forms import PortalFormHelper
from core.keepers import what_keeps_row
from core.tabs import ViewTab, register_tab
from core.views import CreateView, EmptyState, ListView, PageAction, TabCreateView, TabListView, UpdateView
from core.views.detail import ObjectHead, TabView
from core.views.guarded import GuardedDeleteView

ADD_PRODUCT = PageAction("Add product", "billing:product_add", icon="plus", primary=True)


def is_own(product: Product) -> bool:
    """Tell whether a product may be changed."""
    return not product.builtin


def may_be_archived(product: Product) -> bool:
    """Tell whether a product is offered for archiving."""
    return is_own(product) and is_in_use(product)


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
        PageAction("Archive", "billing:product_archive", "archive", shown=may_be_archived),
        PageAction("Take back", "billing:product_restore", icon="archive-off", shown=is_archived),
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
        return [*pills, render.pill("Built in", "azure")] if instance.builtin else [*pills, *archived_pill(instance)]

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


class ProductArchive(ArchiveView):
    """Hide a product that prices nothing."""

    model = Product
    lead = "It is hidden from lists and choices. Its mappings, its history and the calls charged by it stay."

    def archive(self) -> Product:
        """Archive it, or take it back."""
        return archive_product(actor=self.actor, product=self.object, archived=self.archived)


class ProductRestore(RestoreMixin, ProductArchive):
    """Show an archived product again."""

    lead = "It is listed and offered again."


class ProductDelete(GuardedDeleteView):
    """Delete a product that prices nothing and never did."""

    model = Product
    instead = PageAction("Archive it", "billing:product_archive", "archive", shown=may_be_archived)
    lead = "Numbers priced by it have no rate from then on."

    def keepers(self) -> list[str]:
        """Return what it prices; a built-in one keeps itself."""
        if self.object.builtin:
            return ["a place in every switch: it is built in, and carriers rely on it to let calls in for free"]
        users = product_users(self.object)
        return [*([users] if users else []), *what_keeps_row(self.object)]

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
