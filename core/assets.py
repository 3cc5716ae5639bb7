"""Static files of other projects: exactly those the pages use, from node_modules, without source maps."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage, Warning
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage

# Name under STATIC_URL -> path inside node_modules (package.json pins the packages).
VENDOR_FILES = {
    "vendor/tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "vendor/tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
    "vendor/uplot.css": "uplot/dist/uPlot.min.css",
    "vendor/uplot.js": "uplot/dist/uPlot.esm.js",
    "vendor/inter-latin.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "vendor/inter-latin-ext.woff2": "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
    "vendor/jetbrains-mono-latin.woff2": (
        "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2"
    ),
}


class VendorStorage(FileSystemStorage):
    """The vendored files under the names that pages use."""

    def __init__(self) -> None:
        super().__init__(location=settings.BASE_DIR / "node_modules")

    def path(self, name: str) -> str:
        """Return where a vendored file lies."""
        return super().path(VENDOR_FILES.get(name.replace("\\", "/"), name))


class VendorFinder(BaseFinder):
    """Finds the files of VENDOR_FILES and nothing else of node_modules."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.storage = VendorStorage()

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Warn where ``npm ci`` has not been run (core.W001)."""
        missing = [name for name in VENDOR_FILES if not Path(self.storage.path(name)).exists()]
        if not missing:
            return []
        return [
            Warning(
                f"Static files are missing: {', '.join(missing)}.",
                hint="Run bin/setup, or npm ci --ignore-scripts.",
                id="core.W001",
            )
        ]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """Return the file's path, or nothing."""
        found = self.storage.path(path) if path in VENDOR_FILES else ""
        if not found or not Path(found).exists():
            return []
        return [found] if find_all else found

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, VendorStorage]]:
        """Yield every file with its storage, for collectstatic."""
        for name in VENDOR_FILES:
            yield name, self.storage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Hashed and compressed files.

    Imports are followed in our own modules only: Django's expression finds "imports" in the comments of other
    projects' scripts. Source maps are not served, so references to them are not followed.
    """

    patterns = (
        ("*.css", CompressedManifestStaticFilesStorage.patterns[0][1][:2]),
        ("js/*.js", CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]),
    )
