"""`salt`, `mask`, `lookup`: against pseudonyms that the standard library computes on its own."""

import base64
import contextlib
import hashlib
import hmac
import secrets

import boto3
import pytest
from botocore.stub import ANY, Stubber

from lambda_src.errors import SaltError
from lambda_src.salt import parse_key
from ops.salts import rotate_salt
from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import make_record

IP, DEVICE = "199.172.111.135", "593-47-5928"
WHY = ("--reason", "a test")


def pseudonym(key: bytes, field: str, value: str) -> str:
    return hmac.new(key, field.encode() + b"\0" + value.encode(), hashlib.sha256).hexdigest()


def stored(salt: SaltParameter) -> bytes:
    """The salt that SSM has now."""
    value = salt.aws.ssm.get_parameter(Name=salt.name, WithDecryption=True)["Parameter"]["Value"]
    return base64.b64decode(value, validate=True)


@pytest.fixture
def fresh(loginpipe: CommandLine, aws: object) -> str:
    return f"/test/{secrets.token_hex(8)}/fresh"


def test_create(loginpipe: CommandLine, salt: SaltParameter, fresh: str) -> None:
    finished = loginpipe("salt", "create", SALT_PARAMETER=fresh)
    assert finished.code == 0
    parameter = salt.aws.ssm.get_parameter(Name=fresh, WithDecryption=True)["Parameter"]
    assert (parameter["Type"], parameter["Version"]) == ("SecureString", 1)
    assert len(base64.b64decode(parameter["Value"], validate=True)) == 32
    assert parameter["Value"] not in finished.out + finished.err
    again = loginpipe("salt", "create", SALT_PARAMETER=fresh)
    assert (again.code, "salt rotate" in again.err) == (1, True)
    assert salt.aws.ssm.get_parameter(Name=fresh)["Parameter"]["Version"] == 1


def keys_by_version(salt: SaltParameter, name: str) -> dict[int, bytes]:
    """The usable salts that SSM has had, by version."""
    history = salt.aws.ssm.get_parameter_history(Name=name, WithDecryption=True)["Parameters"]
    keys = {}
    for entry in history:
        with contextlib.suppress(SaltError):
            keys[entry["Version"]] = parse_key(entry["Value"], name)
    return keys


@pytest.mark.parametrize("known", ["rows", "links"])
def test_create_after_a_deletion_gives_no_version_a_second_key(
    loginpipe: CommandLine, salt: SaltParameter, database: Scratch, function: Function, known: str
) -> None:
    for _ in range(2):
        salt.rotate()
    if known == "rows":
        function(make_record())
    else:
        database.execute("INSERT INTO pseudonym_links (old, new, old_version, new_version) VALUES ('a', 'b', 1, 3)")
    salt.delete()
    assert loginpipe("--json", "salt", "create").data == {"version": 4}
    assert list(keys_by_version(salt, salt.name)) == [4]
    function.restart()
    function(make_record(user_id="later"))
    assert ("later", 4, pseudonym(stored(salt), "ip", IP)) in database.rows("user_id, salt_version, masked_ip")


def test_create_with_the_highest_version_given(loginpipe: CommandLine, salt: SaltParameter, fresh: str) -> None:
    away = {"SALT_PARAMETER": fresh, "PGHOST": ""}
    refused = loginpipe("salt", "create", **away)
    assert (refused.code, "--above" in refused.err) == (2, True)
    assert loginpipe("--json", "salt", "create", "--above", "2", **away).data == {"version": 3}
    assert list(keys_by_version(salt, fresh)) == [3]


def test_rotate_of_a_salt_made_anew_gives_no_version_a_second_key(
    loginpipe: CommandLine, salt: SaltParameter, function: Function
) -> None:
    for _ in range(3):
        salt.rotate()
    function(make_record())
    salt.delete()
    salt.rotate()  # by hand: version 1 has a second key already
    assert loginpipe("--json", "salt", "rotate", "--yes").data == {"version": 5}
    assert list(keys_by_version(salt, salt.name)) == [1, 5]


@pytest.mark.parametrize("versions", [1, 2, 3], ids=["fewer", "as many", "more"])
def test_doctor_sees_a_salt_made_anew(
    loginpipe: CommandLine, salt: SaltParameter, function: Function, versions: int
) -> None:
    def judge() -> tuple[str, str]:
        findings = loginpipe("--json", "doctor").data
        (finding,) = (each for each in findings if each["check"] == "salt version")
        return finding["status"], finding["advice"]

    salt.rotate()
    function(make_record())
    assert judge() == ("ok", "")
    salt.delete()
    for _ in range(versions):
        salt.rotate()
    status, advice = judge()
    # With a version that is new, all can be written; the old one has two keys for ever.
    assert (status, "salt rotate" in advice) == ("error" if versions < 3 else "warning", versions < 3)


def test_rotate(loginpipe: CommandLine, salt: SaltParameter) -> None:
    before = stored(salt)
    assert loginpipe("salt", "rotate", answer="n\n").code == 1
    assert stored(salt) == before
    finished = loginpipe("--json", "salt", "rotate", "--yes")
    assert finished.data == {"version": 2}
    assert stored(salt) != before
    assert base64.b64encode(stored(salt)).decode() not in finished.out + finished.err


def test_rotate_keeps_the_key() -> None:
    """SSM changes over to the account's default key where PutParameter names none; the emulator knows no keys here."""
    ssm = boto3.client("ssm", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(ssm) as stub:
        described = {"Parameters": [{"Name": "/salt", "KeyId": "alias/of-ours", "Version": 1}]}
        filters = [{"Key": "Name", "Values": ["/salt"]}]
        stub.add_response("describe_parameters", described, {"ParameterFilters": filters})
        expected = {"Name": "/salt", "Value": ANY, "Type": "SecureString", "Overwrite": True, "KeyId": "alias/of-ours"}
        stub.add_response("put_parameter", {"Version": 2}, expected)
        assert rotate_salt(ssm, "/salt", above=1) == 2


def test_rotate_missing(loginpipe: CommandLine, fresh: str) -> None:
    finished = loginpipe("salt", "rotate", "--yes", SALT_PARAMETER=fresh)
    assert (finished.code, "salt create" in finished.err) == (4, True)


def test_rows_before_and_after_rotation(
    loginpipe: CommandLine, salt: SaltParameter, database: Scratch, function: Function
) -> None:
    old = stored(salt)
    function(make_record(user_id="before"))
    assert loginpipe("salt", "rotate", "--yes").code == 0
    function.restart()  # as when its five minutes are over
    function(make_record(user_id="after"))
    assert database.rows("user_id, salt_version, masked_ip") == [
        ("after", 2, pseudonym(stored(salt), "ip", IP)),
        ("before", 1, pseudonym(old, "ip", IP)),
    ]
    rows = loginpipe("--json", "salt", "status").data
    assert [(row["version"], row["logins"]) for row in rows] == [(2, 1), (1, 1)]
    assert base64.b64encode(stored(salt)).decode() not in str(rows)
    for words in (("--ip", IP), ("--device-id", DEVICE), ("--ip", f"::ffff:{IP}")):
        found = loginpipe("--json", "lookup", *words, *WHY).data
        assert [login["user_id"] for login in found["logins"]] == ["after", "before"] or found["total"] == 2
        assert found["users"] == 2


def test_mask(loginpipe: CommandLine, salt: SaltParameter) -> None:
    key = stored(salt)
    assert loginpipe("mask", "ip", IP, *WHY).out.strip() == pseudonym(key, "ip", IP)
    assert loginpipe("mask", "ip", "2001:DB8:0::1", *WHY).out.strip() == pseudonym(key, "ip", "2001:db8::1")
    assert loginpipe("mask", "device-id", " x ", *WHY).out.strip() == pseudonym(key, "device_id", " x ")
    assert loginpipe("mask", "device-id", "-", *WHY, answer="é\n").out.strip() == pseudonym(key, "device_id", "é")
    assert loginpipe("--json", "mask", "ip", IP, *WHY).data["salt_version"] == 1


def test_mask_without_database(loginpipe: CommandLine, salt: SaltParameter) -> None:
    """No audit table, no answer."""
    finished = loginpipe("mask", "ip", IP, *WHY, PGHOST="")
    assert (finished.code, finished.out, "PGHOST is missing" in finished.err) == (2, "", True)


def test_mask_no_address(loginpipe: CommandLine) -> None:
    finished = loginpipe("mask", "ip", "canary.example", *WHY)
    assert (finished.code, "canary" in finished.err) == (2, False)


def test_lookup_nothing(loginpipe: CommandLine) -> None:
    finished = loginpipe("lookup", "--ip", "192.0.2.1", *WHY)
    assert (finished.code, "No login has that value" in finished.err) == (4, True)


def test_lookup_broken_version(loginpipe: CommandLine, salt: SaltParameter, function: Function) -> None:
    function(make_record())
    salt.put("not base64 of anything!")
    assert loginpipe("--json", "lookup", "--ip", IP, *WHY).data["total"] == 1


def test_lookup_unclear(loginpipe: CommandLine) -> None:
    assert loginpipe("lookup", *WHY).code == 2
    assert loginpipe("lookup", "--ip", IP, "--device-id", DEVICE, *WHY).code == 2
