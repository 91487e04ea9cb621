"""Fields added by a line each and one migration: every part of the pipeline treats them as it treats all others."""

from pathlib import Path
from typing import Any

from tests.fields.wider_tree import Tree
from tests.ops.months import months_ago
from tests.ops.queues import Queues
from tests.oracle import Rule, expect, pseudonym
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import ABSENT, RULES, Record, make_record

ADDED = {
    "added_text": Rule(smallest=1, largest=32, required=False),
    "added_masked": Rule(smallest=1, largest=64, required=False, masked=True),
    "added_count": Rule(int, 0, 2_147_483_647, required=False),
}
TEXT, MASKED, COUNT = "ünï\\code\t1", "A-1\\ é", 7
VALUES = {"added_text": TEXT, "added_masked": MASKED, "added_count": COUNT}
COLUMNS = ("added_text", "masked_added_masked", "added_count")
REASON = ("--reason", "request 7")


def make_wider(user: str, **changes: Any) -> Record:
    """A record with a value in each added field; `changes` replace some."""
    return make_record(user_id=user, **{**VALUES, **changes})


def added(database: Scratch) -> dict[str, tuple[Any, ...]]:
    """The added columns of each login, by user."""
    rows = database.query(f"SELECT user_id, {', '.join(COLUMNS)} FROM user_logins")
    assert len(rows) == len({user for user, *_ in rows}), "a user with two logins"
    return {user: tuple(cells) for user, *cells in rows}


def stored(salt: SaltParameter, text: str | None, masked: str | None, count: int | None) -> tuple[Any, ...]:
    """The added columns of a login with these values, computed without the function."""
    return text, None if masked is None else pseudonym("added_masked", masked, salt.key), count


def originals(database: Scratch) -> set[str]:
    """The pseudonyms whose originals the vault holds, unfolded."""
    database.execute("SELECT vault.unfold(1000)")
    return {name for (name,) in database.query("SELECT pseudonym FROM vault.originals")}


# ---- the function ---------------------------------------------------------------------------------------------------


def test_values_arrive_once_and_bad_ones_are_rejects(migrated: Tree, database: Scratch, salt: SaltParameter) -> None:
    good = [
        make_wider("all"),
        make_wider("null", added_text=None, added_masked=None, added_count=None),
        make_wider("absent", added_text=ABSENT, added_masked=ABSENT, added_count=ABSENT),
        make_wider("limits", added_text="x" * 32, added_masked="y" * 64, added_count=2_147_483_647),
        make_wider("smallest", added_text="x", added_masked="\\N", added_count=0),
    ]
    bad = [
        make_wider("bad", **change)
        for change in ({"added_count": -1}, {"added_count": 2**31}, {"added_count": 1.0}, {"added_count": True},
                       {"added_text": ""}, {"added_text": "x" * 33}, {"added_text": 5},
                       {"added_masked": "y" * 65}, {"added_masked": "\0"})
    ]  # fmt: skip
    for _ in range(2):
        assert migrated.write(*good, *bad) == []
    wanted = [expect(record, salt.key, salt.version, RULES | ADDED).row or {} for record in good]
    assert database.rows(", ".join(wanted[0])) == sorted((tuple(row.values()) for row in wanted), key=repr)
    assert added(database)["all"] == stored(salt, TEXT, MASKED, COUNT)
    rejects = dict(database.query("SELECT message_id, reason || ' ' || field FROM rejected_logins"))
    for record in bad:
        reason, _, field = rejects[record["messageId"]].partition(" ")
        assert (reason, field) in expect(record, salt.key, salt.version, RULES | ADDED).faults
    assert len(rejects) == len(bad)


def test_previous_function_on_the_new_schema(
    before: Tree, migrated: Tree, database: Scratch, salt: SaltParameter
) -> None:
    known, ahead = make_record(user_id="known"), make_wider("ahead")
    assert before.write(known, ahead) == []
    assert added(database) == {"known": (None, None, None), "ahead": (None, None, None)}
    # Deliveries of the same events to the next function find their rows, and both write side by side.
    assert migrated.write(known, ahead, make_wider("next")) == []
    assert before.write(known, ahead) == []
    assert added(database) == {
        "known": (None, None, None),
        "ahead": (None, None, None),
        "next": stored(salt, TEXT, MASKED, COUNT),
    }


def test_dead_letter_from_before_the_field(
    before: Tree, wider_root: Path, database: Scratch, salt: SaltParameter, queues: Queues
) -> None:
    database.execute("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'no' USING ERRCODE = '22023';
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION refuse()
    """)
    assert before.write(make_record(user_id="known"), make_wider("ahead")) == []
    assert (database.count(), queues.count(dead=True)) == (0, 2)
    database.execute("DROP TRIGGER refuse ON user_logins")
    wider = Tree(wider_root, before.variables)
    wider.run("lambda_src.migrate")
    assert [row["reason"] for row in wider("dlq", "list")] == ["database", "database"]
    assert wider("dlq", "redrive")["sent"] == 2
    wider.run("ops", "worker", "--once", "--batch-size", "10", "--window", "0", "--poll", "1")
    assert added(database) == {"known": (None, None, None), "ahead": stored(salt, TEXT, MASKED, COUNT)}


# ---- pseudonyms -----------------------------------------------------------------------------------------------------


def test_mask_lookup_and_recover(migrated: Tree, database: Scratch, salt: SaltParameter) -> None:
    assert migrated.write(make_wider("one"), make_wider("two"), make_wider("other", added_masked="B")) == []
    masked = pseudonym("added_masked", MASKED, salt.key)
    assert migrated("mask", "added-masked", MASKED, "--reason", "r")["pseudonym"] == masked
    found = migrated("lookup", "--added-masked", MASKED, "--reason", "r")
    assert [each["pseudonym"] for each in found["pseudonyms"]] == [masked]
    assert (found["total"], found["users"]) == (2, 2)
    assert {(each["user_id"], each["added_text"], each["added_count"]) for each in found["logins"]} == {
        (user, TEXT, COUNT) for user in ("one", "two")
    }
    assert "masked_added_masked" not in found["logins"][0]
    basis = ("--basis", "consent", *REASON)
    recovered = migrated("recover", "--added-masked", masked, *basis)
    assert (recovered["field"], recovered["original"]) == ("added_masked", MASKED)
    # It is no pseudonym of another field, and the other fields' are none of this one.
    assert "pseudonym of a added_masked" in migrated.run("ops", "recover", "--ip", masked, *basis, code=1).stderr
    assert "--added-masked" in migrated.run("ops", "lookup", "--help").stdout


def test_links_over_a_rotation(migrated: Tree, database: Scratch, salt: SaltParameter) -> None:
    assert migrated.write(make_wider("old"), make_wider("none", added_masked=None)) == []
    old = pseudonym("added_masked", MASKED, salt.key)
    salt.rotate()
    new = pseudonym("added_masked", MASKED, salt.key)
    assert migrated.write(make_wider("new")) == []
    migrated("salt", "link", "1", "2", "--reason", "rotation", "--yes")
    assert (old, new) in database.query("SELECT old, new FROM pseudonym_links")
    linked = database.query("SELECT user_id, masked_added_masked, added_text, added_count FROM linked_logins")
    assert sorted(linked) == [
        ("new", new, TEXT, COUNT),
        ("none", None, TEXT, COUNT),
        ("old", new, TEXT, COUNT),
    ]


# ---- archives -------------------------------------------------------------------------------------------------------


def test_archive_restore_and_forget(migrated: Tree, database: Scratch, salt: SaltParameter, tmp_path: Path) -> None:
    month, sent = months_ago(3)
    users = ("gone", "stays")
    assert migrated.write(*(make_wider(user, sent=sent, added_masked=user, device_id=user) for user in users)) == []
    whole = database.rows("to_jsonb(l) - 'written_at'", "user_logins l")
    migrated("archive", "--month", month, str(tmp_path), "--drop", "--yes")
    assert database.count() == 0
    assert migrated("archive", "--month", month, str(tmp_path), "--restore")["written"] == 2
    assert database.rows("to_jsonb(l) - 'written_at'", "user_logins l") == whole
    migrated("forget", "--user-id", "gone", *REASON, "--yes")
    migrated("archive", "--month", month, str(tmp_path), "--restore")
    assert added(database) == {"stays": stored(salt, TEXT, "stays", COUNT)}


def test_archive_from_before_the_field(
    before: Tree, wider_root: Path, database: Scratch, salt: SaltParameter, tmp_path: Path
) -> None:
    month, sent = months_ago(3)
    assert before.write(make_record(user_id="old", sent=sent), make_record(user_id="gone", sent=sent)) == []
    whole = database.rows("to_jsonb(l) - 'written_at'", "user_logins l")
    before("archive", "--month", month, str(tmp_path), "--drop", "--yes")
    wider = Tree(wider_root, before.variables)
    wider.run("lambda_src.migrate")
    assert wider("archive", "--month", month, str(tmp_path), "--restore")["written"] == 2
    without_added = " - ".join(["to_jsonb(l)", "'written_at'", *(f"'{column}'" for column in COLUMNS)])
    assert database.rows(without_added, "user_logins l") == whole
    assert added(database) == {"old": (None, None, None), "gone": (None, None, None)}
    # From now on it is a month like any other.
    assert wider.write(make_wider("late", sent=sent)) == []
    wider("forget", "--user-id", "gone", *REASON, "--yes")
    wider("archive", "--month", month, str(tmp_path), "--drop", "--yes")
    wider("archive", "--month", month, str(tmp_path), "--restore")
    assert added(database) == {"old": (None, None, None), "late": stored(salt, TEXT, MASKED, COUNT)}


# ---- erasure and age ------------------------------------------------------------------------------------------------


def test_forget_takes_what_nobody_shares(migrated: Tree, database: Scratch, salt: SaltParameter) -> None:
    logins = [("gone", "own"), ("gone2", "shared"), ("stays", "shared")]
    assert migrated.write(*(make_wider(user, added_masked=value) for user, value in logins)) == []
    own, shared = (pseudonym("added_masked", value, salt.key) for value in ("own", "shared"))
    assert {own, shared} < originals(database)
    migrated("forget", "--user-id", "gone2", *REASON, "--yes")
    assert {own, shared} < originals(database)
    migrated("forget", "--user-id", "gone", *REASON, "--yes")
    left = originals(database)
    assert own not in left
    assert shared in left
    assert added(database).keys() == {"stays"}


def test_retention_and_upkeep(migrated: Tree, database: Scratch, salt: SaltParameter) -> None:
    (_, old), (_, now) = months_ago(4), months_ago(0)
    records = [
        make_wider("old", sent=old, added_masked="old"),
        make_wider("shared", sent=old, added_masked="shared"),
        make_wider("new", sent=now, added_masked="shared", ip="10.0.0.2", device_id="other"),
    ]
    assert migrated.write(*records) == []
    first, shared = (pseudonym("added_masked", value, salt.key) for value in ("old", "shared"))
    migrated("upkeep")  # what only an added column names is no orphan
    assert database.count("vault.inbox") == 0
    assert {first, shared} < originals(database)
    migrated("retention", "--months", "2", "--yes")
    assert added(database) == {"new": stored(salt, TEXT, "shared", COUNT)}
    left = originals(database)
    assert first not in left
    assert shared in left


# ---- doctor ---------------------------------------------------------------------------------------------------------


def test_doctor_knows_the_migration(before: Tree, wider_root: Path) -> None:
    wider = Tree(wider_root, before.variables)
    asked = [before("doctor"), wider("doctor", code=3)]
    wider.run("lambda_src.migrate")
    asked.append(wider("doctor"))
    first, missing, last = ({(each["check"], each["status"]) for each in findings} for findings in asked)
    assert first == last
    assert first != missing
