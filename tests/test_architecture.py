"""The structure that import-linter does not see: relations between tables, and apps that lie inside another one."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models

import core

LAYERS = [
    ["reports"],
    ["invoices"],
    ["cdr"],
    ["routing"],
    ["rentals"],
    ["dids"],
    ["rental_plans"],
    ["carriers", "accounts"],
    ["billing"],
    ["metering", "seller"],
    ["mail"],
    ["syslog"],
    ["jobs"],
    ["core"],
]
HEIGHT = {app: len(LAYERS) - height for height, layer in enumerate(LAYERS) for app in layer}

# What may know an app above its own, and why.
UPWARD = {
    # The mark of a changed day commits with the change.
    ("cdr.handlers", "reports"),
    # Any list can hand its chosen rows to a bulk change.
    ("core.views.list", "jobs"),
}

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


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_no_app_imports_one_above_it() -> None:
    """Also where both lie in one package, as ``cdr`` and ``cdr.invoices`` do."""
    labels = {config.name: config.label for config in apps.get_app_configs() if config.label in HEIGHT}

    def app_of(module: str) -> str:
        while module and module not in labels:
            module = module.rpartition(".")[0]
        return labels.get(module, "")

    found = set()
    for package in {name.partition(".")[0] for name in labels}:
        for path in (settings.BASE_DIR / package).rglob("*.py"):
            module = ".".join(path.relative_to(settings.BASE_DIR).with_suffix("").parts)
            app = app_of(module)
            used = {app_of(name) for name in imported(path)} - {app, ""}
            found |= {(module, other) for other in used if HEIGHT[other] >= HEIGHT[app]}
    assert found == UPWARD


def test_the_map_of_core_names_each_of_its_modules() -> None:
    """Whoever looks for something in core finds it by what it serves (core/__init__.py)."""
    folder = settings.BASE_DIR / "core"
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    named = set(re.findall(r"\w+", core.__doc__ or ""))
    assert modules - {"__init__", "migrations"} - named == set()


def test_no_package_of_ours_is_hidden_by_the_standard_library() -> None:
    """A module built into an interpreter wins over any folder; which ones are built in differs (Debian: syslog)."""
    packages = {path.parent.name for path in settings.BASE_DIR.glob("*/__init__.py")}
    assert not packages & sys.stdlib_module_names
