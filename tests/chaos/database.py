"""The pipeline's Postgres: a server that logs all it can, the login database, and a standby to fail over to."""

import os
import secrets
import shutil
import subprocess
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import extensions

from lambda_src.contract import MASKED
from lambda_src.migrate import migrate
from local.database import dsn
from local.postgres import PostgresServer
from local.postgres_programs import binaries

DATABASE = "logins"
# Postgres logs as much as it can, and still no ip and no device_id may be in its log.
SETTINGS = {
    "max_connections": "40",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "fsync": "off",
    "log_statement": "all",
    "log_min_error_statement": "debug5",
    "log_error_verbosity": "verbose",
    "log_parameter_max_length_on_error": "-1",
}
# One transaction writes a row and its sealed originals, so neither exists without the other.
WITHOUT_LOGIN = " AND ".join(
    f"NOT EXISTS (SELECT FROM user_logins l WHERE l.masked_{name} = o.pseudonym)" for name in MASKED
)
COUNT_ORPHANS = f"""
    SELECT count(*), count(*) FILTER (WHERE
        NOT EXISTS (SELECT FROM vault.data_keys k WHERE k.id = o.data_key) OR {WITHOUT_LOGIN})
    FROM vault.originals o
"""


class Database:
    """The login database. `server` is the present primary: a fault may replace it."""

    def __init__(self, directory: Path) -> None:
        """Take the directory for the files of the servers."""
        self._directory = directory
        self.server = PostgresServer(directory / "postgres-0", SETTINGS)
        self.password = secrets.token_urlsafe(16)
        self._servers = [self.server]

    def start(self) -> None:
        """Start the first server and create the database in it."""
        self.server.start()
        with closing(psycopg2.connect(dsn(self.server.environment("postgres")))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {DATABASE}")
        with self.connect(autocommit=False) as connection:
            migrate(connection)
        self.set_password(self.password)

    def stop(self) -> None:
        """Stop all servers at once."""
        for server in reversed(self._servers):
            server.stop("immediate")

    def environment(self) -> dict[str, str]:
        """Return the PG* variables of the role `ingest`."""
        return self.server.environment(DATABASE, "ingest", self.password)

    def connect(self, *, autocommit: bool = True, user: str | None = None) -> "closing[extensions.connection]":
        """Connect past the proxy, as superuser or as `ingest`. Use the result with `with`."""
        environment = self.server.environment(DATABASE, user, self.password if user else None)
        connection: extensions.connection = psycopg2.connect(dsn(environment))
        connection.autocommit = autocommit
        return closing(connection)

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as superuser and return the rows of the last one."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def set_password(self, password: str) -> None:
        """Change the password of the role `ingest` in Postgres; the functions keep theirs."""
        self.execute(f"ALTER ROLE ingest PASSWORD '{password}'")

    def start_standby(self) -> PostgresServer:
        """Start a synchronous hot standby of the present server."""
        directory = self._directory / f"postgres-{uuid.uuid4().hex[:8]}"
        standby = PostgresServer(directory, SETTINGS)
        directory.mkdir()
        command = [str(binaries() / "pg_basebackup"), "-D", str(standby.data), "-R", "--checkpoint=fast", "--no-sync"]
        environment = {**os.environ, **self.server.environment("postgres")}
        del environment["PGDATABASE"]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        shutil.copy2(self.server.directory / "password", directory / "password")
        if os.geteuid() == 0:
            # The standby runs under the same account as the first server, which must own these files too.
            owner = self.server.data.stat()
            for path in (directory / "password", standby.data, *standby.data.rglob("*")):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        standby.data.chmod(0o700)
        self._servers.append(standby)
        standby.start()
        self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        return standby

    def check_vault(self) -> list[str]:
        """Return what is wrong with the vault."""
        self.execute("SELECT vault.unfold(2147483647)")
        ((sealed, orphans),) = self.execute(COUNT_ORPHANS)
        return [f"{orphans} of {sealed} sealed originals have no row or no key"] if orphans or not sealed else []
