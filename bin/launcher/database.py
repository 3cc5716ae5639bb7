"""The portal's role and database in the embedded server; every step may run again without effect."""

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from .postgres import APP_DATABASE, APP_ROLE, Postgres


def prepare_embedded(server: Postgres) -> None:
    """Create the portal's role and database in the embedded server, with the password from the data folder."""
    connection = psycopg2.connect(server.admin_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            ensure_role(cursor, APP_ROLE, server.folder.secret("database_password"), "CREATEDB")
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
