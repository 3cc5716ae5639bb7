"""Static files: exactly what the pages name, hashed, without source maps."""

import re
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.management import call_command
from pytest_django import Settings

from core.assets import VENDOR_FILES, StaticStorage

NAMED = re.compile(r"""\{% static ["']([^"']+)["'] %\}""")


def test_every_file_that_a_template_names_exists() -> None:
    templates = Path(settings.BASE_DIR / "templates").rglob("*.html")
    named = {name for path in templates for name in NAMED.findall(path.read_text())}
    assert {"css/app.css", "js/app.js", "js/theme.js", "vendor/tabler.min.css"} <= named
    assert [name for name in sorted(named) if finders.find(name) is None] == []


def test_nothing_else_of_node_modules_is_served() -> None:
    assert not finders.find("vendor/tabler.min.css.map")
    assert not finders.find("vendor/package.json")
    assert all(finders.find(name) for name in VENDOR_FILES), "run npm ci --ignore-scripts"


def test_collected_files_are_hashed_and_refer_to_hashed_files(tmp_path: Path, settings: Settings) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "core.assets.StaticStorage"}}
    ignored = ["django_htmx/ext/*", "ext/hx-*", "*.map"]
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=ignored)
    storage = StaticStorage(location=tmp_path, base_url="/static/")
    app = Path(tmp_path / storage.stored_name("js/app.js")).read_text()
    assert re.search(r'import"\./lists\.[0-9a-f]{12}\.js"', app)
    style = Path(tmp_path / storage.stored_name("css/app.css")).read_text()
    assert re.search(r"vendor/inter-latin\.[0-9a-f]{12}\.woff2", style)
    assert not list(tmp_path.rglob("*.map"))
    assert isinstance(storage, StaticFilesStorage)
