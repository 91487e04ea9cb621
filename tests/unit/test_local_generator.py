"""Synthetic events: what they are like, and that the contract sees them as announced."""

import ipaddress
from collections import Counter

import pytest

from lambda_src.contract import Reason, parse_records
from local.generator import SPOILERS, UNUSUAL_RANGES, generate_bodies, generate_logins
from tests.support import make_record

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
        _, rejects = parse_records([make_record(body.text)])
        assert [reject.reason for reject in rejects] == ([body.reason] if body.reason else [])


def test_every_reason_that_the_contract_gives_can_be_generated() -> None:
    assert SPOILERS.keys() == set(Reason) - {Reason.DATABASE, Reason.UNEXPECTED}


@pytest.mark.parametrize(("count", "bad", "valid"), [(0, 0, 0), (5, 9, 0), (5, 0, 5)])
def test_counts_are_kept(count: int, bad: int, valid: int) -> None:
    bodies = generate_bodies(count, bad=bad)
    assert len(bodies) == count
    assert sum(body.reason is None for body in bodies) == valid
