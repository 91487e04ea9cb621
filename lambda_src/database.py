"""The pooled connection, its transactions, and the classification of Postgres errors."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg2
from psycopg2 import extensions
from psycopg2.pool import SimpleConnectionPool

from lambda_src.connection import CONNECT_SECONDS, connection_arguments, explained_login, silent_psycopg2
from lambda_src.contract import COLUMNS
from lambda_src.errors import BadRowError, PipelineError, SaltError, SetupError, TransientError
from lambda_src.masking import Salt
from lambda_src.settings import DatabaseSettings
from lambda_src.watchdog import Watchdog

# C functions of Postgres that report a row without a partition, or a row that its partition does not admit.
PARTITION_CHECKS = {"ExecFindPartition", "ExecPartitionCheckEmitError"}
# Classes of SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html. A row causes all others.
SETUP_CLASSES = ("28", "3D", "42")  # log-in, database, schema and privileges
SERVER_CLASSES = ("08", "25", "40", "53", "55", "57", "58", "HV", "XX")  # connection, contention, limits, failures
RAISE_STATEMENT = "exec_stmt_raise"  # PL/pgSQL's RAISE can put any text into the fields of an error.
REGISTER_SALT = "SELECT public.register_salt(%s, %s)"

Result = TypeVar("Result")
logger = logging.getLogger(__name__)


class Database:
    """One connection per execution environment, in a pool of one: the function's concurrency is the pool."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._pool: SimpleConnectionPool | None = None
        self._watchdog = Watchdog()
        self._checked: tuple[int, str] | None = None  # version and fingerprint of the salt, on this connection

    @contextmanager
    def transaction(self, give_up_at: float) -> Iterator[extensions.cursor]:
        """Yields a cursor and commits at the end of the block. Raises the same errors as `autocommit`."""
        with self.autocommit(give_up_at) as cursor, cursor.connection:
            yield cursor

    @contextmanager
    def autocommit(self, give_up_at: float) -> Iterator[extensions.cursor]:
        """Yields a cursor that runs each statement in its own transaction; cancels at `give_up_at` (time.monotonic()).

        Raises TransientError, SetupError or BadRowError. psycopg2's own errors hold values, so none is passed on.
        """
        if time.monotonic() >= give_up_at:
            raise TransientError("The invocation has no time left to write.")
        failure: PipelineError | None = None
        pool = self._get_pool(give_up_at)
        try:
            connection = pool.getconn()
            try:
                connection.autocommit = True
                watched = self._watchdog.watching(connection, give_up_at)
                with watched, silent_psycopg2(), connection.cursor() as cursor:
                    yield cursor
            finally:
                pool.putconn(connection)
        except psycopg2.Error as error:
            failure = _classify(error)
        if failure is None:
            return
        if not isinstance(failure, BadRowError):
            self.close()
        try:
            raise failure
        finally:
            failure.__context__ = None  # Python has stored psycopg2's error here. It holds values.

    def check_salt(self, salt: Salt, give_up_at: float) -> None:
        """Has the database compare the salt with the first salt of its version, once per connection and salt.

        Raises SaltError when they differ: SSM numbers the versions of a re-created parameter from 1 again. Also raises
        the errors of `autocommit`.
        """
        if self._checked == (salt.version, salt.fingerprint):
            return
        with self.autocommit(give_up_at) as cursor:
            cursor.execute(REGISTER_SALT, (salt.version, salt.fingerprint))
            ((is_same,),) = cursor.fetchall()
        if not is_same:
            raise SaltError(
                f"The salt of version {salt.version} is not the key that masked this database's rows of that version. "
                "The SSM parameter was probably deleted and created again. Put the old key back, or run `loginpipe "
                "salt rotate`, which stores a version that was never used."
            )
        self._check_transactions(give_up_at)
        self._checked = salt.version, salt.fingerprint

    def _check_transactions(self, give_up_at: float) -> None:
        """Raises SetupError if a connection answers, but breaks when a transaction starts, twice in a row.

        PgBouncer in statement mode does this and reports it in its own log only. Without this check, a batch of one
        statement would be written, and every other batch would be retried forever.
        """
        for _ in range(2):
            with self.autocommit(give_up_at) as cursor:
                cursor.execute("SELECT 1")
            try:
                with self.autocommit(give_up_at) as cursor:
                    cursor.execute("START TRANSACTION")
                    cursor.execute("ROLLBACK")
            except TransientError:
                continue
            return
        raise SetupError("PgBouncer is in statement mode, without transactions. Set its pool_mode to transaction.")

    def close(self) -> None:
        """Drops the connection; the next transaction opens a new one."""
        if self._pool is not None:
            self._pool.closeall()
            self._pool = None
            self._checked = None

    def _get_pool(self, give_up_at: float) -> SimpleConnectionPool:
        if self._pool is None:
            left = min(CONNECT_SECONDS, give_up_at - time.monotonic())  # The watchdog does not see libpq connect.
            if left < 1:
                raise TransientError("The invocation has no time left to connect.")
            arguments = connection_arguments(self._settings) | {"connect_timeout": int(left)}
            with explained_login():
                self._pool = SimpleConnectionPool(1, 1, **arguments)
        return self._pool


def retry_once(attempt: Callable[[], Result]) -> Result:
    """Returns the result of `attempt`; after a TransientError, tries once more at once on a new connection."""
    try:
        return attempt()
    except TransientError as error:
        logger.warning("write failed, trying once more", extra={"error": str(error)})
        return attempt()


def _classify(error: psycopg2.Error) -> PipelineError:  # noqa: PLR0911  one return per kind of failure
    """Returns the pipeline's error for an error of psycopg2, without its text, which may hold values of the rows.

    `refusals.CREATE_WRITE_EACH` applies the same rules to each row. Change both.
    """
    state, details = error.pgcode, error.diag
    if state is None:
        return TransientError("The connection to Postgres broke.")
    if state.startswith(SETUP_CLASSES):
        return SetupError(
            f"Postgres refuses the write (SQLSTATE {state}). Check the role, its privileges and the migrations."
        )
    is_raised = details.source_function == RAISE_STATEMENT
    if state == "23502" and not is_raised and details.column_name not in (None, *COLUMNS):
        return SetupError(
            f"The column {details.table_name}.{details.column_name} is NOT NULL and has no default, and the function "
            "does not write it. Give it a default or make it nullable."
        )
    if state == "23514" and details.source_function in PARTITION_CHECKS:
        # Another session has made the row's partition, and the row was on its way to the default partition.
        if details.table_name != "user_logins":
            return TransientError("A partition was made while the batch was written.")
        return SetupError("user_logins has no partition for a row, nor a default one. Run the migrations.")
    if state.startswith(SERVER_CLASSES):
        return TransientError(f"Postgres did not take the batch this time (SQLSTATE {state}).")
    return BadRowError(state)
