"""The vault: sealed by the function, opened by nobody else than the holder of the key, never without a trace."""

import base64
import hashlib
import hmac
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from local.aws import AwsEndpoint
from local.vault import VaultKey, create_vault_key
from tests.function import Function
from tests.ops.command_line import CommandLine, Finished
from tests.ops.queues import Queues
from tests.ops.test_retention import months_ago
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import NOON_DATE, make_record, make_records

IP, DEVICE = "198.51.100.77", "canary-device-4711"
# For each batch that leaves the inbox another one is there.
NEXT_BATCH = """
    CREATE FUNCTION next_batch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO vault.inbox (salt_version, first_day, last_day, data_key, wrapped, public_key, pseudonyms, boxes)
        SELECT salt_version, first_day, last_day, data_key, wrapped, public_key, pseudonyms, boxes FROM gone;
        RETURN NULL;
    END $$;
    CREATE TRIGGER next_batch AFTER DELETE ON vault.inbox REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION next_batch();
"""
REASON = ("--reason", "case 12", "--basis", "legal-obligation")


def pseudonym(salt: SaltParameter, field: str, value: str) -> str:
    return hmac.new(salt.key, field.encode() + b"\0" + value.encode(), hashlib.sha256).hexdigest()


def originals(database: Scratch, columns: str = "pseudonym") -> list[tuple[Any, ...]]:
    """All that is sealed, unfolded."""
    database.execute("SELECT vault.unfold(1000)")
    assert database.count("vault.inbox") == 0
    return database.rows(columns, "vault.originals")


def _unfold_all(connection: Any) -> None:
    with closing(connection), connection.cursor() as cursor:
        unfolded = 1
        while unfolded:
            cursor.execute("SELECT vault.unfold(1)")
            ((unfolded,),) = cursor.fetchall()


@pytest.fixture
def sealed(sealing_function: Function, database: Scratch) -> str:
    """A login whose address is sealed; its pseudonym."""
    assert sealing_function(make_record(user_id="one", ip=IP, device_id=DEVICE)) == []
    ((masked,),) = database.rows("masked_ip")
    return str(masked)


def test_recover(loginpipe: CommandLine, database: Scratch, sealed: str) -> None:
    finished = loginpipe("recover", "--ip", sealed, *REASON)
    assert (finished.code, finished.out) == (0, f"{IP}\n")
    ((masked_device,),) = database.rows("masked_device_id")
    assert loginpipe("--json", "recover", "--device-id", masked_device, *REASON).data["original"] == DEVICE
    entries = database.query("SELECT action, actor, role, reason, basis, subject FROM audit.entries ORDER BY id")
    caller = "arn:aws:iam::000000000000:root"
    assert entries == [
        ("recover", caller, "postgres", "case 12", "legal-obligation", sealed),
        ("mask", caller, "postgres", "case 12", None, "ip"),
        ("recover", caller, "postgres", "case 12", "legal-obligation", masked_device),
        ("mask", caller, "postgres", "case 12", None, "device_id"),
    ]
    recoveries = loginpipe("--json", "audit", "--action", "recover").data
    assert [row["subject"] for row in recoveries] == [masked_device, sealed]


def test_sealed_as_documented(sealed: str, database: Scratch, vault_key: VaultKey, aws: AwsEndpoint) -> None:
    """Opened by hand, with nothing of ours."""
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
    """Shared within a batch, across batches, and delivered twice."""
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


def test_swapped_rows_are_noticed(loginpipe: CommandLine, database: Scratch, sealed: str) -> None:
    ((other,),) = database.rows("masked_device_id")
    database.execute("SELECT vault.unfold(1)")
    database.execute(
        "UPDATE vault.originals o SET sealed = p.sealed FROM vault.originals p "
        "WHERE o.pseudonym = %s AND p.pseudonym = %s", sealed, other,
    )  # fmt: skip
    finished = loginpipe("recover", "--ip", sealed, *REASON)
    assert (finished.code, "the vault is damaged" in finished.err) == (1, True)


@pytest.mark.parametrize("content", ["ip\0203.0.113.9", "device_id\0" + IP, "user_id\0" + IP, "\xff"])
def test_forged_box_is_noticed(
    loginpipe: CommandLine, database: Scratch, sealed: str, vault_key: VaultKey, salt: SaltParameter, content: str
) -> None:
    """Sealed properly, for this pseudonym, by somebody who can write to the vault but does not know the salt."""
    database.execute("SELECT vault.unfold(1000)")
    data_key, nonce = secrets.token_bytes(32), secrets.token_bytes(12)
    public: Any = serialization.load_der_public_key(base64.b64decode(vault_key.public))
    wrapped = public.encrypt(data_key, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    box = nonce + AESGCM(data_key).encrypt(nonce, content.encode("latin-1"), sealed.encode())
    database.execute("UPDATE vault.data_keys SET wrapped = %s", wrapped)
    database.execute("UPDATE vault.originals SET sealed = %s WHERE pseudonym = %s", box, sealed)
    finished = loginpipe("recover", "--ip", sealed, *REASON)
    assert (finished.code, "damaged or forged" in finished.err) == (1, True)
    assert "203.0.113.9" not in finished.out + finished.err
    assert IP not in finished.out + finished.err
    database.execute("DELETE FROM vault.originals WHERE pseudonym <> %s", sealed)
    salt.rotate()
    finished = loginpipe("salt", "link", "1", "2", "--reason", "r", "--yes")
    assert (finished.code, "damaged or forged" in finished.err, database.count("pseudonym_links")) == (1, True, 0)


def test_recover_without_the_version_of_the_salt(loginpipe: CommandLine, database: Scratch, sealed: str) -> None:
    """What cannot be verified is not shown."""
    database.execute("SELECT vault.unfold(1000)")
    database.execute("UPDATE vault.originals SET salt_version = 7")
    finished = loginpipe("recover", "--ip", sealed, *REASON)
    assert (finished.code, "no version 7" in finished.err, IP in finished.out) == (1, True, False)


def test_vault_off_writes_none(function: Function, database: Scratch) -> None:
    assert function(make_record()) == []
    assert database.count("vault.inbox") == 0


def test_rejected_is_not_sealed(sealing_function: Function, database: Scratch) -> None:
    bad = make_record(user_id="", ip=IP, device_id=DEVICE)
    assert sealing_function(bad, make_record()) == [bad["messageId"]]
    assert len(originals(database)) == 2


def test_refused_by_database_is_not_sealed(sealing_function: Function, database: Scratch) -> None:
    """A row that only Postgres refuses is found by halving; the vault gets what the others hold."""
    database.execute("ALTER TABLE user_logins ADD CONSTRAINT picky CHECK (user_id <> 'user 3')")
    records = [make_record(user_id=f"user {n}", ip=f"10.0.0.{n}", device_id=str(n)) for n in range(8)]
    assert sealing_function(*records) == [records[3]["messageId"]]
    assert database.count() == 7
    held = originals(database)
    rows = database.query("SELECT masked_ip FROM user_logins UNION SELECT masked_device_id FROM user_logins")
    assert sorted(held) == sorted(rows)


def test_delivered_again_after_rotation(sealing_function: Function, database: Scratch, salt: SaltParameter) -> None:
    """The event is there under the old salt: nothing of the new one is sealed for it."""
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
    """The canary search: neither output nor any table holds what was sealed."""
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


# ---- what recover refuses -------------------------------------------------------------------------------------------


def test_recover_unknown(loginpipe: CommandLine, database: Scratch, sealed: str) -> None:
    finished = loginpipe("recover", "--ip", "0" * 64, *REASON)
    assert finished.code == 4
    assert database.count("audit.entries") == 1, "asking is an act, too"


@pytest.mark.parametrize(
    "words",
    [
        ("--basis", "consent"),
        ("--reason", "case"),
        ("--reason", "  ", "--basis", "consent"),
        ("--reason", "case", "--basis", "curiosity"),
    ],
)
def test_recover_without_reason_or_basis(
    loginpipe: CommandLine, database: Scratch, sealed: str, words: tuple[str, ...]
) -> None:
    finished = loginpipe("recover", "--ip", sealed, *words)
    assert (finished.code, finished.out) == (2, "")
    assert database.count("audit.entries") == 0


def test_recover_no_pseudonym(loginpipe: CommandLine, sealed: str) -> None:
    assert loginpipe("recover", "--ip", IP, *REASON).code == 2
    assert loginpipe("recover", *REASON).code == 2


def test_recover_wrong_field(loginpipe: CommandLine, sealed: str) -> None:
    finished = loginpipe("recover", "--device-id", sealed, *REASON)
    assert (finished.code, IP in finished.out + finished.err) == (1, False)


def test_recover_wrong_key(loginpipe: CommandLine, sealed: str, aws: AwsEndpoint) -> None:
    other = create_vault_key(aws.kms).arn
    finished = loginpipe("recover", "--ip", sealed, *REASON, "--key", other)
    assert (finished.code, "sealed for another KMS key" in finished.err) == (1, True)


def test_recover_without_audit_table(loginpipe: CommandLine, database: Scratch, sealed: str) -> None:
    """No entry, no recovery: the answer is withheld where the act cannot be noted."""
    database.execute("ALTER TABLE audit.entries ADD CONSTRAINT shut CHECK (false) NOT VALID")
    finished = loginpipe("recover", "--ip", sealed, *REASON)
    assert (finished.code, IP in finished.out + finished.err) == (1, False)


# ---- who may do what ------------------------------------------------------------------------------------------------

FORBIDDEN = {
    "ingest": [
        "SELECT * FROM vault.originals", "SELECT * FROM vault.data_keys", "DELETE FROM vault.inbox",
        "UPDATE vault.inbox SET boxes = ''", "SELECT * FROM vault.sealed_original(1)", "SELECT * FROM vault.inbox",
        "SELECT vault.unfold(1)",
        "SELECT * FROM audit.entries", "SELECT * FROM user_logins", "TRUNCATE vault.originals",
        "SELECT audit.hash_person('a')",
        "SELECT * FROM forget_user('a', 'c', 'd', 'e')",
    ],
    "analyst": [
        "SELECT * FROM vault.originals", "SELECT * FROM vault.data_keys", "SELECT * FROM vault.sealed_original(1)",
        "SELECT * FROM audit.entries", "DELETE FROM user_logins", "SELECT audit.hash_person('a')",
        "SELECT * FROM vault.inbox", "SELECT vault.unfold(1)",
    ],
    "reader": [
        "SELECT * FROM vault.inbox", "SELECT * FROM vault.originals", "SELECT * FROM vault.data_keys",
        "SELECT * FROM vault.sealed_original(1)", "SELECT * FROM vault.sealed_originals(1, 9)",
        "SELECT vault.unfold(1)", "DELETE FROM user_logins", "INSERT INTO user_logins DEFAULT VALUES",
        "SELECT login_line(l) FROM user_logins l",
        "SELECT * FROM forget_user('a', 'c', 'd', 'e')",
        "SELECT * FROM drop_old_logins('2001-01-01', true, 'a', 'b', 'c')",
        "SELECT create_login_partitions(now()::date, 1)", "SELECT count_sharing()",
        "SELECT audit.note_value('mask', 'a', 'b', 'c', 'ip')", "SELECT audit.hash_person('a')",
        "SELECT * FROM audit.value_limit",
    ],
    "masker": [
        "SELECT * FROM vault.inbox", "SELECT * FROM vault.originals", "SELECT * FROM vault.sealed_original(1)",
        "SELECT vault.unfold(1)", "DELETE FROM user_logins", "INSERT INTO user_logins DEFAULT VALUES",
        "SELECT reason FROM audit.entries", "SELECT audit.note('salt', 'a', 'b', 'c', 'd')",
        "SELECT * FROM forget_user('a', 'c', 'd', 'e')", "SELECT create_login_partitions(now()::date, 1)",
        "UPDATE audit.value_limit SET per_hour = 1000", "SELECT * FROM rejected_logins",
        "DELETE FROM audit.entries", "UPDATE audit.entries SET reason = ''", "SELECT audit.hash_person('a')",
    ],
    "remover": [
        "SELECT * FROM vault.inbox",
        "SELECT * FROM vault.originals", "SELECT * FROM vault.data_keys", "SELECT * FROM vault.sealed_original(1)",
        "SELECT * FROM vault.sealed_originals(1, 9)", "DELETE FROM user_logins",
        "UPDATE user_logins SET user_id = ''",
        "DELETE FROM audit.entries", "UPDATE audit.entries SET reason = ''", "DROP TABLE user_logins_default",
        "INSERT INTO audit.entries (action, actor, reason, subject, at) VALUES ('forget', 'a', 'b', 'c', now())",
        "SELECT vault.link_pseudonyms(1, '{}', '{}')", "SELECT * FROM audit.person_key",
        "SELECT audit.note_value('mask', 'a', 'b', 'c', 'ip')", "UPDATE audit.value_limit SET per_hour = 1000",
    ],
    "custodian": [
        "SELECT * FROM vault.inbox",
        "SELECT * FROM vault.originals", "SELECT * FROM vault.data_keys", "SELECT * FROM user_logins",
        "SELECT * FROM linked_logins", "SELECT * FROM vault.sealed_original(1)", "DELETE FROM audit.entries",
        "SELECT * FROM forget_user('a', 'c', 'd', 'e')", "SELECT * FROM vault.drop_orphans(1)",
        "INSERT INTO pseudonym_links VALUES ('a', 'b', 1, 2)", "SELECT * FROM audit.person_key",
        "SELECT audit.hash_person('a')", "SELECT * FROM vault.sealed_originals(1, 9)",
        "SELECT vault.link_pseudonyms(1, '{}', '{}')", "SELECT reason FROM audit.entries",
    ],
    "linker": [
        "SELECT * FROM vault.originals", "SELECT * FROM user_logins", "SELECT * FROM linked_logins",
        "SELECT * FROM vault.sealed_original(1)", "SELECT * FROM vault.sealed_originals(1, 9)",
        "SELECT vault.link_pseudonyms(1, '{}', '{}')", "INSERT INTO pseudonym_links VALUES ('a', 'b', 1, 2)",
        "SELECT * FROM forget_user('a', 'c', 'd', 'e')", "SELECT reason FROM audit.entries",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("role", "statement"), [(role, each) for role, all_ in FORBIDDEN.items() for each in all_])
def test_refused(operators: dict[str, Any], sealed: str, role: str, statement: str) -> None:
    with operators[role].cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(statement)


def insert_entry(cursor: Any, subject: str) -> int:
    cursor.execute("SELECT audit.note('recover', 'me', NULL, 'why', %s, 'b')", (subject,))
    (entry,) = cursor.fetchone()
    return int(entry)


def test_entry_must_be_committed_first(operators: dict[str, Any], database: Scratch, sealed: str) -> None:
    """An entry that its writer could still take back opens nothing."""
    assert len(originals(database)) == 2
    connection = operators["custodian"]
    connection.autocommit = False
    with connection.cursor() as cursor:
        entry = insert_entry(cursor, sealed)
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="the vault stays shut"):
            cursor.execute("SELECT * FROM vault.sealed_original(%s)", (entry,))
    connection.rollback()
    with connection.cursor() as cursor:
        entry = insert_entry(cursor, sealed)
        connection.commit()
        cursor.execute("SELECT salt_version FROM vault.sealed_original(%s)", (entry,))
        assert cursor.fetchall() == [(1,)]
    connection.commit()


def test_entry_opens_the_vault_once(operators: dict[str, Any], database: Scratch, sealed: str) -> None:
    assert len(originals(database)) == 2
    with operators["custodian"].cursor() as cursor:
        entry = insert_entry(cursor, sealed)
        cursor.execute("SELECT salt_version FROM vault.sealed_original(%s)", (entry,))
        assert cursor.fetchall() == [(1,)]
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="was answered before"):
            cursor.execute("SELECT salt_version FROM vault.sealed_original(%s)", (entry,))


def test_link_entry_gives_each_original_out_once(operators: dict[str, Any], database: Scratch, sealed: str) -> None:
    both = originals(database)
    with operators["linker"].cursor() as cursor:
        cursor.execute("SELECT audit.note('link', 'me', NULL, 'why', '2', NULL, 1)")
        ((entry,),) = cursor.fetchall()
        pages = []
        for _ in range(4):
            cursor.execute("SELECT pseudonym FROM vault.sealed_originals(%s, 1)", (entry,))
            pages.append(cursor.fetchall())
        assert pages == [both[:1], both[1:], [], []]
        cursor.execute("SELECT audit.note('link', 'me', NULL, 'why', '2', NULL, 1)")
        ((entry,),) = cursor.fetchall()
        cursor.execute("SELECT pseudonym FROM vault.sealed_originals(%s, 9)", (entry,))
        assert cursor.fetchall() == both
    # What is left of it in the middle of a link is gone with the person.
    assert database.query("SELECT count(*) FROM vault.answers WHERE through = %s", both[-1][0]) == [(1,)]
    database.execute("SELECT forget_user(user_id, 'who', NULL, 'why') FROM user_logins")
    assert database.query("SELECT DISTINCT through FROM vault.answers") == [("g",)]


def test_entry_of_another_role_opens_nothing(operators: dict[str, Any], database: Scratch, sealed: str) -> None:
    ((entry,),) = database.query("SELECT audit.append('recover', 'me', NULL, 'why', %s, 'b')", sealed)
    with operators["custodian"].cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SELECT * FROM vault.sealed_original(%s)", (entry,))


def test_old_entry_opens_nothing(operators: dict[str, Any], database: Scratch, sealed: str) -> None:
    with operators["custodian"].cursor() as cursor:
        entry = insert_entry(cursor, sealed)
    database.execute("ALTER TABLE audit.entries DISABLE TRIGGER append_only")
    database.execute("UPDATE audit.entries SET at = now() - interval '2 hours'")
    with operators["custodian"].cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SELECT * FROM vault.sealed_original(%s)", (entry,))


@pytest.mark.parametrize("statement", ["UPDATE audit.entries SET reason = 'x'", "DELETE FROM audit.entries",
                                       "TRUNCATE audit.entries"])  # fmt: skip
def test_audit_is_append_only_for_superusers_too(database: Scratch, statement: str) -> None:
    with pytest.raises(psycopg2.errors.RaiseException, match="append-only"):
        database.execute(statement)


# ---- links ----------------------------------------------------------------------------------------------------------


def counts(database: Scratch) -> list[tuple[Any, ...]]:
    return database.query(
        "SELECT masked_device_id, count(DISTINCT user_id), count(*) FROM linked_logins GROUP BY 1 ORDER BY 2, 3"
    )


def test_link_keeps_counts_over_two_rotations(
    loginpipe: CommandLine, sealing_function: Function, database: Scratch, salt: SaltParameter
) -> None:
    for version in (1, 2, 3):
        if version > 1:
            salt.rotate()
            sealing_function.restart()
        for user in ("a", "b"):
            assert sealing_function(make_record(user_id=f"{user}{version}", device_id=DEVICE)) == []
        if version == 1:
            assert sealing_function(make_record(user_id="only once", device_id="rare")) == []
    assert [row[1:] for row in counts(database)] == [(1, 1), (2, 2), (2, 2), (2, 2)]
    finished = loginpipe("--json", "salt", "link", "1", "2", "--reason", "rotation", "--yes")
    assert finished.data == {"originals": 3, "linked": 3}
    assert [row[1:] for row in counts(database)] == [(1, 1), (2, 2), (4, 4)]
    # What was linked to version 2 goes on to version 3, be it seen under version 2 or not.
    assert loginpipe("--json", "salt", "link", "2", "3", "--reason", "rotation", "--yes").data["originals"] == 5
    assert [row[1:] for row in counts(database)] == [(1, 1), (6, 6)]
    assert {row[0] for row in counts(database)} == {
        pseudonym(salt, "device_id", DEVICE), pseudonym(salt, "device_id", "rare"),
    }  # fmt: skip
    assert loginpipe("--json", "salt", "link", "2", "3", "--reason", "again", "--yes").data["linked"] == 0
    # So do the views that analysts use, those that were counted ahead as well as those of new logins.
    for is_counted in (True, False):
        assert loginpipe("upkeep").code == 0
        if is_counted:
            database.execute("UPDATE sharing_counted SET through = clock_timestamp()")
        assert database.query("SELECT users, logins FROM shared_devices") == [(6, 6)]
    database.execute("UPDATE sharing_counted SET through = clock_timestamp()")
    assert sealing_function(make_record(user_id="seventh", device_id=DEVICE)) == []
    assert database.query("SELECT users, logins FROM shared_devices") == [(7, 7)]
    assert [row[1:] for row in database.query("SELECT id, action, salt_version, subject FROM audit.entries")] == [
        ("link", 1, "2"), ("link", 2, "3"), ("link", 2, "3"),
    ]  # fmt: skip


def test_link_refuses(loginpipe: CommandLine, database: Scratch, sealed: str, salt: SaltParameter) -> None:
    assert loginpipe("salt", "link", "1", "2", "--reason", "r", "--yes").code == 4, "there is no version 2"
    salt.rotate()
    assert loginpipe("salt", "link", "2", "1", "--reason", "r", "--yes").code == 2
    assert loginpipe("salt", "link", "1", "2", "--reason", "r", answer="n\n").code == 1
    assert (database.count("pseudonym_links"), database.count("audit.entries")) == (0, 0)


# ---- erasure --------------------------------------------------------------------------------------------------------


def erased(finished: Finished) -> Any:
    return {name: finished.data[name] for name in ("logins", "originals", "links", "dry_run")}


def test_forget(loginpipe: CommandLine, sealing_function: Function, database: Scratch, salt: SaltParameter) -> None:
    shared, own = "10.0.0.1", "10.0.0.2"
    logins = [
        ("gone", shared, "phone"), ("gone", own, "laptop"), ("stays", shared, "tablet"), ("stays", "10.0.0.3", "ours"),
        ("gone", "10.0.0.4", "ours"),
    ]  # fmt: skip
    assert sealing_function(*(make_record(user_id=u, ip=i, device_id=d) for u, i, d in logins)) == []
    words = ("forget", "--user-id", "gone", "--reason", "request 7")
    expected = {"logins": 3, "originals": 4, "links": 0}
    assert erased(loginpipe("--json", *words, "--dry-run")) == expected | {"dry_run": True}
    assert (database.count(), database.count("vault.originals"), database.count("audit.entries")) == (5, 8, 0)
    assert loginpipe(*words, answer="n\n").code == 1
    assert database.count() == 5
    assert erased(loginpipe("--json", *words, "--yes")) == expected | {"dry_run": False}
    assert database.rows() == [("stays",), ("stays",)]
    shared_by_others = [("ip", shared), ("device_id", "tablet"), ("ip", "10.0.0.3"), ("device_id", "ours")]
    assert originals(database) == sorted((pseudonym(salt, field, value),) for field, value in shared_by_others)
    ((subject, counted, reason),) = database.query("SELECT subject, counts, reason FROM audit.entries")
    assert (counted, reason) == (expected, "request 7")
    ((inner, outer),) = database.query("SELECT inner_pad, outer_pad FROM audit.person_key")
    key = bytes(byte ^ 0x36 for byte in bytes(inner)[:32])
    assert bytes(outer) == bytes(byte ^ 0x5C for byte in key.ljust(64, b"\0")), "both pads are of one key"
    assert subject == hmac.new(key, b"gone", hashlib.sha256).hexdigest()


def test_nothing_sealed_stays_of_a_month_that_was_archived_and_dropped(
    loginpipe: CommandLine, sealing_function: Function, database: Scratch, tmp_path: Path
) -> None:
    """An erasure finds a person's pseudonyms in the logins: after the drop it could not find them in the vault."""
    month, sent = months_ago(3)
    assert sealing_function(make_record(user_id="one", ip=IP, device_id=DEVICE, sent=sent)) == []
    assert len(originals(database)) == 2
    assert sealing_function(make_record(user_id="two", device_id="waits in the inbox", sent=sent)) == []
    assert sealing_function(make_record(user_id="three", ip=IP, device_id="another")) == []
    assert loginpipe("archive", "--month", month, str(tmp_path), "--drop", "--yes").code == 0
    ((masked_ip, masked_device),) = database.rows("masked_ip, masked_device_id")
    assert originals(database) == sorted([(masked_ip,), (masked_device,)])
    assert database.count("vault.inbox") == 0


def test_forget_removes_what_a_killed_archive_left_sealed(
    loginpipe: CommandLine, sealing_function: Function, database: Scratch
) -> None:
    """The month is dropped, and whoever did that was killed before its originals were removed."""
    month, sent = months_ago(3)
    assert sealing_function(make_record(user_id="gone", ip=IP, device_id=DEVICE, sent=sent)) == []
    assert len(originals(database)) == 2
    ((checksum,),) = database.query("SELECT line_checksum(login_line(l)) FROM user_logins l")
    drop = "SELECT drop_archived_logins(%s, 1, %s, 'archive', 'target', 'who', 'request', 'why')"
    database.execute(drop, f"{month}-01", checksum)
    assert (database.count(), database.count("vault.originals"), database.count("vault.orphaned")) == (0, 2, 1)
    loginpipe("forget", "--user-id", "gone", "--reason", "r", "--yes")
    assert [database.count(f"vault.{table}") for table in ("originals", "data_keys", "orphaned")] == [0, 0, 0]


def test_forget_counts_anew_whoever_was_archived(
    loginpipe: CommandLine, function: Function, database: Scratch, tmp_path: Path
) -> None:
    """What was counted before the month was dropped holds the person's pseudonyms."""
    month, sent = months_ago(3)
    assert function(*(make_record(user_id="gone", sent=sent) for _ in range(2))) == []
    assert loginpipe("upkeep").code == 0
    assert (database.count("counted_ips"), database.count("counted_devices")) == (1, 1)
    assert loginpipe("archive", "--month", month, str(tmp_path), "--drop", "--yes").code == 0
    loginpipe("forget", "--user-id", "gone", "--reason", "r", "--yes")
    assert (database.count("counted_ips"), database.count("counted_devices")) == (0, 0)


def test_forget_names_what_it_does_not_reach(
    loginpipe: CommandLine, function: Function, queues: Queues, tmp_path: Path
) -> None:
    queues.put("{}")
    queues.put("{}", dead=True)
    queues.put("{}", dead=True)
    assert function(make_record(user_id="gone")) == []
    target = tmp_path / "archives"
    kept = loginpipe("--json", "archive", "--month", NOON_DATE[:7], str(target)).data
    target.rename(tmp_path / "away")
    words = ("forget", "--user-id", "gone", "--reason", "r", "--yes")
    data = loginpipe("--json", *words).data
    assert [(each["url"], each["messages"]) for each in data["queues"]] == [
        (queues.url, 1), (queues.dead_letter_url, 2),
    ]  # fmt: skip
    assert [(each["archive"], each["target"], each["dropped"]) for each in data["archives"]] == [
        (kept["archive"], str(target), False),
    ]  # fmt: skip
    out = loginpipe(*words).out
    assert all(text in out for text in (queues.url, queues.dead_letter_url, str(target), kept["archive"]))


def test_forget_without_queues(loginpipe: CommandLine, function: Function, database: Scratch) -> None:
    """An erasure does not depend on SQS."""
    assert function(make_record(user_id="gone")) == []
    words = ("forget", "--user-id", "gone", "--reason", "r", "--yes")
    finished = loginpipe("--json", *words, QUEUE_URL="", DLQ_URL="http://127.0.0.1:9/gone")
    assert (finished.code, database.count()) == (0, 0)
    assert [each["messages"] for each in finished.data["queues"]] == [None, None]


def test_forget_links(
    loginpipe: CommandLine, sealing_function: Function, database: Scratch, salt: SaltParameter
) -> None:
    """Originals and links under the other salt go as well, unless somebody else has them."""
    assert sealing_function(make_record(user_id="gone", ip="10.0.0.1", device_id="own")) == []
    assert sealing_function(make_record(user_id="stays", ip="10.0.0.1", device_id="other")) == []
    salt.rotate()
    sealing_function.restart()
    assert sealing_function(make_record(user_id="gone", ip="10.0.0.1", device_id="own")) == []
    assert loginpipe("salt", "link", "1", "2", "--reason", "r", "--yes").code == 0
    assert database.count("pseudonym_links") == 3
    assert erased(loginpipe("--json", "forget", "--user-id", "gone", "--reason", "r", "--yes")) == {
        "logins": 2, "originals": 3, "links": 1, "dry_run": False,
    }  # fmt: skip
    held = {row[0] for row in originals(database)}
    named = "SELECT masked_ip FROM user_logins UNION SELECT masked_device_id FROM user_logins"
    assert held == {row[0] for row in database.query(named)}
    assert {row[0] for row in database.query("SELECT old FROM pseudonym_links")} <= held


def test_forgotten_can_come_back(loginpipe: CommandLine, sealing_function: Function, database: Scratch) -> None:
    """A login after the erasure is sealed again: nothing remembers that it once was."""
    assert sealing_function(make_record(user_id="gone", ip=IP)) == []
    assert loginpipe("forget", "--user-id", "gone", "--reason", "r", "--yes").code == 0
    assert originals(database) == []
    assert sealing_function(make_record(user_id="gone", ip=IP)) == []
    assert len(originals(database)) == 2


def test_forgotten_while_the_batch_waits(loginpipe: CommandLine, sealing_function: Function, database: Scratch) -> None:
    """What was sealed for a login that is gone by the time of the unfolding goes with it."""
    assert sealing_function(make_record(user_id="gone", ip=IP), make_record(ip="10.0.0.9", device_id="kept")) == []
    database.execute("DELETE FROM user_logins WHERE user_id = 'gone'")  # as an erasure in between
    named = "SELECT masked_ip FROM user_logins UNION SELECT masked_device_id FROM user_logins"
    assert originals(database) == sorted(database.query(named))


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


def test_forget_nobody(loginpipe: CommandLine) -> None:
    finished = loginpipe("--json", "forget", "--user-id", "nobody", "--reason", "r", "--dry-run")
    assert (finished.code, finished.data["logins"]) == (4, 0)
