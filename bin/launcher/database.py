"""Roles, databases and the switch's own schema; every step may run again without effect."""

from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from .errors import StartError
from .postgres import APP_DATABASE, APP_ROLE, Postgres


def prepare_embedded(server: Postgres) -> None:
    """Create the portal's role and database in the embedded server, with the password from the data folder."""
    connection = psycopg2.connect(server.admin_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            # CREATEROLE reaches only the roles it has made itself (PostgreSQL 16 and later): the switch's.
            ensure_role(cursor, APP_ROLE, server.folder.secret("database_password"), "CREATEDB", "CREATEROLE")
            ensure_database(cursor, APP_DATABASE, APP_ROLE)
    finally:
        connection.close()


def ensure_role(cursor: Cursor, role: str, password: str, *abilities: str) -> None:
    """Create a login role, or give an existing one that password and those abilities."""
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    verb = "ALTER" if cursor.fetchone() else "CREATE"
    statement = sql.SQL("{verb} ROLE {role} LOGIN {abilities} PASSWORD {password}").format(
        verb=sql.SQL(verb),
        role=sql.Identifier(role),
        abilities=sql.SQL(" ".join(abilities)),
        password=sql.Literal(password),
    )
    cursor.execute(statement)


def ensure_database(cursor: Cursor, database: str, owner: str) -> None:
    """Create a database that only its owner may connect to, unless it is there."""
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
    if not cursor.fetchone():
        cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(owner)))
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))


def prepare_switch_schema(database_url: str, password: str, node: str | None = None) -> str:
    """Bring the tables and the role of the first switch, or of a further node, up to date.

    Return the database address of that role, which sees its own schema and nothing else. Raises StartError, with what
    to do, where the portal's role may not create another.
    """
    # Imported late: the switch's part is not needed where the portal runs alone.
    from switch.nodes import role_of, statements_for

    role = role_of(node)
    connection = psycopg2.connect(database_url)
    try:
        # One transaction: the switch never meets half a schema.
        with connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL client_min_messages TO warning")
            cursor.execute(statements_for(node))
            ensure_role(cursor, role, password)
    except psycopg2.errors.InsufficientPrivilege as error:
        raise StartError(
            "the role of DATABASE_URL may not create the switch's role: let the database's administrator run "
            f"switch/schema.sql there and give {role} a password, then set SWITCH_DATABASE_URL"
        ) from error
    finally:
        connection.close()
    parts = urlsplit(database_url)
    return f"postgresql://{role}:{password}@{parts.hostname}:{parts.port or 5432}{parts.path}"
