"""The normal form of an ip, and what is none."""

import ipaddress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambda_src.normal_forms import normal_ip
from tests.support import make_record
from tests.unit.outcomes import assert_as_expected, login_of, reject_of

hypothesis_quick = settings(max_examples=150, deadline=None)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("199.172.111.135", "199.172.111.135"),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104
        ("255.255.255.255", "255.255.255.255"),
        ("127.0.0.1", "127.0.0.1"),
        ("239.1.2.3", "239.1.2.3"),
        ("241.9.8.7", "241.9.8.7"),
        ("::", "::"),
        ("::1", "::1"),
        ("2001:DB8::A", "2001:db8::a"),
        ("2001:0db8:0000:0000:0000:0000:0000:000a", "2001:db8::a"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8::192.168.0.1", "2001:db8::c0a8:1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::FFFF:0102:0304", "1.2.3.4"),
        ("0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"),
        ("::1.2.3.4", "::102:304"),
        ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
        ("fe80::1", "fe80::1"),
    ],
)
def test_normal_form_of_ip(text: str, normal: str) -> None:
    assert login_of(ip=text).body.ip == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "1.2.3.-4",
        "1.2.3.04",
        "01.2.3.4",
        "1.2.3.0x4",
        "1..3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4\n",
        "1.2.3.4/32",
        "1.2.3.4:80",
        "16909060",
        "0x01020304",
        "١.٢.٣.٤",
        "1.2.3.４",
        "1。2。3。4",
        ":::",
        "1::2::3",
        "12345::",
        "2001:db8::1/64",
        "[::1]",
        "::1\n",
        " ::1",
        "fe80::1%eth0",
        "fe80::1%",
        "::ffff:1.2.3.4%1",
        "::ffff:1.2.3.04",
        "::ffff:1.2.3.256",
        "localhost",
        "1.2.3.4" * 1000,
    ],
)
def test_ip_that_is_none(text: str) -> None:
    assert reject_of(ip=text) == ("invalid_ip", "ip")


@hypothesis_quick
@given(st.ip_addresses(v=4))
def test_all_spellings_of_an_ipv4_are_one(address: ipaddress.IPv4Address) -> None:
    low, high = int(address) & 0xFFFF, int(address) >> 16
    spellings = (f"{address}", f"::ffff:{address}", f"::FFFF:{high:x}:{low:x}", f"0:0:0:0:0:ffff:{high:04X}:{low:04x}")
    assert {normal_ip(text) for text in spellings} == {str(address)}


@hypothesis_quick
@given(st.ip_addresses(v=6), st.booleans())
def test_all_spellings_of_an_ipv6_are_one(address: ipaddress.IPv6Address, upper: bool) -> None:
    for text in (address.compressed, address.exploded):
        assert normal_ip(text.upper() if upper else text) == str(address.ipv4_mapped or address)


@hypothesis_quick
@given(st.text(alphabet="0123456789abcfF.:%/ x\n٣", max_size=24))
@example("1.2.3.4")
@example("::ffff:127.0.0.1")
def test_ip_of_any_text(text: str) -> None:
    assert_as_expected(make_record(ip=text))
