"""The function seals originals with their rows; nothing shows them without the key."""

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from local.aws import AwsEndpoint
from local.vault import VaultKey
from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.ops.vault import DEVICE, IP, originals
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import make_record, make_records

# Each batch that leaves the inbox brings another one.
NEXT_BATCH = """
    CREATE FUNCTION next_batch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO vault.inbox (salt_version, first_day, last_day, data_key, wrapped, public_key, pseudonyms, boxes)
        SELECT salt_version, first_day, last_day, data_key, wrapped, public_key, pseudonyms, boxes FROM gone;
        RETURN NULL;
    END $$;
    CREATE TRIGGER next_batch AFTER DELETE ON vault.inbox REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION next_batch();
"""


def _unfold_all(connection: Any) -> None:
    with closing(connection), connection.cursor() as cursor:
        unfolded = 1
        while unfolded:
            cursor.execute("SELECT vault.unfold(1)")
            ((unfolded,),) = cursor.fetchall()


def test_sealed_as_documented(sealed: str, database: Scratch, vault_key: VaultKey, aws: AwsEndpoint) -> None:
    """The test opens an original without code of this project."""
    database.execute("SELECT vault.unfold(1)")
    ((box, version, key),) = database.query(
        "SELECT sealed, salt_version, data_key FROM vault.originals WHERE pseudonym = %s", sealed
    )
    ((wrapped, public),) = database.query("SELECT wrapped, public_key FROM vault.data_keys WHERE id = %s", key)
    assert bytes(public) == hashlib.sha256(base64.b64decode(vault_key.public)).digest()
    data_key = aws.kms.decrypt(
        KeyId=vault_key.arn, CiphertextBlob=bytes(wrapped), EncryptionAlgorithm="RSAES_OAEP_SHA_256"
    )["Plaintext"]
    assert len(data_key) == 32
    opened = AESGCM(data_key).decrypt(bytes(box)[:12], bytes(box)[12:], sealed.encode())
    assert (opened, version) == (f"ip\0{IP}".encode(), 1)


def test_each_pseudonym_once(sealing_function: Function, database: Scratch) -> None:
    """The same value comes twice in a batch, in two batches, and in a repeated delivery."""
    records = make_records(5, ip=IP, device_id=DEVICE)
    assert sealing_function(*records) == []
    assert sealing_function(*records, make_record(user_id="new", ip=IP)) == []
    assert sealing_function(make_record(ip=IP)) == []
    assert database.count("vault.inbox") == 3, "one row a batch"
    assert (database.count(), len(originals(database))) == (7, 3)
    assert database.count("vault.data_keys") == 2, "a batch that seals nothing new leaves no key"


def test_nonces_are_unique(sealing_function: Function, database: Scratch) -> None:
    assert sealing_function(*(make_record(ip=f"10.0.{n // 250}.{n % 250}", device_id=str(n)) for n in range(600))) == []
    database.execute("SELECT vault.unfold(1)")
    ((total, different),) = database.query(
        "SELECT count(*), count(DISTINCT (data_key, substr(sealed, 1, 12))) FROM vault.originals"
    )
    assert total == different == 1200


def test_vault_off_writes_none(function: Function, database: Scratch) -> None:
    assert function(make_record()) == []
    assert database.count("vault.inbox") == 0


def test_rejected_is_not_sealed(sealing_function: Function, database: Scratch) -> None:
    bad = make_record(user_id="", ip=IP, device_id=DEVICE)
    assert sealing_function(bad, make_record()) == [bad["messageId"]]
    assert len(originals(database)) == 2


def test_refused_by_database_is_not_sealed(sealing_function: Function, database: Scratch) -> None:
    """The function finds a row that only Postgres refuses. The vault gets the originals of all other rows."""
    database.execute("ALTER TABLE user_logins ADD CONSTRAINT picky CHECK (user_id <> 'user 3')")
    records = [make_record(user_id=f"user {n}", ip=f"10.0.0.{n}", device_id=str(n)) for n in range(8)]
    assert sealing_function(*records) == [records[3]["messageId"]]
    assert database.count() == 7
    held = originals(database)
    rows = database.query("SELECT masked_ip FROM user_logins UNION SELECT masked_device_id FROM user_logins")
    assert sorted(held) == sorted(rows)


def test_delivered_again_after_rotation(sealing_function: Function, database: Scratch, salt: SaltParameter) -> None:
    """The table has the event under the old salt, so the vault gets nothing for it under the new salt."""
    record = make_record(ip=IP, device_id=DEVICE)
    assert sealing_function(record) == []
    salt.rotate()
    sealing_function.restart()
    assert sealing_function(record, make_record(user_id="new", ip="192.0.2.9", device_id="other")) == []
    held = originals(database, "pseudonym, salt_version")
    assert len(held) == 4
    named = (
        "SELECT masked_ip, salt_version FROM user_logins UNION SELECT masked_device_id, salt_version FROM user_logins"
    )
    assert sorted(held) == sorted(database.query(named))


def test_sealed_with_the_row_or_not_at_all(sealing_function: Function, database: Scratch) -> None:
    database.execute("ALTER TABLE vault.inbox ADD CONSTRAINT shut CHECK (false) NOT VALID")
    record = make_record()
    assert sealing_function(record) == [record["messageId"]]
    assert (database.count(), database.count("vault.inbox")) == (0, 0)


def test_no_trace_in_the_clear(
    loginpipe: CommandLine, sealing_function: Function, database: Scratch, sealed: str
) -> None:
    """No output and no table contains a sealed value in the clear."""
    output = sealing_function.read_output()
    for canary in (IP, DEVICE):
        assert canary not in json.dumps([output.logs, output.metrics])
        for table in ("user_logins", "vault.inbox", "audit.entries", "rejected_logins"):
            for (row,) in database.query(f"SELECT t::text FROM {table} t"):
                assert canary not in row
                assert canary.encode().hex() not in row


@pytest.mark.parametrize(
    "broken", ["AAAA", "not base64!", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]
)
def test_bad_public_key(function: Function, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setenv("VAULT_PUBLIC_KEY", broken)
    with pytest.raises(Exception, match="VAULT_PUBLIC_KEY"):
        function(make_record())


def test_public_key_as_pem(
    function: Function, monkeypatch: pytest.MonkeyPatch, vault_key: VaultKey, database: Scratch
) -> None:
    pem = f"-----BEGIN PUBLIC KEY-----\n{vault_key.public[:64]}\n{vault_key.public[64:]}\n-----END PUBLIC KEY-----\n"
    monkeypatch.setenv("VAULT_PUBLIC_KEY", pem)
    assert function(make_record()) == []
    assert len(originals(database)) == 2


def test_unfolding_ends_while_batches_come_in(
    loginpipe: CommandLine, sealing_function: Function, database: Scratch
) -> None:
    assert sealing_function(make_record(ip=IP)) == []
    database.execute(NEXT_BATCH)
    process = loginpipe.start("upkeep")
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert (database.count("vault.originals"), database.count("vault.inbox")) == (2, 1)


def test_unfolding_twice_at_once(sealing_function: Function, database: Scratch) -> None:
    for number in range(6):
        assert sealing_function(make_record(ip=f"10.0.0.{number}", device_id=str(number))) == []
    connections = [database.connect() for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(_unfold_all, connections))
    assert len(originals(database)) == 12
