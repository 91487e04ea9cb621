"""A salt version never means two keys, because the database stores a fingerprint of each version."""

import pytest

from lambda_src.errors import SaltError
from tests.chaos.proxy import Cut, PostgresProxy, Rule, Step
from tests.function import Function
from tests.integration.batches import ids, make_refusable, refuse
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import make_record, make_records

FINGERPRINTS = "version, fingerprint"


def test_first_use_of_each_version_is_registered(function: Function, database: Scratch, salt: SaltParameter) -> None:
    assert function(make_record()) == []
    salt.rotate()
    function.restart()
    assert function(make_record()) == []
    rows = database.rows(FINGERPRINTS, "salt_versions")
    assert [version for version, _ in rows] == [1, 2]
    assert len({fingerprint for _, fingerprint in rows}) == 2
    assert salt.key.hex() not in str(rows)


def test_parameter_created_again_is_refused(function: Function, database: Scratch, salt: SaltParameter) -> None:
    assert function(*make_records(3)) == []
    salt.delete()
    salt.rotate()
    assert salt.version == 1
    function.restart()
    for _ in range(2):  # a second batch of the same execution environment is refused too
        with pytest.raises(SaltError, match="salt rotate"):
            function(make_record(), make_record("{"))
    assert (database.count(), database.count("rejected_logins")) == (3, 0)


def test_salt_that_changes_under_a_warm_function_is_refused(
    function: Function, database: Scratch, salt: SaltParameter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambda_src.salt.REFRESH_SECONDS", 0)
    assert function(make_record()) == []
    salt.delete()
    salt.rotate()
    with pytest.raises(SaltError):
        function(make_record())
    assert database.count() == 1


def test_key_that_comes_back_is_accepted(function: Function, database: Scratch, salt: SaltParameter) -> None:
    assert function(make_record()) == []
    first = salt.key
    salt.delete()
    salt.rotate()
    function.restart()
    with pytest.raises(SaltError):
        function(make_record())
    salt.delete()
    salt.put_key(first)
    function.restart()
    assert function(make_record()) == []
    assert database.count() == 2


def test_connection_that_is_gone_when_the_salt_is_checked(
    function: Function, database: Scratch, salt: SaltParameter
) -> None:
    assert function() == []  # connected
    database.disconnect_function()
    assert function(make_record()) == []
    assert database.count() == 1


def test_database_that_changes_amid_refused_rows_is_asked_about_the_salt(
    function: Function, database: Scratch, salt: SaltParameter, proxy: PostgresProxy
) -> None:
    """Between two pieces, a failover to another database breaks the connection."""
    refuse(database)
    good, bad = make_refusable(250, {0})
    calls: list[None] = []

    def fail_over() -> None:
        calls.append(None)
        if len(calls) == 3:  # the COPY, the first piece, the second one
            database.execute("UPDATE salt_versions SET fingerprint = 'of another key' WHERE version = %s", salt.version)
            rule.cut = Cut.BEFORE
        else:
            rule.cut = Cut.NOTHING

    rule = Rule(Step.COPY, Cut.NOTHING, times=10_000, call=fail_over)
    proxy.arm(rule)
    records = sorted([*good, *bad], key=lambda record: str(record["messageId"]))
    failed = function(*records)
    assert database.count() == 83
    assert set(failed) == set(ids([*records[1::3], *records[2::3], *bad]))
    proxy.arm(None)
    with pytest.raises(SaltError):
        function(*records[1::3])
