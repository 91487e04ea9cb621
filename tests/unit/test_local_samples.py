"""The files in events/."""

import ipaddress
import json
from pathlib import Path

import pytest

from lambda_src.contract import FIELDS
from local.generator import generate_logins
from local.samples import write_samples

EVENTS = Path(__file__).parents[2] / "events"
DOCUMENTATION = [ipaddress.ip_network(text) for text in ("192.0.2.0/24", "2001:db8::/32")]


def test_committed_files_are_what_the_command_writes(tmp_path: Path) -> None:
    paths = write_samples(tmp_path)
    assert {path.name for path in paths} == {path.name for path in EVENTS.iterdir()}
    for path in paths:
        assert path.read_text(encoding="utf-8") == (EVENTS / path.name).read_text(encoding="utf-8")


def test_addresses_of_the_valid_ones_belong_to_nobody() -> None:
    for record in json.loads((EVENTS / "valid.json").read_text(encoding="utf-8"))["Records"]:
        address = ipaddress.ip_address(json.loads(record["body"])["ip"])
        assert any(address in network for network in DOCUMENTATION) or not address.is_global


def test_added_optional_field_leaves_the_files_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added = FIELDS["locale"]._replace(name="an_added_field")
    monkeypatch.setitem(FIELDS, added.name, added)
    monkeypatch.setattr(
        "local.samples.generate_logins",
        lambda count: ({**login, added.name: "a value"} for login in generate_logins(count)),
    )
    assert b"added_field" not in b"".join(path.read_bytes() for path in write_samples(tmp_path))
