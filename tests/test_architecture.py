"""The structure that import-linter cannot see: relations between tables."""

import sys

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models

LAYERS = [
    ["reports"],
    ["invoices"],
    ["cdr"],
    ["routing"],
    ["rentals"],
    ["dids"],
    ["rental_plans"],
    ["carriers", "accounts"],
    ["seller"],
    ["metering"],
    ["billing"],
    ["mail"],
    ["syslog"],
    ["jobs"],
    ["core"],
]
HEIGHT = {app: len(LAYERS) - height for height, layer in enumerate(LAYERS) for app in layer}

OUR_MODELS = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in HEIGHT]


@pytest.mark.parametrize("model", OUR_MODELS, ids=lambda model: model._meta.label)
def test_no_foreign_key_points_up(model: type[models.Model]) -> None:
    """A table may refer to its own layer or one below, never to one above, however the reference is written."""
    app = model._meta.app_label
    for field in model._meta.get_fields():
        if not isinstance(field, models.ForeignKey | models.ManyToManyField):
            continue
        target = field.related_model._meta.app_label
        if target == app or target not in HEIGHT:
            continue
        assert HEIGHT[target] < HEIGHT[app], f"{model._meta.label}.{field.name} points up to {target}"


def test_every_app_of_ours_has_a_layer() -> None:
    """A new app must be given its place in the order of imports."""
    ours = {
        config.label
        for config in apps.get_app_configs()
        if config.path.startswith(str(settings.BASE_DIR)) and ".venv" not in config.path
    }
    assert ours <= set(HEIGHT)


def test_no_package_of_ours_is_hidden_by_the_standard_library() -> None:
    """A module built into an interpreter wins over any folder; which ones are built in differs (Debian: syslog)."""
    packages = {path.parent.name for path in settings.BASE_DIR.glob("*/__init__.py")}
    assert not packages & sys.stdlib_module_names
