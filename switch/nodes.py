"""The names of what belongs to one switch node: its schema and its role in PostgreSQL.

The first switch keeps the plain names of schema.sql. Every further node has tables of its own, because Kamailio reads
back all dialogs and bindings that its tables hold, and those of another node are not its to end or to ring.
"""

import re
from pathlib import Path

SCHEMA = "kamailio"
ROLE = "voipbilling_switch"
# A part of PostgreSQL's identifiers, which hold 63 bytes, with "-" written as "_"; so two names never become one.
NODE_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
STATEMENTS = Path(__file__).with_name("schema.sql")


def schema_of(node: str | None) -> str:
    """Return the schema of a further node's tables; None is the first switch."""
    return f"{SCHEMA}_{_identifier(node)}" if node else SCHEMA


def role_of(node: str | None) -> str:
    """Return the login of a further node's switch; None is the first switch."""
    return f"{ROLE}_{_identifier(node)}" if node else ROLE


def statements_for(node: str | None) -> str:
    """Return schema.sql with the names of one node."""
    text = re.sub(rf"\b{ROLE}\b", role_of(node), STATEMENTS.read_text())
    return re.sub(rf"\b{SCHEMA}\b", schema_of(node), text)


def _identifier(node: str) -> str:
    if not NODE_NAME.fullmatch(node):
        raise ValueError(f"{node!r} is no name of a node: up to 31 small letters, digits and hyphens, such as sw2")
    return node.replace("-", "_")
