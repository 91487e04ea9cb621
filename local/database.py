"""The local stack's database: its schema, its roles' passwords, and how to reach it."""

import secrets
from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2 import extensions, sql

from lambda_src.migrate import migrate
from local.postgres import PostgresServer

DATABASE = "logins"
ANALYST_PASSWORD = "analyst.password"  # noqa: S105  the file's name


def create_database(postgres: PostgresServer, directory: Path) -> str:
    """Creates the database with its schema and the passwords of its roles; returns that of `ingest`."""
    with closing(psycopg2.connect(dsn(postgres.environment("postgres")))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    passwords = {role: secrets.token_urlsafe(24) for role in ("ingest", "analyst")}
    with closing(psycopg2.connect(dsn(postgres.environment(DATABASE)))) as connection:
        migrate(connection)
        connection.autocommit = True
        with connection.cursor() as cursor:
            for role, password in passwords.items():
                cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD %s").format(sql.Identifier(role)), (password,))
    write_private(directory / ANALYST_PASSWORD, passwords["analyst"])
    return passwords["ingest"]


def analyst_environment(directory: Path, postgres: PostgresServer) -> dict[str, str]:
    """PG* variables of the role `analyst` of a stack, even of one that is no longer up."""
    password = (directory / ANALYST_PASSWORD).read_text(encoding="utf-8")
    return postgres.environment(DATABASE, "analyst", password)


def write_private(path: Path, text: str) -> None:
    """Writes a file that nobody else may read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def dsn(environment: dict[str, str]) -> str:
    """PG* variables as psycopg2 takes them."""
    names = {"PGHOST": "host", "PGPORT": "port", "PGDATABASE": "dbname", "PGUSER": "user", "PGPASSWORD": "password"}
    return extensions.make_dsn(**{names[key]: value for key, value in environment.items() if key in names})
