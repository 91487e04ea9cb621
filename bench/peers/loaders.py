"""Systems that load any data. Each writes its own table."""

import io
import json
import os
import tempfile
from contextlib import redirect_stderr
from typing import Any

from bench.events import Event
from bench.peers.rows import named_rows


class DltPipeline:
    """dlt (data load tool): one pipeline run for each batch, which merges by event id into its own table."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pipeline: Any = None
        self._directory = tempfile.TemporaryDirectory(prefix="bench-dlt-")

    def write(self, event: Event) -> None:
        """Write the batch."""
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
        rows = list(named_rows(event["Records"]))
        self._pipeline.run(rows, table_name="user_logins", write_disposition="merge", primary_key="event_id")


class SingerTarget:
    """Meltano's Singer target for Postgres: it upserts a batch of Singer messages by event id into its own table."""

    def __init__(self, url: str) -> None:
        self._url = url

    def write(self, event: Event) -> None:
        """Write the batch."""
        import logging  # noqa: PLC0415

        from target_postgres.target import TargetPostgres  # noqa: PLC0415

        rows = list(named_rows(event["Records"]))
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
