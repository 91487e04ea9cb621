"""Synthetic events: what they are like, and that the contract sees them as announced."""

import ipaddress
import random
from collections import Counter
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from lambda_src.contract import FIELDS
from lambda_src.fields import Field, read_fields
from lambda_src.normal_forms import app_version_code, normal_ip
from lambda_src.rejects import Reason, Reject
from local import generator
from local.bodies import SPOILERS, generate_bodies
from local.generator import SHAPED, UNUSUAL_RANGES, generate_logins, make_value
from tests.support import make_record
from tests.unit.outcomes import records_of

COUNT = 5000


def test_same_seed_gives_the_same_events() -> None:
    assert list(generate_logins(50, seed=1)) == list(generate_logins(50, seed=1))
    assert list(generate_logins(50, seed=1)) != list(generate_logins(50, seed=2))


def test_events_are_shaped_like_real_traffic() -> None:
    logins = list(generate_logins(COUNT))
    addresses = [ipaddress.ip_address(str(login["ip"])) for login in logins]
    unusual = sum(any(address in network for network in UNUSUAL_RANGES) for address in addresses)
    assert sum(login["locale"] is None for login in logins) / COUNT == pytest.approx(0.29, abs=0.03)
    assert unusual / COUNT == pytest.approx(0.16, abs=0.03)
    assert {address.version for address in addresses} == {4, 6}
    assert {str(login["app_version"]).count(".") for login in logins} == {1, 2}


@pytest.mark.parametrize("field", ["device_id", "ip"])
def test_few_values_come_back_often_and_most_never(field: str) -> None:
    counts = Counter(login[field] for login in generate_logins(COUNT))
    assert counts.most_common(1)[0][1] > COUNT / 100
    assert sum(count == 1 for count in counts.values()) > len(counts) / 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bodies_are_rejected_for_the_announced_reason(seed: int) -> None:
    bodies = generate_bodies(400, seed, bad=40)
    assert len(bodies) == 400
    assert {body.reason for body in bodies} == {None, *SPOILERS}
    for body in bodies:
        (record,) = records_of(make_record(body.text))
        assert (record.reason if isinstance(record, Reject) else None) == body.reason


def test_every_reason_that_a_body_gives_can_be_generated() -> None:
    of_attributes = {Reason.INVALID_TIMESTAMP, Reason.INVALID_EVENT_ID}
    of_envelopes = {Reason.INVALID_ENVELOPE, Reason.ENVELOPED}
    of_integers = {Reason.OUT_OF_RANGE}  # of which the contract has none by itself
    assert SPOILERS.keys() == set(Reason) - of_attributes - of_integers - of_envelopes - {
        Reason.DATABASE,
        Reason.UNEXPECTED,
    }


class Added(msgspec.Struct):
    """Lines as they may be added to the table."""

    text: str
    empty: Annotated[str, Meta(max_length=0)]
    short: Annotated[str, Meta(max_length=2)]
    long: Annotated[str, Meta(min_length=40, max_length=50)]
    masked: Annotated[str, Meta(extra={"masked": True})]
    proxy_ip: Annotated[str, Meta(extra={"masked": True, "normal": normal_ip})]
    version: Annotated[str, Meta(extra={"code": app_version_code})]
    whole: int
    limited: Annotated[int, Meta(ge=5, le=7)]
    negative: Annotated[int, Meta(le=-3)]
    large: Annotated[int, Meta(ge=2_147_483_647)]
    truth: bool
    optional: Annotated[str, Meta(min_length=1)] | None = None


@pytest.mark.parametrize("field", read_fields(Added).values(), ids=lambda field: field.name)
def test_value_of_a_field_that_only_the_table_knows_is_valid(field: Field) -> None:
    source = random.Random(1)  # noqa: S311  not for secrets
    for _ in range(50):
        value: Any = make_value(field, source)
        assert [type(value)] == [field.kind]
        assert field.smallest <= (len(value) if isinstance(value, str) else value) <= field.largest
        for check in (field.normal, field.code):
            assert check is None or check(value) is not None


def test_added_fields_are_generated_and_leave_the_others_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [{name: login[name] for name in SHAPED} for login in generate_logins(50)]
    monkeypatch.setattr(generator, "OTHERS", list(read_fields(Added).values()))
    after = list(generate_logins(50))
    assert [{name: login[name] for name in SHAPED} for login in after] == before
    assert all(login.keys() == {*SHAPED, *Added.__struct_fields__} for login in after)
    assert {type(login["optional"]) for login in after} == {str, type(None)}


def test_every_field_of_the_table_is_generated() -> None:
    assert all(login.keys() >= FIELDS.keys() for login in generate_logins(20))


@pytest.mark.parametrize(("count", "bad", "valid"), [(0, 0, 0), (5, 9, 0), (5, 0, 5)])
def test_counts_are_kept(count: int, bad: int, valid: int) -> None:
    bodies = generate_bodies(count, bad=bad)
    assert len(bodies) == count
    assert sum(body.reason is None for body in bodies) == valid
