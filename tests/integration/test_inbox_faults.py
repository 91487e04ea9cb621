"""Batches of the vault's inbox that cannot be unfolded are set aside and counted, and do not stop other batches."""

import pytest

from tests.scratch import Scratch

LOGIN = """
    INSERT INTO user_logins (event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip,
                             masked_device_id, app_version_name)
    VALUES (gen_random_uuid(), '2023-11-15', 1, 1, 'anna', 'd', 'ip', 'device', '0.0.1')
"""
BATCH = """
    INSERT INTO vault.inbox (salt_version, first_day, last_day, data_key, wrapped, public_key, pseudonyms, boxes)
    VALUES (1, '2023-11-15', '2023-11-15', gen_random_uuid(), '', '', %s, %s)
"""
FORGET = "SELECT FROM forget_user('anna', 'who', 'request', 'why')"
FAULTS = {
    "no Base64": ("ip,device", "***,AAAA", "22023"),
    "a box less": ("ip,device", "AAAA", "22000"),
    "a box more": ("ip", "AAAA,AAAA", "22000"),
    "no boxes": ("ip", "", "22000"),
}


@pytest.fixture
def vault(database: Scratch) -> Scratch:
    """A database with one login."""
    database.execute(LOGIN)
    return database


@pytest.mark.parametrize("fault", FAULTS)
def test_batch_that_cannot_be_unfolded_is_set_aside(vault: Scratch, fault: str) -> None:
    *batch, state = FAULTS[fault]
    vault.execute(BATCH, *batch)
    vault.execute(BATCH, "ip,device", "AAAA,BBBB")
    assert vault.query("SELECT vault.unfold(10)") == [(2,)]
    assert (vault.count("vault.inbox"), vault.count("vault.originals")) == (0, 2)
    assert vault.rows("reason, batch ->> 'boxes'", "vault.inbox_faults") == [(state, batch[1])]
    assert vault.query("SELECT vault.count_faults()") == [(1,)]


def test_batch_of_several_days_is_unfolded_whole(vault: Scratch) -> None:
    vault.execute(LOGIN.replace("2023-11-15", "2023-11-17").replace("'ip', 'device'", "'later ip', 'device'"))
    vault.execute(BATCH.replace("'2023-11-15', gen", "'2023-11-17', gen"), "ip,later ip", "AAAA,BBBB")
    assert vault.query("SELECT vault.unfold(10)") == [(2,)]
    assert vault.rows("pseudonym", "vault.originals") == [("ip",), ("later ip",)]


def test_erasure_takes_all_links_to_the_same_original(vault: Scratch) -> None:
    """The erasure also deletes links of salt versions under which the person has no login any more."""
    link = "INSERT INTO pseudonym_links (old, new, old_version, new_version) VALUES (%s, 'newest ip', %s, 3)"
    vault.execute(link, "ip", 1)
    vault.execute(link, "second ip", 2)
    vault.execute(FORGET)
    assert vault.count("pseudonym_links") == 0


def test_batch_that_was_corrected_can_be_put_back(vault: Scratch) -> None:
    vault.execute(BATCH, "ip,device", "AAAA")
    vault.execute("SELECT vault.unfold(10)")
    vault.execute("UPDATE vault.inbox_faults SET batch = jsonb_set(batch, '{boxes}', '\"AAAA,BBBB\"')")
    vault.execute(
        "WITH back AS (DELETE FROM vault.inbox_faults RETURNING batch) "
        "INSERT INTO vault.inbox SELECT i.* FROM back, jsonb_populate_record(NULL::vault.inbox, batch) AS i"
    )
    assert vault.query("SELECT vault.unfold(10)") == [(2,)]
    assert vault.rows("pseudonym, encode(sealed, 'base64')", "vault.originals") == [("device", "BBBB"), ("ip", "AAAA")]
    assert vault.query("SELECT vault.count_faults()") == [(0,)]


def test_erasure_takes_the_batches_that_name_the_person(vault: Scratch) -> None:
    for pseudonyms in ("other,device", "other"):
        vault.execute(BATCH, pseudonyms, "AAAA,AAAA,AAAA")
    vault.execute("SELECT vault.unfold(10)")
    vault.execute(FORGET)
    assert vault.rows("batch ->> 'pseudonyms'", "vault.inbox_faults") == [("other",)]


@pytest.mark.parametrize(("month", "left"), [("2023-11-01", 1), ("2023-12-01", 0)])
def test_retention_takes_old_batches(vault: Scratch, month: str, left: int) -> None:
    vault.execute(BATCH, "ip", "***")
    vault.execute("SELECT vault.unfold(10)")
    vault.execute("SELECT drop_old_logins(%s, false, 'who', 'request', 'why')", month)
    assert vault.count("vault.inbox_faults") == left
