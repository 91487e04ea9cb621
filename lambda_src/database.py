"""The pooled connection and the write of a batch: one transaction, one COMMIT."""

import logging
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import boto3
import psycopg2
from botocore.exceptions import BotoCoreError
from psycopg2 import extensions
from psycopg2.pool import SimpleConnectionPool

from lambda_src.contract import Reason, Reject
from lambda_src.errors import BadRowError, PipelineError, SetupError, TransientError
from lambda_src.masking import MaskedLogins
from lambda_src.settings import DatabaseSettings
from lambda_src.vault import SealedBatch
from lambda_src.watchdog import Watchdog

COLUMNS = (
    "event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip, masked_device_id, locale, "
    "app_version_name"
)
COPY_LOGINS = f"COPY user_logins ({COLUMNS}) FROM STDIN (NULL '')"  # no text of a login is empty
# Columns by hand: LIKE user_logins would need SELECT on it.
CREATE_ARRIVALS = """
    CREATE TEMPORARY TABLE IF NOT EXISTS arrivals (
        event_id uuid, create_date date, app_version integer, salt_version integer, user_id text, device_type text,
        masked_ip text, masked_device_id text, locale text, app_version_name text
    ) ON COMMIT DELETE ROWS
"""
COPY_ARRIVALS = f"COPY pg_temp.arrivals ({COLUMNS}) FROM STDIN (NULL '')"
MERGE_ARRIVALS = (
    f"INSERT INTO user_logins ({COLUMNS}) SELECT {COLUMNS} FROM pg_temp.arrivals "  # noqa: S608  constants only
    "ON CONFLICT DO NOTHING"
)
UPSERT_REJECTS = """
    INSERT INTO rejected_logins (event_id, message_id, reason, field, times)
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::integer[])
    ON CONFLICT (event_id) DO UPDATE SET
        message_id = excluded.message_id, reason = excluded.reason, field = excluded.field,
        last_seen = excluded.last_seen, times = rejected_logins.times + excluded.times
"""

# A peer that is gone without a word is noticed within 15 s, be it while connecting, waiting or sending.
CONNECT_SECONDS = 5
SHORTEST_CONNECT_SECONDS = 2  # libpq takes no less; what the answer is given pays for the second more
LIVENESS = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}
ROWS_A_CHUNK = 64  # about 16 KB: Postgres works on one chunk while the next is masked
ROWS_AHEAD = 128  # Postgres writes a COPY's rows from 64 KB on: up to here nothing is gained by sending early

# libpq gives no SQLSTATE for a refused log-in (classes 28 and 3D), only the server's words.
_LOGIN_REFUSED = re.compile(
    r"authentication failed|no pg_hba\.conf entry|no password supplied|(role|database) \"[^\"]*\" does not exist"
    r"|not permitted to log in|permission denied for database|certificate|does not support SSL"
)
_COPY_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


logger = logging.getLogger(__name__)


class BatchResult(NamedTuple):
    """What became of a batch, in records."""

    written: int
    duplicates: int
    rejected: list[Reject]  # by the database, beyond those that were known before


class Terms(NamedTuple):
    """What a write has to keep to."""

    before_commit: Callable[[list[Reject]], None] = lambda _: None  # gets the rejects of each transaction
    give_up_at: float = math.inf  # of time.monotonic(): what is still under way then is broken off
    originals: SealedBatch | None = None  # of the rows, for the vault


NO_TERMS = Terms()


class Database:
    """One connection per execution environment, in a pool of one: the function's concurrency is the pool."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._pool: SimpleConnectionPool | None = None
        self._watchdog = Watchdog()

    def write_batch(
        self, chunks: Iterable[MaskedLogins], rejects: list[Reject], terms: Terms = NO_TERMS
    ) -> BatchResult:
        """Writes the rows of `chunks` and `rejects` in one transaction; returns after its COMMIT.

        `chunks` are consumed while Postgres reads, and may add to `rejects` as they go. The first try copies straight
        into the table; where that fails, what is written already is skipped, and a row that the database refuses for
        its data is found by halving and rejected.

        Raises TransientError (nothing lost: deliver the batch again) and SetupError (somebody has to act).
        """
        stream = _CopyStream(chunks)
        may_retry = True
        try:
            if stream.fill() and not rejects and terms.originals is None:
                # All is known and fits one statement, which is a transaction by itself: two round trips less.
                with self._cursor(terms) as cursor:
                    cursor.copy_expert(COPY_LOGINS, stream)  # type: ignore[arg-type]  # only read() is called
            else:
                with self._transaction(terms) as cursor:
                    cursor.copy_expert(COPY_LOGINS, stream)  # type: ignore[arg-type]  # only read() is called
                    if terms.originals is not None:
                        terms.originals.write(cursor, _join(stream.drain()))
                    _write_rejects(cursor, rejects, terms)
            return BatchResult(sum(len(chunk.event_ids) for chunk in stream.drain()), 0, [])
        except BadRowError:
            pass  # mostly a message delivered twice: merging tells
        except TransientError as error:
            logger.warning("write failed, trying once more", extra={"error": str(error)})
            may_retry = False  # merging is the second try, for the COMMIT may have come through
        return self._merge(_join(stream.drain()), rejects, terms, may_retry=may_retry)

    def close(self) -> None:
        """Drops the connection; the next write opens a fresh one."""
        if self._pool is not None:
            self._pool.closeall()
            self._pool = None

    def _merge(self, rows: MaskedLogins, rejects: list[Reject], terms: Terms, *, may_retry: bool) -> BatchResult:
        count = len(rows.event_ids)
        try:
            with self._transaction(terms) as cursor:
                written = _merge_rows(cursor, rows)
                if terms.originals is not None and written:
                    terms.originals.write(cursor, rows)
                _write_rejects(cursor, rejects, terms)
            return BatchResult(written, count - written, [])
        except TransientError:
            if not may_retry:
                raise
            return self._merge(rows, rejects, terms, may_retry=False)
        except BadRowError:
            if not count:
                raise SetupError("rejected_logins refuses a reject. Run the migrations.") from None
            if count == 1:
                offender = Reject(rows.message_ids[0], rows.event_ids[0], Reason.DATABASE, None)
                self._merge(_join([]), [*rejects, offender], terms, may_retry=may_retry)
                return BatchResult(0, 0, [offender])
            middle = count // 2
            left = self._merge(_part(rows, 0, middle), [], terms, may_retry=may_retry)
            right = self._merge(_part(rows, middle, count), rejects, terms, may_retry=may_retry)
            return BatchResult(
                left.written + right.written, left.duplicates + right.duplicates, left.rejected + right.rejected
            )

    @contextmanager
    def _transaction(self, terms: Terms) -> Iterator[extensions.cursor]:
        """A cursor; the end of the block is the COMMIT."""
        with self._cursor(terms) as cursor, cursor.connection:
            yield cursor

    @contextmanager
    def _cursor(self, terms: Terms) -> Iterator[extensions.cursor]:
        """A cursor in autocommit. psycopg2's errors, which hold values, end here."""
        if time.monotonic() >= terms.give_up_at:
            raise TransientError("The invocation has no time left to write.")
        failure: PipelineError | None = None
        pool = self._get_pool(terms.give_up_at)
        try:
            connection = pool.getconn()
            try:
                connection.autocommit = True
                with self._watchdog.watching(connection, terms.give_up_at), connection.cursor() as cursor:
                    yield cursor
            finally:
                pool.putconn(connection)
        except psycopg2.Error as error:
            failure = _failure(error)
        if failure is None:
            return
        if not isinstance(failure, BadRowError):
            self.close()
        try:
            raise failure
        finally:
            failure.__context__ = None  # where Python has put psycopg2's error, values and all

    def _get_pool(self, give_up_at: float) -> SimpleConnectionPool:
        if self._pool is None:
            left = min(CONNECT_SECONDS, give_up_at - time.monotonic())  # nothing watches libpq connect
            if left < 1:
                raise TransientError("The invocation has no time left to connect.")
            seconds = max(SHORTEST_CONNECT_SECONDS, int(left))
            arguments = connection_arguments(self._settings) | {"connect_timeout": seconds}
            with explained_login():
                self._pool = SimpleConnectionPool(1, 1, **arguments)
        return self._pool


def connection_arguments(settings: DatabaseSettings) -> dict[str, Any]:
    """What psycopg2 needs to connect; with IAM log-in a token good for 15 minutes in place of a password."""
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
def explained_login() -> Iterator[None]:
    """Turns a failed connection attempt into SetupError where somebody has to act, else into TransientError."""
    failure: PipelineError | None = None
    try:
        yield
    except psycopg2.Error as error:
        # No record was near yet, so that the server's words can be shown.
        words = " ".join(str(error).split())
        refused = _LOGIN_REFUSED.search(words) is not None
        failure = (SetupError if refused else TransientError)(f"No connection to Postgres: {words}")
    if failure is not None:
        raise failure


class _CopyStream:
    """Rows as COPY text, made while Postgres reads them, and kept for a second try."""

    def __init__(self, chunks: Iterable[MaskedLogins]) -> None:
        self._coming = iter(chunks)
        self._chunks: list[MaskedLogins] = []
        self._sent = 0
        self._failure: BaseException | None = None

    def fill(self) -> bool:
        """Takes what Postgres would gather before it writes; True when that was all."""
        rows = 0
        while rows < ROWS_AHEAD:
            if not self._take():
                return True
            rows += len(self._chunks[-1].event_ids)
        return False

    def read(self, _size: int = -1) -> bytes:
        """The next rows; psycopg2 takes any number of bytes, and none as the end."""
        if self._sent == len(self._chunks) and not self._take():
            return b""
        self._sent += 1
        return _copy_text(self._chunks[self._sent - 1]).encode()

    def drain(self) -> list[MaskedLogins]:
        """All rows, those not read yet included; raises what has ended them before their time."""
        while self._take():
            pass
        return self._chunks

    def _take(self) -> bool:
        """Takes the next chunk; False when there is none."""
        # A generator that has raised is at its end: a second try would take the rows so far for all of them.
        if self._failure is not None:
            raise self._failure
        try:
            chunk = next(self._coming, None)
        except BaseException as failure:
            self._failure = failure
            raise
        if chunk is None:
            return False
        self._chunks.append(chunk)
        return True


def _join(chunks: list[MaskedLogins]) -> MaskedLogins:
    return MaskedLogins(
        *[[value for chunk in chunks for value in chunk[at]] for at in range(len(MaskedLogins._fields))]
    )


def _part(rows: MaskedLogins, start: int, end: int) -> MaskedLogins:
    return MaskedLogins(*[column[start:end] for column in rows])


def _chunks(rows: MaskedLogins) -> Iterator[MaskedLogins]:
    for start in range(0, len(rows.event_ids), ROWS_A_CHUNK):
        yield _part(rows, start, start + ROWS_A_CHUNK)


def _copy_text(rows: MaskedLogins) -> str:
    """As COPY wants it: https://www.postgresql.org/docs/current/sql-copy.html, "Text Format"."""
    columns = rows[1:]
    text = _lines(columns)
    # Hardly any value needs an escape, and to look at all of them at once takes no time.
    tabs, lines = text.count("\t"), text.count("\n")
    count = len(rows.event_ids)
    if "\\" in text or "\r" in text or lines != count or tabs != count * COLUMNS.count(","):
        text = _lines([[value.translate(_COPY_ESCAPES) for value in column] for column in columns])
    return text


def _lines(columns: Iterable[list[str]]) -> str:
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"


def _merge_rows(cursor: extensions.cursor, rows: MaskedLogins) -> int:
    if not rows.event_ids:
        return 0
    cursor.execute(CREATE_ARRIVALS)
    cursor.copy_expert(COPY_ARRIVALS, _CopyStream(_chunks(rows)))  # type: ignore[arg-type]  # only read() is called
    cursor.execute(MERGE_ARRIVALS)
    return cursor.rowcount


def _write_rejects(cursor: extensions.cursor, rejects: list[Reject], terms: Terms) -> None:
    if not rejects:
        return
    terms.before_commit(rejects)
    times = Counter(reject.event_id for reject in rejects)
    last = {reject.event_id: reject for reject in rejects}  # one statement may not touch a key twice
    ordered = [last[event_id] for event_id in sorted(last)]  # as every batch does: none waits for another crosswise
    cursor.execute(
        UPSERT_REJECTS,
        (
            [reject.event_id for reject in ordered],
            [reject.message_id for reject in ordered],
            [reject.reason.value for reject in ordered],
            [reject.field for reject in ordered],
            [times[reject.event_id] for reject in ordered],
        ),
    )


def _failure(error: psycopg2.Error) -> PipelineError:
    """What an error of psycopg2 means for the batch, without its text: that may hold values of the rows."""
    state = error.pgcode
    if state is None:
        return TransientError("The connection to Postgres broke.")
    if state.startswith(("28", "3D", "42")):
        return SetupError(
            f"Postgres refuses the write (SQLSTATE {state}). Check the role, its privileges and the migrations."
        )
    if state == "23514" and error.diag.constraint_name is None:
        if error.diag.table_name != "user_logins":  # but of the default partition, which a new one has just narrowed
            return TransientError("A partition was made while the batch was written.")
        return SetupError("user_logins has no partition for a row, nor a default one. Run the migrations.")
    if state.startswith(("22", "23")):
        return BadRowError(f"Postgres refuses a row (SQLSTATE {state}).")
    return TransientError(f"Postgres did not take the batch this time (SQLSTATE {state}).")


def _get_iam_token(settings: DatabaseSettings) -> str:
    # Signed here, without a call to AWS.
    try:
        rds = boto3.client("rds", region_name=settings.region)
        token: str = rds.generate_db_auth_token(settings.host, settings.port, settings.user)
    except BotoCoreError as error:
        raise SetupError(
            f"No IAM token for the log-in to Postgres ({type(error).__name__}). Check region and role."
        ) from None
    return token
