"""Roles, databases and the switch's own schema; every step may run again without effect."""

from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from .errors import StartError
from .postgres import APP_DATABASE, APP_ROLE, Postgres

SWITCH_ROLE = "kamailio"
SWITCH_SCHEMA = "kamailio"


def prepare_embedded(server: Postgres) -> None:
    """Create the portal's role and database in the embedded server, with the password from the data folder."""
    connection = psycopg2.connect(server.admin_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            ensure_role(cursor, APP_ROLE, server.folder.secret("database_password"), "CREATEDB")
            ensure_role(cursor, SWITCH_ROLE, server.folder.secret("switch_database_password"))
            ensure_database(cursor, APP_DATABASE, APP_ROLE)
            _default_schema(cursor, SWITCH_ROLE, APP_DATABASE)
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


def _default_schema(cursor: Cursor, role: str, database: str) -> None:
    """Let that role find its tables by their bare names; Kamailio writes them so."""
    cursor.execute(
        sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = {}").format(
            sql.Identifier(role), sql.Identifier(database), sql.Identifier(SWITCH_SCHEMA)
        )
    )


def prepare_external_switch_role(database_url: str, password: str) -> str:
    """Create the switch's role on a server of the operator's own and return the switch's database URL.

    Raises StartError, with the statement to run, where the portal's role may not create others.
    """
    parts = urlsplit(database_url)
    database = parts.path.lstrip("/")
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            ensure_role(cursor, SWITCH_ROLE, password)
            _default_schema(cursor, SWITCH_ROLE, database)
    except psycopg2.errors.InsufficientPrivilege as error:
        raise StartError(
            "the role of DATABASE_URL may not create the switch's role: let the database's administrator run "
            f"CREATE ROLE {SWITCH_ROLE} LOGIN PASSWORD '…'; "
            f"ALTER ROLE {SWITCH_ROLE} SET search_path = {SWITCH_SCHEMA}; and set SWITCH_DATABASE_URL"
        ) from error
    finally:
        connection.close()
    return f"postgresql://{SWITCH_ROLE}:{password}@{parts.hostname}:{parts.port or 5432}/{database}"


def prepare_switch_schema(database_url: str, role: str, statements: Path) -> None:
    """Bring the switch's tables up to date and let its role read and write them, and nothing else."""
    connection: Connection = psycopg2.connect(database_url)
    try:
        # One transaction: the switch never meets half a schema.
        with connection, connection.cursor() as cursor:
            schema, name = sql.Identifier(SWITCH_SCHEMA), sql.Identifier(role)
            cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
            cursor.execute(sql.SQL("SET LOCAL search_path TO {}").format(schema))
            cursor.execute("SET LOCAL client_min_messages TO warning")
            cursor.execute(statements.read_text())
            database = sql.Identifier(connection.info.dbname)
            grants = (
                "GRANT CONNECT ON DATABASE {database} TO {name}",
                "GRANT USAGE ON SCHEMA {schema} TO {name}",
                "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {name}",
                "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {name}",
                # Whoever may connect reads the catalogue of `public` by default, and needs it for nothing.
                "REVOKE ALL ON SCHEMA public FROM PUBLIC",
                "GRANT ALL ON SCHEMA public TO CURRENT_USER",
            )
            for grant in grants:
                cursor.execute(sql.SQL(grant).format(database=database, schema=schema, name=name))
    finally:
        connection.close()
