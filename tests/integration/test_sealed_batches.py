"""With the vault on, written rows have boxes, and other rows have none."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.chaos.proxy import Cut, PostgresProxy, Rule, Step
from tests.function import Function
from tests.integration.batches import assert_settled, ids, make_ordered, make_refusable, refuse, refuse_early
from tests.oracle import pseudonym
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import Record, make_record

ADDRESSES = "198.51.100."


@pytest.fixture
def sealing(function: Function, monkeypatch: pytest.MonkeyPatch) -> Function:
    """The function with the vault on."""
    public = rsa.generate_private_key(65_537, 2048).public_key()
    text = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    monkeypatch.setenv("VAULT_PUBLIC_KEY", base64.b64encode(text).decode())
    return function


def make_addressed(count: int, special: dict[int, dict[str, Any]]) -> list[Record]:
    """Returns ordered records, each with its own address and device."""
    own = {place: {"ip": f"{ADDRESSES}{place}", "device_id": f"device {place}"} for place in range(count)}
    return make_ordered(count, {place: fields | special.get(place, {}) for place, fields in own.items()})


def sealed_pseudonyms(database: Scratch) -> set[str]:
    """Returns the pseudonyms that have a box in the inbox."""
    return {name for (names,) in database.rows("pseudonyms", "vault.inbox") for name in names.split(",")}


def expected_pseudonyms(salt: SaltParameter, places: set[int]) -> set[str]:
    """Returns the pseudonyms of the records at `places`."""
    return {
        pseudonym(name, value, salt.key)
        for place in places
        for name, value in (("ip", f"{ADDRESSES}{place}"), ("device_id", f"device {place}"))
    }


@pytest.mark.parametrize("refusing", [refuse, refuse_early], ids=["user_logins refuses", "the staging table refuses"])
def test_refused_rows_leave_no_box(sealing: Function, database: Scratch, salt: SaltParameter, refusing: Any) -> None:
    refusing(database)
    bad = {0, 7, 120, 149}
    records = make_addressed(150, {place: {"locale": "ZZ"} for place in bad})
    good = [record for place, record in enumerate(records) if place not in bad]
    assert_settled(sealing, database, good, [records[place] for place in sorted(bad)])
    assert sealed_pseudonyms(database) == expected_pseudonyms(salt, set(range(150)) - bad)


def test_rejects_and_duplicates_beside_sealed_rows(sealing: Function, database: Scratch, salt: SaltParameter) -> None:
    records = make_addressed(20, {})
    invalid = make_record("{")
    assert sealing(*records[:5]) == []
    assert sealing(*records, invalid) == [invalid["messageId"]]
    assert database.count() == 20
    assert sealed_pseudonyms(database) == expected_pseudonyms(salt, set(range(20)))
    boxes = database.count("vault.inbox")
    assert sealing(*records, invalid) == [invalid["messageId"]]
    assert database.count("vault.inbox") == boxes  # Nothing was written, so there is nothing to seal.


def test_all_rows_are_refused(sealing: Function, database: Scratch) -> None:
    refuse(database)
    _, bad = make_refusable(9, set(range(9)))
    assert_settled(sealing, database, [], bad)
    assert database.count("vault.inbox") == 0


@pytest.mark.parametrize("step", [Step.DATA_END, Step.COMMIT])
def test_connection_breaks_for_good(
    sealing: Function, database: Scratch, salt: SaltParameter, proxy: PostgresProxy, step: Step
) -> None:
    """A box exists if and only if its row exists."""
    proxy.arm(Rule(step, Cut.BEFORE, times=100))
    records = make_addressed(10, {})
    assert sealing(*records) == ids(records)
    assert (database.count(), database.count("vault.inbox")) == (0, 0)
    proxy.arm(Rule(step, Cut.ANSWERED))
    assert sealing(*records) == []
    assert database.count() == 10
    assert sealed_pseudonyms(database) == expected_pseudonyms(salt, set(range(10)))
