"""Postgres and SSM as the benchmarks use them: real servers on this machine, in their default settings."""

import os
import secrets
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Self

import psycopg2
from psycopg2 import extensions

from lambda_src.handler import get_resources
from lambda_src.migrate import migrate
from lambda_src.new_salt import put_new_salt
from local.aws import AwsEndpoint
from local.postgres import PostgresServer

DATABASE = "postgres"
SALT_PARAMETER = "/bench/salt"


class Servers:
    """A migrated database and a salt, with the environment of this process set to use them; a context manager."""

    def __init__(self, settings: dict[str, str] | None = None) -> None:
        """Takes settings of postgresql.conf other than the defaults."""
        self._directory = tempfile.TemporaryDirectory(prefix="bench-")
        path = Path(self._directory.name)
        self.postgres = PostgresServer(path / "postgres", settings)
        self.aws = AwsEndpoint(path)
        self._outer_environment: dict[str, str] = {}
        self._password = secrets.token_urlsafe(16)

    def __enter__(self) -> Self:
        self.postgres.start()
        self.aws.start()
        put_new_salt(self.aws.ssm, SALT_PARAMETER, None, overwrite=True)
        with closing(self.connect()) as connection:
            migrate(connection)
            with connection, connection.cursor() as cursor:
                cursor.execute("ALTER ROLE ingest PASSWORD %s", (self._password,))
        self._outer_environment = dict(os.environ)
        os.environ.update(self.environment)
        return self

    def __exit__(self, *_: object) -> None:
        if get_resources.cache_info().currsize:
            get_resources().database.close()
            get_resources.cache_clear()
        os.environ.clear()
        os.environ.update(self._outer_environment)
        self.aws.stop()
        self.postgres.stop("immediate")
        self._directory.cleanup()

    @property
    def environment(self) -> dict[str, str]:
        """All that the function is configured by."""
        database = self.postgres.environment(DATABASE, "ingest", self._password)
        return database | self.aws.environment | {"SALT_PARAMETER": SALT_PARAMETER}

    @property
    def superuser_url(self) -> str:
        """A connection string for what makes its own tables."""
        postgres = self.postgres
        return f"postgresql://{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}/{DATABASE}"

    def connect(self) -> extensions.connection:
        """A new connection as superuser."""
        return psycopg2.connect(self.superuser_url)
