"""Finds the rows that Postgres refuses because of their data, and writes all others.

A batch comes here only when writing all its rows at once has failed. The rows are written in pieces, each with a COMMIT
of its own, so that every delivery makes progress however many rows are refused.
"""

import logging
from dataclasses import dataclass, field
from functools import partial

from lambda_src.contract import COLUMNS
from lambda_src.database import SERVER_CLASSES, SETUP_CLASSES, Database, retry_once
from lambda_src.errors import BadRowError, SaltError, SetupError, TransientError
from lambda_src.masking import Row
from lambda_src.outcome import BatchResult, WriteOptions
from lambda_src.rejected import refused_before, write_rejects
from lambda_src.rejects import Reason, Reject
from lambda_src.staging import COLUMN_LIST, stage_rows
from lambda_src.vault import write_sealed

ROWS_PER_PIECE = 100
WRITTEN, DUPLICATE = "written", "duplicate"  # states of a row; any other state is the SQLSTATE of a refusal
FEWEST_FOR_SETUP = 10  # If this many events are all refused with one SQLSTATE, the set-up is wrong.

# A subtransaction per row costs some 20 microseconds; a round trip per row would cost up to a millisecond.
CREATE_WRITE_EACH = """
    CREATE OR REPLACE FUNCTION pg_temp.write_each_arrival() RETURNS TABLE ("position" integer, state text)
    LANGUAGE plpgsql AS $$  -- without SET search_path: a trigger has to see the same path as in a COPY
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
                state := CASE WHEN FOUND THEN '{written}' ELSE '{duplicate}' END;
            EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN  -- OTHERS does not catch a failed ASSERT.
                GET STACKED DIAGNOSTICS named = COLUMN_NAME, tabled = TABLE_NAME, checked = CONSTRAINT_NAME;
                -- The rules of database._classify, as far as PL/pgSQL can apply them.
                IF pg_catalog.left(SQLSTATE, 2) IN ({not_of_a_row})
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
    written=WRITTEN,
    duplicate=DUPLICATE,
    columns=COLUMN_LIST,
    values=", ".join(f'arrival."{column}"' for column in COLUMNS),
    not_of_a_row=", ".join(f"'{each}'" for each in (*SETUP_CLASSES, *SERVER_CLASSES)),
    literals=", ".join(f"'{column}'" for column in COLUMNS),
)
# A constraint or trigger must fail at its row. A deferred one would fail at the COMMIT, without naming the row.
WRITE_EACH = 'SET CONSTRAINTS ALL IMMEDIATE; SELECT "position", state FROM pg_temp.write_each_arrival()'

logger = logging.getLogger(__name__)


@dataclass
class _Progress:
    """The results of a batch so far."""

    pending: list[Reject]  # to be recorded
    recorded: list[Reject] = field(default_factory=list)
    refused: list[tuple[Row, str]] = field(default_factory=list)  # with the SQLSTATE
    written: int = 0
    duplicates: int = 0  # rows whose key exists; the earlier row stays unchanged

    @property
    def accepted(self) -> int:
        """Returns the number of rows that Postgres has accepted. All of them are committed."""
        return self.written + self.duplicates

    def add(self, rows: list[Row], states: list[str]) -> None:
        """Counts the states of a piece: 'written', 'duplicate' or the SQLSTATE of a refusal for each row."""
        self.written += states.count(WRITTEN)
        self.duplicates += states.count(DUPLICATE)
        refused = [(row, state) for row, state in zip(rows, states, strict=True) if state not in (WRITTEN, DUPLICATE)]
        self.refused += refused
        self.pending += [Reject(row.message_id, row.event_id, Reason.DATABASE, None, row.place) for row, _ in refused]


def write_in_pieces(database: Database, rows: list[Row], rejects: list[Reject], options: WriteOptions) -> BatchResult:
    """Writes the rows that Postgres accepts, one piece per COMMIT, and records the others with `rejects`.

    When the time is up or the connection fails, the rows without a result are `failed`. Raises SetupError when the
    rows of ten or more events are refused with the same SQLSTATE and none is accepted. Events that an earlier delivery
    recorded as refused do not count. After the first committed row, no SetupError is raised: the other rows are
    `failed`, and their redelivery, which holds only them, raises it.
    """
    progress = _Progress(list(rejects))
    waiting = _cut(rows)[::-1]  # The next piece is the last one.
    try:
        while waiting:
            try:
                states = retry_once(partial(_write_piece, database, waiting[-1], options))
            except BadRowError as error:
                # The staging table itself refuses a row, for example because the encoding lacks a character.
                piece = waiting.pop()
                if len(piece) > 1:
                    waiting += [piece[1::2], piece[::2]]
                    continue
                progress.add(piece, [error.state])
            else:
                progress.add(waiting.pop(), states)
            if progress.accepted:  # without an accepted row, a wrong set-up may have caused all refusals
                _record(database, progress, options)
        if not progress.accepted:
            _check_setup(database, progress, options)
        _record(database, progress, options)
    except (TransientError, SetupError, SaltError) as error:
        if not progress.accepted and not isinstance(error, TransientError):
            raise
        logger.error(  # noqa: TRY400  A traceback would add nothing.
            "batch written in part, the queue will deliver the rest again", extra={"error": str(error)}
        )
    failed = [row.message_id for piece in waiting for row in piece]
    failed += [reject.message_id for reject in progress.pending]
    return BatchResult(progress.written, progress.duplicates, progress.recorded, failed)


def _cut(rows: list[Row]) -> list[list[Row]]:
    """Yields pieces with rows from all parts of the batch, so that each piece has good rows if most are refused."""
    count = -(-len(rows) // ROWS_PER_PIECE)
    return [rows[start::count] for start in range(count)]


def _write_piece(database: Database, rows: list[Row], options: WriteOptions) -> list[str]:
    """Writes the rows that Postgres accepts; returns the state of each row."""
    database.check_salt(options.salt, options.give_up_at)
    with database.transaction(options.give_up_at) as cursor:
        stage_rows(cursor, rows)
        cursor.execute(CREATE_WRITE_EACH)
        cursor.execute(WRITE_EACH)
        states = [state for _, state in sorted(cursor.fetchall())]
        if options.sealed is not None:
            accepted = [row for row, state in zip(rows, states, strict=True) if state in (WRITTEN, DUPLICATE)]
            write_sealed(cursor, accepted, options.sealed.data_key)
    return states


def _check_setup(database: Database, progress: _Progress, options: WriteOptions) -> None:
    """Raises SetupError if the refusals of a whole batch show that the set-up is wrong."""
    states = {state for _, state in progress.refused}
    events = {row.event_id for row, _ in progress.refused}
    if len(states) != 1 or len(events) < FEWEST_FOR_SETUP:
        return
    with database.transaction(options.give_up_at) as cursor:
        known = refused_before(cursor, events)
    if len(events - known) >= FEWEST_FOR_SETUP:
        raise SetupError(
            f"Postgres refuses every row of a batch with SQLSTATE {states.pop()}. A constraint, a trigger or a column "
            "type does not fit the contract: correct the schema."
        )


def _record(database: Database, progress: _Progress, options: WriteOptions) -> None:
    if not progress.pending:
        return
    try:
        retry_once(partial(_write_rejects, database, progress.pending, options))
    except BadRowError:
        raise SetupError("rejected_logins refuses a reject. Run the migrations.") from None
    progress.recorded += progress.pending
    progress.pending = []


def _write_rejects(database: Database, rejects: list[Reject], options: WriteOptions) -> None:
    with database.transaction(options.give_up_at) as cursor:
        write_rejects(cursor, rejects)
