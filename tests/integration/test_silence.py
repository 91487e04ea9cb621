"""The output of the function holds no value of a row, even where its libraries would print one."""

import base64
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from lambda_src import handler
from lambda_src.staging import CREATE_ARRIVALS
from tests.execution_environment import ExecutionEnvironment
from tests.function import Function, function_environment
from tests.integration.batches import ids
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import ROOT, make_record, make_records

MARK = "visitor-x"
DEVICE = "canary-device"
# Lambda sets the root logger to the application log level before it imports the function.
AT_DEBUG = """
import json, sys
from awslambdaric import bootstrap
bootstrap._setup_logging("JSON", "DEBUG", bootstrap.StandardLogSink())
from lambda_src.handler import lambda_handler
lambda_handler(json.loads(sys.stdin.read()), None)
"""


def end_session(database: Scratch, condition: str = "true") -> None:
    """Makes the server end a session that inserts a row that matches `condition`."""
    database.execute(
        f"""
        CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
            $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN new; END $$;
        CREATE TRIGGER die BEFORE INSERT ON user_logins FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION die();
        """
    )


@pytest.mark.parametrize("count", [1, 5, 300])
def test_session_ends_within_the_copy(
    database: Scratch, execution_environments: Callable[[dict[str, str]], ExecutionEnvironment], count: int
) -> None:
    """Postgres names the row in the context of its last error, and psycopg2 would print it."""
    end_session(database)
    environment = execution_environments({})
    records = make_records(count, locale=MARK)
    answer = environment.invoke(*records)
    assert [item["itemIdentifier"] for item in answer["response"]["batchItemFailures"]] == ids(records)
    assert MARK not in json.dumps(answer) + environment.printed
    assert environment.read_errors() == ""


def test_session_that_ends_within_the_copy_leaves_no_error_in_memory(function: Function, database: Scratch) -> None:
    """If Python prints an error through sys.excepthook, it keeps the error in memory."""
    end_session(database)
    records = make_records(5, locale=MARK)
    assert function(*records) == ids(records)
    assert not vars(sys).keys() & {"last_type", "last_value", "last_traceback", "last_exc"}


def test_session_ends_within_the_copy_of_arrivals(function: Function, database: Scratch) -> None:
    database.execute(
        "CREATE FUNCTION die(boolean) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS "
        "$$ BEGIN IF $1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN true; END $$"
    )
    with handler.get_resources().database.transaction(math.inf) as cursor:
        cursor.execute(CREATE_ARRIVALS)
        cursor.execute(f"ALTER TABLE pg_temp.arrivals ADD CHECK (public.die(locale = '{MARK}'))")
    record = make_record(locale=MARK)
    assert function(record, record) == []  # twice, so that a merge follows
    assert database.count() == 1
    assert function.read_errors() == ""


def test_log_level_debug_of_lambda(database: Scratch, salt: SaltParameter, queue: str) -> None:
    """At DEBUG the AWS SDK would log the answer of SSM and the letters to the dead-letter queue."""
    variables = {"PATH": os.environ["PATH"], "DLQ_URL": queue, **function_environment(database, salt)}
    records = [make_record(ip="203.0.113.222x", device_id=DEVICE), make_record()]
    done = subprocess.run(
        [sys.executable, "-c", AT_DEBUG],
        input=json.dumps({"Records": records}),
        env=variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert database.count() == 1
    printed = done.stdout + done.stderr
    assert "batch written" in printed
    assert not [value for value in (base64.b64encode(salt.key).decode(), DEVICE, "203.0.113.222") if value in printed]
