"""What each role may do with the vault and the audit entries, and what it may not."""

from typing import Any

import psycopg2
import pytest

from tests.ops.vault import originals
from tests.scratch import Scratch

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
    """An entry that is not committed opens nothing, because its writer could roll it back."""
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
    # A link that stopped in the middle leaves answers. An erasure removes them too.
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
