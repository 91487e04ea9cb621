"""Connects to Postgres: arguments, IAM token, keepalive, and the errors of a refused login."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import psycopg2
from botocore.exceptions import BotoCoreError

from lambda_src.errors import PipelineError, SetupError, TransientError
from lambda_src.settings import DatabaseSettings

CONNECT_SECONDS = 5
# A peer that disappears is noticed within 15 s. A connect takes at most CONNECT_SECONDS for each address of the host:
# RDS and RDS Proxy have one.
LIVENESS = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}

# libpq gives no SQLSTATE for a refused login (classes 28 and 3D), only the server's words.
_LOGIN_REFUSED = re.compile(
    r"authentication failed|no pg_hba\.conf entry|no password supplied|(role|database) \"[^\"]*\" does not exist"
    r"|not permitted to log in|permission denied for database|certificate|does not support SSL"
    r"|no such (database|user)"  # PgBouncer's words
)


def connection_arguments(settings: DatabaseSettings) -> dict[str, Any]:
    """The arguments of psycopg2.connect. With IAM authentication, the password is a token, valid for 15 minutes."""
    return {
        "host": settings.host,
        "port": settings.port,
        "dbname": settings.name,
        "user": settings.user,
        "password": _get_iam_token(settings) if settings.iam_auth else settings.password,
        "sslmode": settings.ssl_mode,
        "sslrootcert": settings.ssl_root_cert,
        "application_name": "login-pipeline",
        "client_encoding": "UTF8",
        **LIVENESS,
    }


@contextmanager
def silent_psycopg2() -> Iterator[None]:
    """Keeps psycopg2 from printing errors of Postgres, which hold values of rows, to standard error.

    When a COPY fails and the connection is lost at once, libpq gives two errors. psycopg2 raises the second one and
    prints the first one through sys.excepthook (PyErr_Print in `pq_raise` of psycopg/pqpath.c, 2.9). Nothing else calls
    that hook while a thread is running.
    """
    hook, sys.excepthook = sys.excepthook, lambda *_: None
    try:
        yield
    finally:
        sys.excepthook = hook
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):  # where Python keeps what it printed
            vars(sys).pop(name, None)


@contextmanager
def explained_login() -> Iterator[None]:
    """Returns the error of a failed connection attempt: SetupError if somebody has to act, else TransientError."""
    failure: PipelineError | None = None
    try:
        yield
    except psycopg2.Error as error:
        # The connection has seen no record yet, so the server's words can be shown.
        words = " ".join(str(error).split())
        refused = _LOGIN_REFUSED.search(words) is not None
        failure = (SetupError if refused else TransientError)(f"No connection to Postgres: {words}")
    if failure is not None:
        raise failure


def _get_iam_token(settings: DatabaseSettings) -> str:
    # Signed here, without a call to AWS.
    try:
        rds = boto3.client("rds", region_name=settings.region)
        token: str = rds.generate_db_auth_token(settings.host, settings.port, settings.user)
    except BotoCoreError as error:
        raise SetupError(
            f"No IAM token for the login to Postgres ({type(error).__name__}). Check the region and the role."
        ) from None
    return token
