"""Finds the rows that Postgres refuses because of their data, and writes all others.

A batch comes here only when a merge of all its rows has failed. The rows are written in pieces, each with a COMMIT of
its own, so that every delivery makes progress however many rows are refused.
"""

import logging
from functools import partial
from typing import NamedTuple

from lambda_src.contract import COLUMNS
from lambda_src.database import Database, retry_once
from lambda_src.errors import BadRowError, SetupError, TransientError
from lambda_src.masking import Row
from lambda_src.outcome import BatchResult, WriteOptions
from lambda_src.rejected import refused_before, write_rejects
from lambda_src.rejects import Reason, Reject
from lambda_src.staging import COLUMN_LIST, stage_rows
from lambda_src.vault import write_sealed

ROWS_PER_PIECE = 100
FEWEST_FOR_SETUP = 10  # So many events, all refused with one SQLSTATE, mean that the set-up is wrong.

# A subtransaction per row costs some 20 microseconds; a round trip per row would cost up to a millisecond.
CREATE_WRITE_EACH = """
    CREATE OR REPLACE FUNCTION pg_temp.write_each_arrival() RETURNS TABLE ("position" integer, state text)
    LANGUAGE plpgsql AS $$  -- no search_path of its own: a trigger has to find what it finds in a COPY
    DECLARE
        arrival record;
        named   text;
        tabled  text;
        checked text;
    BEGIN
        "position" := 0;
        FOR arrival IN SELECT * FROM pg_temp.arrivals ORDER BY "arrival number" LOOP
            "position" := "position" + 1;
            BEGIN
                INSERT INTO public.user_logins ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING;
                state := CASE WHEN FOUND THEN 'written' ELSE 'duplicate' END;
            EXCEPTION WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS named = COLUMN_NAME, tabled = TABLE_NAME, checked = CONSTRAINT_NAME;
                IF pg_catalog.left(SQLSTATE, 2) NOT IN ('22', '23') AND SQLSTATE <> 'P0001'
                   OR SQLSTATE = '23502' AND named NOT IN ('', {literals})
                   OR SQLSTATE = '23514' AND checked = '' AND tabled <> '' THEN
                    RAISE;  -- not because of this row's data
                END IF;
                state := SQLSTATE;
            END;
            RETURN NEXT;
        END LOOP;
    END $$
""".format(  # noqa: S608  constants only
    columns=COLUMN_LIST,
    values=", ".join(f'arrival."{column}"' for column in COLUMNS),
    literals=", ".join(f"'{column}'" for column in COLUMNS),
)
# A deferred constraint or trigger that refuses a row names it only when it is not deferred.
WRITE_EACH = 'SET CONSTRAINTS ALL IMMEDIATE; SELECT "position", state FROM pg_temp.write_each_arrival()'

logger = logging.getLogger(__name__)


class _Piece(NamedTuple):
    written: int
    duplicates: int
    refused: list[tuple[Row, str]]  # with the SQLSTATE


def write_in_pieces(database: Database, rows: list[Row], rejects: list[Reject], options: WriteOptions) -> BatchResult:
    """Writes what Postgres accepts of `rows`, a piece per COMMIT, and records the rest with `rejects`.

    When the time is up or the connection fails, the rows that are not settled yet are `failed`. Raises SetupError when
    the rows of ten or more events are refused with the same SQLSTATE and none is accepted; events that an earlier
    delivery recorded as refused do not count.
    """
    written = duplicates = 0
    refused: list[tuple[Row, str]] = []
    waiting = [rows[start : start + ROWS_PER_PIECE] for start in range(0, len(rows), ROWS_PER_PIECE)]
    waiting.reverse()  # The next piece is the last one.
    failed: list[str] = []
    while waiting:
        rows = waiting[-1]
        try:
            piece = retry_once(partial(_write_piece, database, rows, options))
        except BadRowError as error:
            # The staging table refuses a row already, for example where the database's encoding lacks a character.
            waiting.pop()
            if len(rows) == 1:
                refused.append((rows[0], error.state))
            else:
                middle = len(rows) // 2
                waiting += [rows[middle:], rows[:middle]]
            continue
        except TransientError as error:
            logger.error(  # noqa: TRY400  A traceback would add nothing.
                "batch written in part, the queue will deliver the rest again", extra={"error": str(error)}
            )
            failed = [row.message_id for rows in reversed(waiting) for row in rows]
            break
        waiting.pop()
        written += piece.written
        duplicates += piece.duplicates
        refused += piece.refused
    rejects = rejects + [Reject(row.message_id, row.event_id, Reason.DATABASE, None) for row, _ in refused]
    try:
        retry_once(partial(_record, database, refused, rejects, written + duplicates, options))
    except TransientError:
        failed += [reject.message_id for reject in rejects]  # Not recorded, so not settled.
        rejects = []
    except BadRowError:
        raise SetupError("rejected_logins refuses a reject. Run the migrations.") from None
    return BatchResult(written, duplicates, rejects, failed)


def _write_piece(database: Database, rows: list[Row], options: WriteOptions) -> _Piece:
    with database.transaction(options.give_up_at) as cursor:
        stage_rows(cursor, rows)
        cursor.execute(CREATE_WRITE_EACH)
        cursor.execute(WRITE_EACH)
        states = [state for _, state in sorted(cursor.fetchall())]
        accepted = [row for row, state in zip(rows, states, strict=True) if state in ("written", "duplicate")]
        if options.sealed is not None:
            write_sealed(cursor, accepted, options.sealed.data_key)
    refused = [(row, state) for row, state in zip(rows, states, strict=True) if state not in ("written", "duplicate")]
    return _Piece(states.count("written"), states.count("duplicate"), refused)


def _record(
    database: Database, refused: list[tuple[Row, str]], rejects: list[Reject], accepted: int, options: WriteOptions
) -> None:
    """Records `rejects`, unless the refusals show that the set-up is wrong."""
    with database.transaction(options.give_up_at) as cursor:
        states = {state for _, state in refused}
        events = {row.event_id for row, _ in refused}
        if not accepted and len(states) == 1 and len(events - refused_before(cursor, events)) >= FEWEST_FOR_SETUP:
            raise SetupError(
                f"Postgres refuses every row of a batch with SQLSTATE {states.pop()}. A constraint, a trigger or a "
                "column type does not fit the contract: correct the schema."
            )
        write_rejects(cursor, rejects)
