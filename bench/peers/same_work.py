"""The ways that do the same work as the function, as an engineer would write them by hand."""

from typing import TYPE_CHECKING, Any, cast

import psycopg2
from psycopg2.extras import execute_values

from bench.events import Event
from bench.peers.rows import INSERT, PLACES, checked_rows, keyed, version_code

if TYPE_CHECKING:
    import datetime


class Psycopg3Executemany:
    """psycopg 3's executemany, pipelined, 1,000 rows at a time. Bad messages go to the table of rejects."""

    def __init__(self) -> None:
        import psycopg  # noqa: PLC0415

        self._connection = psycopg.connect("")

    def write(self, event: Event) -> None:
        """Write the batch."""
        rows, rejected = checked_rows(event["Records"])
        for start in range(0, len(rows), 1_000):
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.executemany(f"{INSERT}{PLACES} ON CONFLICT DO NOTHING", rows[start : start + 1_000])
        if rejected:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO public.rejected_logins (event_id, message_id, reason) VALUES (%s, %s, 'unexpected')",
                    [(message_id, message_id) for message_id in rejected],
                )


class ExecuteValues:
    """psycopg2's execute_values, 1,000 rows in each statement, one COMMIT."""

    def __init__(self) -> None:
        self._connection = psycopg2.connect("")

    def write(self, event: Event) -> None:
        """Write the batch."""
        rows, rejected = checked_rows(event["Records"])
        with self._connection, self._connection.cursor() as cursor:
            execute_values(cursor, f"{INSERT}%s ON CONFLICT DO NOTHING", rows, page_size=1_000)
            if rejected:
                execute_values(
                    cursor,
                    "INSERT INTO public.rejected_logins (event_id, message_id, reason) VALUES %s",
                    [(message_id, message_id, "unexpected") for message_id in rejected],
                )


class PowertoolsBatch:
    """Powertools' batch processing with a pydantic model, as its documentation shows it. One INSERT for each record.

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
        """Write the batch."""
        self._respond(
            event=cast("dict[Any, Any]", event), record_handler=self._handle, processor=self._processor, context=None
        )

    def _handle(self, record: Any) -> None:  # noqa: ANN401  its class is local to __init__
        login = record.body
        sent = cast("datetime.datetime", record.attributes.SentTimestamp)
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"{INSERT}{PLACES} ON CONFLICT DO NOTHING",
                (
                    record.messageId,
                    sent.date(),
                    version_code(login.app_version),
                    1,
                    login.user_id,
                    login.device_type,
                    keyed("ip", login.ip.compressed),
                    keyed("device_id", login.device_id),
                    login.locale,
                    login.app_version,
                ),
            )
