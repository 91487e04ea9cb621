"""The local stack's database: its schema, its roles' passwords, and how to reach it."""

import secrets
from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2 import extensions, sql

from lambda_src.migrate import migrate
from lambda_src.privileges import ROLES
from local.postgres import PostgresServer
from local.process import write_whole

DATABASE = "logins"
ANALYST_PASSWORD = "analyst.password"  # noqa: S105  the file's name


def create_database(postgres: PostgresServer, directory: Path) -> dict[str, dict[str, str]]:
    """Creates the database with its schema and its roles' passwords; returns the PG* variables of each role."""
    with closing(psycopg2.connect(dsn(postgres.environment("postgres")))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    passwords = {role: secrets.token_urlsafe(24) for role in ROLES}
    with closing(psycopg2.connect(dsn(postgres.environment(DATABASE)))) as connection:
        migrate(connection)
        connection.autocommit = True
        with connection.cursor() as cursor:
            for role, password in passwords.items():
                cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD %s").format(sql.Identifier(role)), (password,))
    write_whole(directory / ANALYST_PASSWORD, passwords["analyst"])
    return {role: postgres.environment(DATABASE, role, password) for role, password in passwords.items()}


def analyst_environment(directory: Path, postgres: PostgresServer) -> dict[str, str]:
    """Returns the PG* variables of a stack's role `analyst`, even if the stack is no longer up."""
    password = (directory / ANALYST_PASSWORD).read_text(encoding="utf-8")
    return postgres.environment(DATABASE, "analyst", password)


def dsn(environment: dict[str, str]) -> str:
    """Converts PG* variables to the arguments of psycopg2."""
    names = {"PGHOST": "host", "PGPORT": "port", "PGDATABASE": "dbname", "PGUSER": "user", "PGPASSWORD": "password"}
    return extensions.make_dsn(**{names[key]: value for key, value in environment.items() if key in names})
