"""The ways of five small systems for the same task. All leave something out."""

from contextlib import closing

import psycopg2

from bench.events import Event
from bench.peers.rows import COLUMNS, INSERT, KEY, PLACES, md5, plain_row, sha256, to_base64


def write_with_a_connection_per_row(event: Event) -> None:
    """Connect, insert, commit and close for each message."""
    for record in event["Records"]:
        with closing(psycopg2.connect("")) as connection, connection, connection.cursor() as cursor:
            cursor.execute(INSERT + PLACES, plain_row(record, sha256))


class CommitPerRow:
    """One connection; each row is a transaction."""

    def __init__(self) -> None:
        self._connection = psycopg2.connect("")

    def write(self, event: Event) -> None:
        """Write the batch."""
        for record in event["Records"]:
            with self._connection, self._connection.cursor() as cursor:
                cursor.execute(INSERT + PLACES, plain_row(record, md5))


class InsertPerTen:
    """One INSERT and one COMMIT for 10 messages, as many as SQS returns at once."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415

        # ECB gives equal values equal texts. Such a system wants to count them.
        self._cipher = Cipher(algorithms.AES(KEY), modes.ECB())  # noqa: S305
        self._connection = psycopg2.connect("")

    def write(self, event: Event) -> None:
        """Write the batch."""
        records = event["Records"]
        for start in range(0, len(records), 10):
            rows = [plain_row(record, self._encrypt) for record in records[start : start + 10]]
            with self._connection, self._connection.cursor() as cursor:
                cursor.execute(INSERT + ", ".join([PLACES] * len(rows)), [value for row in rows for value in row])

    def _encrypt(self, text: str) -> str:
        encryptor = self._cipher.encryptor()
        data = text.encode()
        return (encryptor.update(data + bytes(-len(data) % 16)) + encryptor.finalize()).hex()


class Executemany:
    """psycopg2's executemany, which sends a statement for each row. One COMMIT."""

    def __init__(self) -> None:
        self._connection = psycopg2.connect("")

    def write(self, event: Event) -> None:
        """Write the batch."""
        rows = [plain_row(record, to_base64) for record in event["Records"]]
        with self._connection, self._connection.cursor() as cursor:
            cursor.executemany(INSERT + PLACES, rows)


class PandasToSql:
    """A pandas data frame that is appended to the table."""

    def __init__(self) -> None:
        import pandas as pd  # noqa: PLC0415
        import sqlalchemy  # noqa: PLC0415

        self._frame = pd.DataFrame
        self._engine = sqlalchemy.create_engine("postgresql+psycopg2://")

    def write(self, event: Event) -> None:
        """Write the batch."""
        rows = [plain_row(record, sha256) for record in event["Records"]]
        frame = self._frame(rows, columns=COLUMNS)
        frame.to_sql("user_logins", self._engine, schema="public", if_exists="append", index=False)
