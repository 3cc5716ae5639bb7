"""What the documents name is there: files, modules, commands, links."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.stack import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "switch" / "CONTRACT.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
SPANS = re.compile(r"`([^`\n]+)`")
SOURCE = re.compile(r"[\w*./-]+\.(?:py|cfg|html|js|css|sh)")
DOTTED = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
RUN = re.compile(r"python3? -m ([\w.]+)")
COMMAND = re.compile(r"manage(?:\.py)? ([a-z_]+)")
OF_A_CLASS = re.compile(r"([A-Z]\w+)\.(\w+)(?:\(\))?")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
# Not of ours: what the switch writes at its start, and JSON-RPC commands of Kamailio.
FOREIGN = {"local.cfg", "core.uptime", "core.version"}


def words(text: str) -> Iterator[str]:
    """Yield each word that a document sets as code."""
    for span in SPANS.findall(text):
        yield from span.split()


@pytest.fixture(scope="module")
def sources() -> set[Path]:
    """Return the files of the checkout, without what others wrote."""
    foreign = {"node_modules", ".venv", ".git", ".data"}
    folders = [path for path in ROOT.iterdir() if path.is_dir() and path.name not in foreign]
    return {path for folder in folders for path in folder.rglob("*.*")} | set(ROOT.glob("*.*"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_file_that_a_document_names_is_there(document: Path, sources: set[Path]) -> None:
    """In full, or by the end of its path where the line has named the folder."""
    named = {word for word in words(document.read_text()) if SOURCE.fullmatch(word)} - FOREIGN
    assert not {name for name in named if not any(path.match(name) for path in sources)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_link_of_a_document_leads_somewhere(document: Path) -> None:
    """Links within the project; other addresses are not asked."""
    targets = set(LINK.findall(document.read_text()))
    assert not {target for target in targets if not (document.parent / target).exists()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_module_and_command_of_a_document_exists(document: Path) -> None:
    """Dotted names of our packages, ``python -m …`` and ``manage.py …``."""
    text = document.read_text()
    dotted = {word for word in words(text) if DOTTED.fullmatch(word) and not SOURCE.fullmatch(word)} - FOREIGN
    ours = {name for name in RUN.findall(text) if name.partition(".")[0] in PACKAGES}
    assert not {name for name in dotted | ours if not exists(name)}
    assert not set(COMMAND.findall(text)) - set(get_commands())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_attribute_of_a_class_exists(document: Path, sources: set[Path]) -> None:
    """``Class.name``: one file holds both, so that a renamed method is renamed in the documents too."""
    named = {match.groups() for match in map(OF_A_CLASS.fullmatch, words(document.read_text())) if match}
    texts = [path.read_text() for path in sources if named and path.suffix == ".py"]
    missing = {
        (owner, name)
        for owner, name in named
        if not any(f"class {owner}" in text and re.search(rf"\b{name}\b", text) for text in texts)
    }
    assert not missing


def exists(name: str) -> bool:
    """Tell whether a dotted name is a module, or something within one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:length])
        if path.is_dir() or path.with_suffix(".py").is_file():
            found: object = importlib.import_module(".".join(parts[:length]))
            for attribute in parts[length:]:
                if not hasattr(found, attribute):
                    return False
                found = getattr(found, attribute)
            return True
    return False
