"""Other ways to get login events from a Lambda event into Postgres, to compare with.

The first five follow five small systems for the same task; the others are what one would reach for next. All get the
same events and the same server; all but the last two write the same table. What a way leaves out stands in `lacks`.
"""

import base64
import datetime
import hashlib
import hmac
import io
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, redirect_stderr
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, cast

import psycopg2
from psycopg2.extras import execute_values

from bench.events import Event, Record

KEY = os.urandom(32)
# What the peers write, in the order of their rows. Fields that are added to the table later are none of theirs.
COLUMNS = (
    *("event_id", "create_date", "app_version", "salt_version", "user_id", "device_type", "masked_ip"),
    *("masked_device_id", "locale", "app_version_name"),
)
COLUMN_LIST = ", ".join(COLUMNS)
INSERT = f"INSERT INTO user_logins ({COLUMN_LIST}) VALUES "  # noqa: S608  constants only
PLACES = f"({', '.join(['%s'] * len(COLUMNS))})"
DAY_MILLISECONDS = 86_400_000
LENGTHS = {"user_id": 128, "device_type": 32, "device_id": 256, "app_version": 64, "locale": 32}

NO_VALIDATION = "validation"
NO_KEY = "keyed hash"
NO_REPEATS = "messages delivered twice"
NO_BATCH = "partial failure"

Row = tuple[str | int | None, ...]


@dataclass(frozen=True)
class Peer:
    """A way to write a batch, and what it does not do."""

    name: str
    write: Callable[[Event], None]
    lacks: tuple[str, ...] = ()
    largest: int = 10_000  # batch that it is measured with: beyond it would only take long
    smallest: int = 10
    has_own_table: bool = False


def make_peers(superuser_url: str) -> list[Peer]:
    """All of them, with their connections open; the environment says where to connect to."""
    return [
        Peer(
            "a connection per row, SHA-256",
            write_with_a_connection_per_row,
            (NO_VALIDATION, NO_KEY, NO_REPEATS, NO_BATCH),
            largest=1_000,
        ),
        Peer("a row and a COMMIT each, MD5", CommitPerRow().write, (NO_VALIDATION, NO_KEY, NO_REPEATS, NO_BATCH)),
        Peer("AES, an INSERT per 10 messages", InsertPerTen().write, (NO_VALIDATION, NO_REPEATS, NO_BATCH)),
        Peer("base64, executemany", Executemany().write, (NO_VALIDATION, NO_KEY, NO_REPEATS, NO_BATCH)),
        Peer("pandas to_sql", PandasToSql().write, (NO_VALIDATION, NO_KEY, NO_REPEATS, NO_BATCH)),
        Peer("psycopg 3 executemany by 1,000, quarantine", Psycopg3Executemany().write),
        Peer("execute_values by 1,000", ExecuteValues().write),
        Peer("Powertools BatchProcessor, pydantic, an INSERT a record", PowertoolsBatch().write),
        Peer("dlt", DltPipeline(superuser_url).write, (NO_VALIDATION, NO_BATCH), smallest=1_000, has_own_table=True),
        Peer(
            "Singer target-postgres",
            SingerTarget(superuser_url).write,
            (NO_VALIDATION, NO_BATCH),
            smallest=1_000,
            has_own_table=True,
        ),
    ]


# ---- the five systems ----------------------------------------------------------------------------------------------


def write_with_a_connection_per_row(event: Event) -> None:
    """Connects, inserts, commits and closes for each message."""
    for record in event["Records"]:
        with closing(psycopg2.connect("")) as connection, connection, connection.cursor() as cursor:
            cursor.execute(INSERT + PLACES, _plain_row(record, _sha256))


class CommitPerRow:
    """One connection; each row is a transaction."""

    def __init__(self) -> None:
        self._connection = psycopg2.connect("")

    def write(self, event: Event) -> None:
        """Writes the batch."""
        for record in event["Records"]:
            with self._connection, self._connection.cursor() as cursor:
                cursor.execute(INSERT + PLACES, _plain_row(record, _md5))


class InsertPerTen:
    """What SQS hands out at once, 10 messages, goes into one INSERT and one COMMIT."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415

        # ECB, so that equal values stay equal: such a system wants to count them.
        self._cipher = Cipher(algorithms.AES(KEY), modes.ECB())  # noqa: S305
        self._connection = psycopg2.connect("")

    def write(self, event: Event) -> None:
        """Writes the batch."""
        records = event["Records"]
        for start in range(0, len(records), 10):
            rows = [_plain_row(record, self._encrypt) for record in records[start : start + 10]]
            with self._connection, self._connection.cursor() as cursor:
                cursor.execute(INSERT + ", ".join([PLACES] * len(rows)), [value for row in rows for value in row])

    def _encrypt(self, text: str) -> str:
        encryptor = self._cipher.encryptor()
        data = text.encode()
        return (encryptor.update(data + bytes(-len(data) % 16)) + encryptor.finalize()).hex()


class Executemany:
    """psycopg2's executemany, which sends a statement a row; one COMMIT."""

    def __init__(self) -> None:
        self._connection = psycopg2.connect("")

    def write(self, event: Event) -> None:
        """Writes the batch."""
        rows = [
            _plain_row(record, lambda text: base64.b64encode(text.encode()).decode()) for record in event["Records"]
        ]
        with self._connection, self._connection.cursor() as cursor:
            cursor.executemany(INSERT + PLACES, rows)


class PandasToSql:
    """A data frame, appended to the table."""

    def __init__(self) -> None:
        import pandas as pd  # noqa: PLC0415
        import sqlalchemy  # noqa: PLC0415

        self._frame = pd.DataFrame
        self._engine = sqlalchemy.create_engine("postgresql+psycopg2://")
        self._names = COLUMNS

    def write(self, event: Event) -> None:
        """Writes the batch."""
        rows = [_plain_row(record, _sha256) for record in event["Records"]]
        frame = self._frame(rows, columns=self._names)
        frame.to_sql("user_logins", self._engine, if_exists="append", index=False)


# ---- the same work -------------------------------------------------------------------------------------------------


class Psycopg3Executemany:
    """psycopg 3's executemany (pipelined) by 1,000 rows; what is no login goes to the table of rejects."""

    def __init__(self) -> None:
        import psycopg  # noqa: PLC0415

        self._connection = psycopg.connect("")

    def write(self, event: Event) -> None:
        """Writes the batch."""
        rows, rejected = _checked_rows(event["Records"])
        for start in range(0, len(rows), 1_000):
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.executemany(f"{INSERT}{PLACES} ON CONFLICT DO NOTHING", rows[start : start + 1_000])
        if rejected:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO rejected_logins (event_id, message_id, reason) VALUES (%s, %s, 'unexpected')",
                    [(message_id, message_id) for message_id in rejected],
                )


class ExecuteValues:
    """psycopg2's execute_values, 1,000 rows a statement; one COMMIT."""

    def __init__(self) -> None:
        self._connection = psycopg2.connect("")

    def write(self, event: Event) -> None:
        """Writes the batch."""
        rows, rejected = _checked_rows(event["Records"])
        with self._connection, self._connection.cursor() as cursor:
            execute_values(cursor, f"{INSERT}%s ON CONFLICT DO NOTHING", rows, page_size=1_000)
            if rejected:
                execute_values(
                    cursor,
                    "INSERT INTO rejected_logins (event_id, message_id, reason) VALUES %s",
                    [(message_id, message_id, "unexpected") for message_id in rejected],
                )


class PowertoolsBatch:
    """Powertools' batch processing as its documentation shows it, with a pydantic model; one INSERT a record.

    https://docs.aws.amazon.com/powertools/python/latest/utilities/batch/
    """

    def __init__(self) -> None:
        from aws_lambda_powertools.utilities.batch import (  # noqa: PLC0415
            BatchProcessor,
            EventType,
            process_partial_response,
        )
        from aws_lambda_powertools.utilities.parser import BaseModel  # noqa: PLC0415
        from aws_lambda_powertools.utilities.parser.models import SqsRecordModel  # noqa: PLC0415
        from pydantic import Field, IPvAnyAddress, Json  # noqa: PLC0415

        class Login(BaseModel):
            user_id: str = Field(min_length=1, max_length=128)
            app_version: str = Field(pattern=r"^[0-9]+(\.[0-9]+){0,2}", max_length=64)
            device_type: str = Field(min_length=1, max_length=32)
            ip: IPvAnyAddress
            device_id: str = Field(min_length=1, max_length=256)
            locale: str | None = Field(default=None, min_length=1, max_length=32)

        class LoginRecord(SqsRecordModel):
            body: Json[Login]  # type: ignore[assignment,unused-ignore]

        self._connection = psycopg2.connect("")
        self._connection.autocommit = True
        self._processor = BatchProcessor(
            event_type=EventType.SQS, model=LoginRecord, raise_on_entire_batch_failure=False
        )
        self._respond = process_partial_response

    def write(self, event: Event) -> None:
        """Writes the batch."""
        self._respond(
            event=cast("dict[Any, Any]", event), record_handler=self._handle, processor=self._processor, context=None
        )

    def _handle(self, record: Any) -> None:  # noqa: ANN401  a class that only __init__ knows
        login = record.body
        sent = cast("datetime.datetime", record.attributes.SentTimestamp)
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"{INSERT}{PLACES} ON CONFLICT DO NOTHING",
                (
                    record.messageId,
                    sent.date(),
                    _version_code(login.app_version),
                    1,
                    login.user_id,
                    login.device_type,
                    _keyed("ip", login.ip.compressed),
                    _keyed("device_id", login.device_id),
                    login.locale,
                    login.app_version,
                ),
            )


# ---- systems that load any data ------------------------------------------------------------------------------------


class DltPipeline:
    """dlt (data load tool): a pipeline run per batch, merging by event id into its own table."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pipeline: Any = None
        self._directory = tempfile.TemporaryDirectory(prefix="bench-dlt-")

    def write(self, event: Event) -> None:
        """Writes the batch."""
        import dlt  # noqa: PLC0415

        if self._pipeline is None:
            os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
            os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
            self._pipeline = dlt.pipeline(
                "logins",
                destination=dlt.destinations.postgres(credentials=self._url),
                dataset_name="dlt",
                pipelines_dir=self._directory.name,
            )
        rows = list(_named_rows(event["Records"]))
        self._pipeline.run(rows, table_name="user_logins", write_disposition="merge", primary_key="event_id")


class SingerTarget:
    """Meltano's Singer target for Postgres: the batch as Singer messages, upserted by event id into its own table."""

    def __init__(self, url: str) -> None:
        self._url = url

    def write(self, event: Event) -> None:
        """Writes the batch."""
        import logging  # noqa: PLC0415

        from target_postgres.target import TargetPostgres  # noqa: PLC0415

        rows = list(_named_rows(event["Records"]))
        kinds = {
            name: {"type": ["integer" if isinstance(value, int) else "string", "null"]}
            for name, value in rows[0].items()
        }
        schema = {
            "type": "SCHEMA",
            "stream": "user_logins",
            "key_properties": ["event_id"],
            "schema": {"properties": kinds},
        }
        messages = [schema, *({"type": "RECORD", "stream": "user_logins", "record": row} for row in rows)]
        text = io.StringIO("".join(json.dumps(message) + "\n" for message in messages))
        logging.disable(logging.INFO)
        try:
            target = TargetPostgres(
                config={
                    "sqlalchemy_url": self._url.replace("postgresql:", "postgresql+psycopg:"),
                    "default_target_schema": "singer",
                    "add_record_metadata": False,
                    "activate_version": False,
                    "batch_size_rows": 10_000,
                }
            )
            with redirect_stderr(io.StringIO()):
                target.listen(text)
        finally:
            logging.disable(logging.NOTSET)


# ---- what they share -----------------------------------------------------------------------------------------------


def _plain_row(record: Record, mask: Callable[[str], str]) -> Row:
    """A row without a look at what is in the message."""
    login = json.loads(record["body"])
    return (
        record["messageId"],
        _date(record),
        _version_code(login["app_version"]),
        1,
        login["user_id"],
        login["device_type"],
        mask(login["ip"]),
        mask(login["device_id"]),
        login["locale"],
        login["app_version"],
    )


def _checked_rows(records: Iterable[Record]) -> tuple[list[Row], list[str]]:
    """Rows of the valid messages, masked with a keyed hash, and the ids of the others, as one writes it by hand."""
    rows: list[Row] = []
    rejected: list[str] = []
    for record in records:
        try:
            login = _checked(json.loads(record["body"]))
            row = (
                str(uuid.UUID(record["messageId"])),
                _date(record),
                _version_code(login["app_version"]),
                1,
                login["user_id"],
                login["device_type"],
                _keyed("ip", ip_address(login["ip"]).compressed),
                _keyed("device_id", login["device_id"]),
                login.get("locale"),
                login["app_version"],
            )
        except (ValueError, KeyError, TypeError):
            rejected.append(record["messageId"])
            continue
        rows.append(row)
    return rows, rejected


def _checked(login: dict[str, Any]) -> dict[str, Any]:
    for name, longest in LENGTHS.items():
        text = login.get(name) if name == "locale" else login[name]
        if text is None and name == "locale":
            continue
        if not isinstance(text, str) or not 0 < len(text) <= longest:
            raise ValueError(name)
    return login


def _named_rows(records: Iterable[Record]) -> Iterator[dict[str, str | int | None]]:
    names = COLUMNS
    for record in records:
        yield dict(zip(names, _plain_row(record, lambda text: _keyed("x", text)), strict=True))


def _date(record: Record) -> str:
    days = int(record["attributes"]["SentTimestamp"]) // DAY_MILLISECONDS
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days)).isoformat()


def _version_code(text: str) -> int:
    major, minor, patch = (*(int(part) for part in text.split(".")[:3]), 0, 0)[:3]
    return major * 1_000_000 + minor * 1_000 + patch


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _keyed(field: str, text: str) -> str:
    return hmac.digest(KEY, f"{field}\0{text}".encode(), "sha256").hex()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324  the way of that system
