"""Pseudonyms against the standard library's HMAC and against fixed vectors."""

import hashlib
import hmac

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambda_src.contract import MASKED, normal_form
from lambda_src.masking import Row, Salt, mask_login
from lambda_src.parsing import parse_event
from lambda_src.records import make_records
from lambda_src.sqs import make_event
from tests.oracle import pseudonym
from tests.oracle_values import is_storable
from tests.support import make_record
from tests.unit.outcomes import as_outcome

# Computed with `printf 'ip\0199.172.111.135' | openssl dgst -sha256 -mac HMAC -macopt hexkey:…` and its like.
SHORT = bytes(range(32))
LONG = b"\xaa" * 131  # RFC 4231's: longer than a block, so that it is hashed first
VECTORS = [
    (SHORT, "ip", "199.172.111.135", "61aaf25c82f9162ffb0b2ba7fbc3e3b9460cef9c1c36aea5441af2c967bea2d3"),
    (SHORT, "device_id", "593-47-5928", "b59d0ef6ed549c7cc046c31bf1121e9c8d19c54bcc1d499e18342e59bc0eba0a"),
    (LONG, "ip", "2001:db8::a", "c7f55ab7ee945b76c4ea21a3080e79c10925d3a3a6bf09ee78fe31c4265f9882"),
    (LONG, "device_id", "Gerät 7", "6b9f1bb38ce32f39012bb386293dff78ffbd75a0be6f12b0a4b87e3e677a6065"),
]


@pytest.mark.parametrize(("key", "field", "value", "expected"), VECTORS)
def test_pseudonym_by_known_vectors(key: bytes, field: str, value: str, expected: str) -> None:
    assert Salt(key, 1).mask(field, value) == expected


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), st.sampled_from(MASKED), st.text().filter(is_storable))
@example(b"k" * 63, "ip", "x")
@example(b"k" * 64, "ip", "x")
@example(b"k" * 65, "ip", "x")
def test_pseudonym_is_the_hmac_of_the_standard_library(key: bytes, field: str, value: str) -> None:
    masked = Salt(key, 1).mask(field, value)
    assert masked == hmac.digest(key, field.encode() + b"\0" + value.encode(), hashlib.sha256).hex()
    assert masked == pseudonym(field, value, key)


def test_salt_serves_many_values() -> None:
    salt = Salt(bytes(32), 1)
    first, other, again = [salt.mask("ip", text) for text in ("1.2.3.4", "1.2.3.5", "1.2.3.4")]
    assert first == again != other


def test_same_text_in_two_fields_has_two_pseudonyms() -> None:
    salt = Salt(bytes(32), 1)
    assert len({salt.mask(field, "1.2.3.4") for field in MASKED}) == len(MASKED)


def test_rows_hold_pseudonyms_and_no_original() -> None:
    key = b"k" * 32
    for ip, device_id in (("198.51.100.77", "canary-device"), ("::1", "canary 2")):
        (row,) = make_records([make_event(make_record(ip=ip, device_id=device_id))], Salt(key, 5))
        assert isinstance(row, Row)
        assert row.salt_version == 5
        cells = as_outcome(row)
        assert isinstance(cells, dict)
        assert cells["salt_version"] == "5"
        assert cells["masked_ip"] == pseudonym("ip", ip, key)
        assert cells["masked_device_id"] == pseudonym("device_id", device_id, key)
        assert "\t" + ip + "\t" not in row.line
        assert "canary" not in repr(row)
        assert "198.51.100.77" not in repr(row)


def test_what_is_sealed_is_what_the_pseudonym_is_made_of() -> None:
    key = b"k" * 32
    login = parse_event(make_event(make_record(ip="::ffff:1.2.3.4", device_id="tablet\\7")))
    row = mask_login(login, Salt(key, 5), lambda message, pseudonym: f"box of {message!r} for {pseudonym}")
    sealed = dict(row.sealed)
    for field, value in (("ip", "1.2.3.4"), ("device_id", "tablet\\7")):
        masked = pseudonym(field, value, key)
        message = f"{field}\0{value}"
        assert masked == hmac.new(key, message.encode(), hashlib.sha256).hexdigest()
        assert sealed[masked] == f"box of {message!r} for {masked}"
    assert mask_login(login, Salt(key, 5)).sealed == ()


def test_salt_shows_its_version_only() -> None:
    assert repr(Salt(b"very secret" * 3, 4)) == "Salt(version=4)"


def test_normal_form_of_a_masked_field() -> None:
    assert normal_form("ip", "2001:DB8::A") == "2001:db8::a"
    assert normal_form("device_id", "ABC") == "ABC"


def test_fingerprint_of_a_salt_stays_what_databases_have_stored() -> None:
    assert Salt(bytes(32), 1).fingerprint == hmac.digest(bytes(32), b"salt fingerprint", "sha256").hex()
