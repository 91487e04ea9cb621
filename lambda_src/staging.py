"""The staging table `arrivals`, for batches of which some rows may exist already."""

from typing import TYPE_CHECKING

from lambda_src.contract import COLUMN_TYPES, COLUMNS
from lambda_src.copying import CopyStream
from lambda_src.masking import Row

if TYPE_CHECKING:
    from psycopg2 import extensions

COLUMN_LIST = ", ".join(f'"{name}"' for name in COLUMNS)
# The arrival number counts up in the order of the COPY. Postgres does not keep that order: it fills earlier pages.
# No field can have its name. LIKE user_logins is not used, because it needs SELECT on that table.
CREATE_ARRIVALS = """
    CREATE TEMPORARY TABLE IF NOT EXISTS arrivals ({}, "arrival number" bigint GENERATED ALWAYS AS IDENTITY)
    ON COMMIT DELETE ROWS
""".format(", ".join(f'"{name}" {sql_type}' for name, sql_type in COLUMN_TYPES.items()))
COPY_ARRIVALS = f"COPY pg_temp.arrivals ({COLUMN_LIST}) FROM STDIN"
MERGE_ARRIVALS = (
    f"INSERT INTO public.user_logins ({COLUMN_LIST}) SELECT {COLUMN_LIST} FROM pg_temp.arrivals "  # noqa: S608
    'ORDER BY "arrival number" ON CONFLICT DO NOTHING'
)


def stage_rows(cursor: "extensions.cursor", rows: list[Row]) -> None:
    """Copies `rows` into the staging table and numbers them in order; the end of the transaction empties it."""
    cursor.execute(CREATE_ARRIVALS)
    cursor.copy_expert(COPY_ARRIVALS, CopyStream(rows))  # type: ignore[arg-type]  # only read() is called


def merge_rows(cursor: "extensions.cursor", rows: list[Row]) -> int:
    """Writes the rows whose key is not in `user_logins` yet; returns their number."""
    if not rows:
        return 0
    stage_rows(cursor, rows)
    cursor.execute(MERGE_ARRIVALS)
    return cursor.rowcount
