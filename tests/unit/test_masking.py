"""Pseudonyms against the standard library's HMAC and against fixed vectors."""

import hashlib
import hmac

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambda_src.contract import parse_records
from lambda_src.masking import Salt, mask_device_ids, mask_ips, mask_logins
from tests.oracle import is_storable, pseudonym
from tests.support import make_record

# Computed with `printf 'ip\0199.172.111.135' | openssl dgst -sha256 -mac HMAC -macopt hexkey:…` and its like.
SHORT = bytes(range(32))
LONG = b"\xaa" * 131  # RFC 4231's: longer than a block, so that it is hashed first
VECTORS = [
    (SHORT, "ip", "199.172.111.135", "61aaf25c82f9162ffb0b2ba7fbc3e3b9460cef9c1c36aea5441af2c967bea2d3"),
    (SHORT, "device_id", "593-47-5928", "b59d0ef6ed549c7cc046c31bf1121e9c8d19c54bcc1d499e18342e59bc0eba0a"),
    (LONG, "ip", "2001:db8::a", "c7f55ab7ee945b76c4ea21a3080e79c10925d3a3a6bf09ee78fe31c4265f9882"),
    (LONG, "device_id", "Gerät 7", "6b9f1bb38ce32f39012bb386293dff78ffbd75a0be6f12b0a4b87e3e677a6065"),
]
MASKS = {"ip": mask_ips, "device_id": mask_device_ids}


@pytest.mark.parametrize(("key", "field", "value", "expected"), VECTORS)
def test_pseudonym_by_known_vectors(key: bytes, field: str, value: str, expected: str) -> None:
    assert MASKS[field]([value], Salt(key, 1)) == [expected]


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), st.sampled_from(["ip", "device_id"]), st.text().filter(is_storable))
@example(b"k" * 63, "ip", "x")
@example(b"k" * 64, "ip", "x")
@example(b"k" * 65, "ip", "x")
def test_pseudonym_is_the_hmac_of_the_standard_library(key: bytes, field: str, value: str) -> None:
    (masked,) = MASKS[field]([value], Salt(key, 1))
    assert masked == hmac.digest(key, field.encode() + b"\0" + value.encode(), hashlib.sha256).hex()
    assert masked == pseudonym(field, value, key)


def test_salt_serves_many_values() -> None:
    salt = Salt(bytes(32), 1)
    first, other, again = mask_ips(["1.2.3.4", "1.2.3.5", "1.2.3.4"], salt)
    assert first == again != other
    assert mask_ips(["1.2.3.4"], salt) == [first]


def test_same_text_in_both_fields_has_two_pseudonyms() -> None:
    salt = Salt(bytes(32), 1)
    assert mask_ips(["1.2.3.4"], salt) != mask_device_ids(["1.2.3.4"], salt)


def test_rows_hold_pseudonyms_and_no_original() -> None:
    records = [make_record(ip="198.51.100.77", device_id="canary-device"), make_record(ip="::1", device_id="canary 2")]
    logins, _ = parse_records(records)
    rows = mask_logins(logins, Salt(b"k" * 32, 5))
    assert rows.salt_versions == ["5", "5"]
    assert rows.masked_ips == [pseudonym("ip", ip, b"k" * 32) for ip in ("198.51.100.77", "::1")]
    assert rows.masked_device_ids == [pseudonym("device_id", text, b"k" * 32) for text in ("canary-device", "canary 2")]
    assert "198.51.100.77" not in repr(rows)
    assert "canary" not in repr(rows)


def test_salt_shows_its_version_only() -> None:
    assert repr(Salt(b"very secret" * 3, 4)) == "Salt(version=4)"
