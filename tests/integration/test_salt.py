"""The salt is created, deleted, damaged and rotated, in a real SSM endpoint."""

import base64
import secrets
import time
from collections.abc import Callable

import pytest

from lambda_src.errors import SaltError
from lambda_src.salt import REFRESH_SECONDS, RETRY_SECONDS
from local.postgres import free_port
from tests.function import Function
from tests.oracle import pseudonym
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import make_record

IP = "203.0.113.9"
NOT_REFRESHED = "salt not refreshed, going on with the old one"
BROKEN = {
    "empty": "\n",
    "no base64": "not base64 at all!" * 3,
    "no ASCII": "é" * 44,
    "too short": base64.b64encode(bytes(31)).decode(),
    "cut off": base64.b64encode(bytes(32)).decode()[:-1],
}

WaitSeconds = Callable[[float], None]


@pytest.fixture
def wait_seconds(monkeypatch: pytest.MonkeyPatch) -> WaitSeconds:
    """Moves the clock forward."""
    clock, ahead = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock() + ahead[0])

    def wait(seconds: float) -> None:
        ahead[0] += seconds

    return wait


def masked(function: Function, database: Scratch) -> tuple[str, int]:
    """Returns pseudonym and salt version of a new login from IP."""
    record = make_record(ip=IP)
    assert function(record) == []
    columns = "SELECT masked_ip, salt_version FROM user_logins WHERE event_id = %s"
    ((masked_ip, version),) = database.query(columns, record["messageId"])
    return masked_ip, version


def test_salt_is_kept_for_five_minutes(
    function: Function, database: Scratch, salt: SaltParameter, wait_seconds: WaitSeconds
) -> None:
    old = pseudonym("ip", IP, salt.key), salt.version
    assert masked(function, database) == old
    salt.rotate()
    wait_seconds(REFRESH_SECONDS - 5)
    assert masked(function, database) == old
    wait_seconds(6)
    assert masked(function, database) == (pseudonym("ip", IP, salt.key), salt.version)
    assert old[1] < salt.version


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_salt_that_is_no_salt(function: Function, database: Scratch, salt: SaltParameter, broken: str) -> None:
    salt.put(broken)
    with pytest.raises(SaltError, match="base64 of at least 32 bytes") as caught:
        function(make_record())
    assert salt.name in str(caught.value)
    assert broken not in str(caught.value)
    assert database.count() == 0


def test_salt_of_any_length_and_with_line_breaks(function: Function, database: Scratch, salt: SaltParameter) -> None:
    key = secrets.token_bytes(100)
    salt.put(base64.encodebytes(key).decode())
    assert masked(function, database) == (pseudonym("ip", IP, key), salt.version)


@pytest.mark.parametrize("trouble", ["deleted", "broken", "unreachable"])
def test_old_salt_is_kept_when_the_refresh_fails(
    function: Function,
    database: Scratch,
    salt: SaltParameter,
    wait_seconds: WaitSeconds,
    monkeypatch: pytest.MonkeyPatch,
    trouble: str,
) -> None:
    old = pseudonym("ip", IP, salt.key), salt.version
    assert masked(function, database) == old
    with monkeypatch.context() as away:
        if trouble == "deleted":
            salt.delete()
        elif trouble == "broken":
            salt.put("x")
        else:
            away.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        wait_seconds(REFRESH_SECONDS + 1)
        function.read_output()
        assert masked(function, database) == old
        (line,) = function.read_output().lines(NOT_REFRESHED)
        assert (line["level"], line["salt_version"]) == ("WARNING", old[1])
        assert salt.name in line["error"]
        assert masked(function, database) == old
        assert function.read_output().lines(NOT_REFRESHED) == []  # it does not ask again at once
    if trouble == "deleted":
        salt.rotate()  # version 1 again, which the database would refuse
    new = salt.rotate()
    wait_seconds(RETRY_SECONDS + 1)
    assert masked(function, database) == (pseudonym("ip", IP, new), salt.version)


def test_no_endpoint_for_the_salt(function: Function, database: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SaltError, match="cannot be reached"):
        function(make_record())
    assert database.count() == 0
