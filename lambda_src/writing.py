"""Writes a batch with one COPY and one COMMIT.

If some rows exist already, a merge follows. If Postgres refuses rows, `refusals` writes the others.
"""

import logging
from collections.abc import Iterable
from functools import partial

from lambda_src.copying import ROWS_AHEAD, CopyStream
from lambda_src.database import Database, retry_once
from lambda_src.errors import BadRowError, TransientError
from lambda_src.masking import Row
from lambda_src.outcome import BatchResult, WriteOptions
from lambda_src.refusals import write_in_pieces
from lambda_src.rejected import write_rejects
from lambda_src.rejects import Reject
from lambda_src.staging import COLUMN_LIST, merge_rows
from lambda_src.vault import write_sealed

ROW_EXISTS = "23505"  # unique_violation
COPY_LOGINS = f"COPY public.user_logins ({COLUMN_LIST}) FROM STDIN"

logger = logging.getLogger(__name__)


def write_batch(database: Database, records: Iterable[Row | Reject], options: WriteOptions) -> BatchResult:
    """Writes the rows and the rejects among `records`; returns after the COMMIT.

    Postgres reads rows while the next `records` are made. After a TransientError, all messages are `failed`. Raises
    SetupError and SaltError: then nothing is written, and SQS redelivers the whole batch.
    """
    stream = CopyStream(records)
    try:
        result = _write(database, stream, options)
    except TransientError as error:
        logger.error(  # noqa: TRY400  A traceback would add nothing.
            "batch not written, the queue will deliver it again", extra={"error": str(error)}
        )
        stream.take()
        records_failed: list[Row | Reject] = [*stream.rows, *stream.rejects]
        return BatchResult(0, 0, [], [record.message_id for record in records_failed])
    return result._replace(unknown_fields=sum(row.unknown_fields for row in stream.rows))


def _write(database: Database, stream: CopyStream, options: WriteOptions) -> BatchResult:
    merge = partial(_merge, database, stream, options)
    try:
        return _copy(database, stream, options)
    except BadRowError as error:
        if error.state != ROW_EXISTS:
            stream.take()
            return write_in_pieces(database, stream.rows, stream.rejects, options)
        merge = partial(retry_once, merge)  # probably a redelivery
    except TransientError as error:
        logger.warning("write failed, trying once more", extra={"error": str(error)})
    try:
        # If the COPY was committed and only its response was lost, the merge skips its rows.
        return merge()
    except BadRowError:
        return write_in_pieces(database, stream.rows, stream.rejects, options)


def _copy(database: Database, stream: CopyStream, options: WriteOptions) -> BatchResult:
    database.check_salt(options.salt, options.give_up_at)
    stream.take(ROWS_AHEAD)
    if not stream.take(1) and not stream.rejects and options.sealed is None:
        # The whole batch fits into one statement, which is its own transaction. That saves two round trips.
        with database.autocommit(options.give_up_at) as cursor:
            cursor.copy_expert(COPY_LOGINS, stream)  # type: ignore[arg-type]  # only read() is called
    else:
        with database.transaction(options.give_up_at) as cursor:
            cursor.copy_expert(COPY_LOGINS, stream)  # type: ignore[arg-type]  # only read() is called
            if options.sealed is not None:
                write_sealed(cursor, stream.rows, options.sealed.data_key)
            write_rejects(cursor, stream.rejects)
    return BatchResult(len(stream.rows), 0, stream.rejects, [])


def _merge(database: Database, stream: CopyStream, options: WriteOptions) -> BatchResult:
    stream.take()
    database.check_salt(options.salt, options.give_up_at)
    with database.transaction(options.give_up_at) as cursor:
        written = merge_rows(cursor, stream.rows)
        if options.sealed is not None and written:
            write_sealed(cursor, stream.rows, options.sealed.data_key)
        write_rejects(cursor, stream.rejects)
    return BatchResult(written, len(stream.rows) - written, stream.rejects, [])
