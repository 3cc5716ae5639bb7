"""What refers to a product or a rate table from apps above this one: money that was charged by it."""

from collections.abc import Callable

from billing.models import Product, RateTable

Reference = Callable[[Product | RateTable], str]
_REFERENCES: list[Reference] = []


def register_reference(reference: Reference) -> Reference:
    """Make known who can tell, in words, what refers to a row; empty where nothing does."""
    if reference not in _REFERENCES:
        _REFERENCES.append(reference)
    return reference


def references_to(row: Product | RateTable) -> list[str]:
    """Return in words what refers to a row from above."""
    return [words for reference in _REFERENCES if (words := reference(row))]
