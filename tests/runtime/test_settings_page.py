"""docs/operating.md lists every setting, and none that is gone."""

import re

from tests.stack import ROOT

SOURCES = (ROOT / "voipbilling", ROOT / "switch", ROOT / "bin" / "launcher")
READ = re.compile(
    r"""(?:environ(?:ment)?(?:\.get)?[(\[]|env_\w+\(|\b(?:number|listen)\()\s*"([A-Z][A-Z0-9_]+)\""""
    r"""|^\s+"([A-Z][A-Z0-9_]+)":\s\("\w+",|kept_port\([^)]*?"([A-Z][A-Z0-9_]+)\"""",
    re.MULTILINE,
)
# What the launcher tells its processes, or tools, and nobody sets by hand.
INTERNAL = {
    "CI",
    "DEMO",
    "DJANGO_SETTINGS_MODULE",
    "PATH",
    "REDIS_FIRST_DATABASE",
    "STATIC_ROOT",
    "VOIPBILLING_INGEST",
    "VOIPBILLING_RUN",
}


def settings_read() -> set[str]:
    """Return every environment variable that the code reads."""
    found: set[str] = set()
    for folder in SOURCES:
        for path in folder.glob("*.py"):
            found |= {name for groups in READ.findall(path.read_text()) for name in groups if name}
    return found - INTERNAL


def settings_described() -> set[str]:
    """Return every setting of the table."""
    page = (ROOT / "docs" / "operating.md").read_text().split("## Settings")[1].split("\n## ")[0]
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", row.split("|")[1])}


def test_every_setting_is_described() -> None:
    """An operator finds each of them in one table."""
    assert settings_read() - settings_described() == set()


def test_no_described_setting_is_gone() -> None:
    """What the table promises is read somewhere."""
    assert settings_described() - settings_read() - INTERNAL == set()
