"""Bad input in numbers: against the parser, and through the whole function into a real Postgres.

FUZZ_INPUTS and FUZZ_SEED say how many inputs and which; `make fuzz` takes many, and lets a fuzzer lead the search.
"""

import json
import os
import secrets
import uuid
from collections.abc import Iterator
from itertools import islice

import pytest

from lambda_src.contract import COLUMNS
from lambda_src.staging import COLUMN_LIST
from tests.function import Function
from tests.fuzz.inputs import decode, generate, load_corpus
from tests.oracle import expect_all
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import RULES, Record, make_record
from tests.unit.outcomes import assert_as_expected

INPUTS = int(os.environ.get("FUZZ_INPUTS", "3000"))
SEED = int(os.environ.get("FUZZ_SEED", "0")) or secrets.randbelow(2**31)
BATCH = 500


@pytest.mark.parametrize("name", load_corpus())
def test_input_of_the_corpus(name: str) -> None:
    assert_as_expected(decode(load_corpus()[name]))


def test_random_inputs_against_the_oracle() -> None:
    for data in generate(INPUTS, SEED):
        try:
            assert_as_expected(decode(data))
        except Exception as error:
            error.add_note(f"FUZZ_SEED={SEED}: {data!r}; add it to tests/fuzz/corpus")
            raise


def batches() -> Iterator[list[Record]]:
    """Random records with messageIds of their own, a good one between any two."""
    inputs = generate(INPUTS, SEED)
    while chunk := list(islice(inputs, BATCH)):
        records = []
        for data in chunk:
            record = decode(data)
            record["messageId"] = str(uuid.uuid4())
            if "event_id" in record["messageAttributes"]:
                # Two inputs with one event id would be one event.
                record["messageAttributes"]["event_id"]["stringValue"] += record["messageId"]
            records += [record, make_record(user_id="neighbour")]
        yield records


@pytest.mark.timeout(1200)
def test_random_inputs_through_the_function(function: Function, database: Scratch, salt: SaltParameter) -> None:
    for records in batches():
        # As Lambda gets them: SQS and JSON know no lone surrogates but escaped ones.
        delivered = json.loads(json.dumps(records))
        failed = set(function(*delivered))
        rows = {row[0]: row for row in database.query(f"SELECT {COLUMN_LIST} FROM user_logins")}
        rejects: dict[str, list[str]] = {}
        for message_id, reason in database.query("SELECT message_id, reason FROM rejected_logins"):
            rejects.setdefault(message_id, []).append(reason)
        function.read_output()  # each line of the log is JSON
        for record in delivered:
            message_id = record["messageId"]
            expected = expect_all(record, salt.key, salt.version, RULES)
            bad = [each for each in expected if each.row is None]
            assert (message_id in failed) == bool(bad), f"FUZZ_SEED={SEED}"
            reasons = rejects.pop(message_id, [])
            assert len(reasons) == len(bad), f"FUZZ_SEED={SEED}"
            assert set(reasons) <= {reason for each in bad for reason, _ in each.faults}, f"FUZZ_SEED={SEED}"
            for row in (each.row for each in expected if each.row is not None):
                assert rows.pop(row["event_id"]) == tuple(row[name] for name in COLUMNS), f"FUZZ_SEED={SEED}"
        assert (rows, rejects) == ({}, {}), f"FUZZ_SEED={SEED}"
        database.execute("TRUNCATE user_logins, rejected_logins")
