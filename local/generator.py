"""Generates synthetic logins with the distribution of real traffic. The same seed gives the same logins."""

import random
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeVar

from lambda_src.contract import FIELDS
from lambda_src.fields import Field
from lambda_src.normal_forms import app_version_code, normal_ip

Value = str | int | bool | None
Login = dict[str, Value]
T = TypeVar("T")

NULL_LOCALES = 0.29
NULL_VALUES = 0.2  # of an optional field that is not in SHAPED
MOST_VALUES = 1000  # of such a field: number of different integers
LETTERS = 12  # of such a field: length of a text
UNUSUAL_ADDRESSES = 0.16
IPV6_ADDRESSES = 0.12
TWO_PART_VERSIONS = 0.55
RETURNING_DEVICES = 0.35
NEW_USERS_ON_OLD_DEVICES = 0.05
NEW_ADDRESSES = 0.30  # of a returning device
SHARED_ADDRESSES = 0.15  # of new addresses: offices, carriers
TAIL = 3.0  # the larger it is, the more often the same few return

LOCALES = ("CN", "ID", "RU", "FR", "PT", "PH", "BR", "PL", "SE", "US", "JP", "VN", "CZ", "DE", "KR", "PA", "UA", "AR")
DEVICE_TYPES = ("android", "ios")
IPV4 = 4
# Multicast, reserved, loopback, private, shared and link-local ranges. Real traffic has all of them.
UNUSUAL_RANGES: tuple[IPv4Network | IPv6Network, ...] = (
    *(IPv4Network(text) for text in ("224.0.0.0/4", "240.0.0.0/4", "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12")),
    *(IPv4Network(text) for text in ("192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "0.0.0.0/8")),
    *(IPv6Network(text) for text in ("fe80::/64", "fd00::/8", "ff02::/16", "::/120")),
)
_UNUSUAL_NUMBERS = [
    (int(network.network_address), int(network.netmask)) for network in UNUSUAL_RANGES if network.version == IPV4
]
USUAL_IPV6 = IPv6Network("2001:db8::/32")  # RFC 3849

# The fields with the distribution of real traffic. All others get values that their line in the table allows.
SHAPED = {"user_id", "app_version", "device_type", "ip", "locale", "device_id"}
OTHERS = [field for name, field in FIELDS.items() if name not in SHAPED]


@dataclass(frozen=True)
class _Device:
    device_id: str
    device_type: str
    locale: str
    users: list[str]
    addresses: list[str]


def generate_logins(count: int, seed: int = 1) -> Iterator[Login]:
    """Yield `count` valid logins. A few devices and addresses return very often, most of them never."""
    source = random.Random(seed)  # noqa: S311  not for secrets
    # They have their own source, so a new field does not change the values of all others.
    other_source = random.Random(seed)  # noqa: S311
    devices: list[_Device] = []
    addresses: list[str] = []
    for _ in range(count):
        if devices and source.random() < RETURNING_DEVICES:
            device = _favourite(source, devices)
            if source.random() < NEW_USERS_ON_OLD_DEVICES:
                device.users.append(_uuid(source))
        else:
            device = _new_device(source)
            devices.append(device)
        login: Login = {
            "user_id": _favourite(source, device.users),
            "app_version": _version(source),
            "device_type": device.device_type,
            "ip": _address(source, device, addresses),
            "locale": None if source.random() < NULL_LOCALES else device.locale,
            "device_id": device.device_id,
        }
        yield login | {field.name: _optional_value(field, other_source) for field in OTHERS}


def make_value(field: Field, source: random.Random) -> Value:
    """Return a valid value of a field, from its line in the table.

    It knows the normal form of an address and the code of a version. Any other normal form must accept every text.
    """
    if field.normal is normal_ip:
        return _usual_ipv4(source)
    if field.code is app_version_code:
        return _version(source)
    if field.kind is bool:
        return source.random() < 0.5  # noqa: PLR2004  true and false are equally likely
    if field.kind is int:
        smallest = int(max(field.smallest, min(field.largest, 0)))
        return source.randint(smallest, int(min(field.largest, smallest + MOST_VALUES - 1)))
    length = int(min(max(field.smallest, LETTERS), field.largest))
    return "".join(source.choices(string.ascii_lowercase, k=length))


def _optional_value(field: Field, source: random.Random) -> Value:
    return None if not field.required and source.random() < NULL_VALUES else make_value(field, source)


def _new_device(source: random.Random) -> _Device:
    digits = str(source.randrange(900_000_000, 10**9))  # no social security number begins with a 9
    return _Device(
        device_id=f"{digits[:3]}-{digits[3:5]}-{digits[5:]}",
        device_type=source.choice(DEVICE_TYPES),
        locale=_favourite(source, LOCALES),
        users=[_uuid(source)],
        addresses=[],
    )


def _address(source: random.Random, device: _Device, seen: list[str]) -> str:
    if source.random() < UNUSUAL_ADDRESSES:
        return _address_in(source, source.choice(UNUSUAL_RANGES))
    if device.addresses and source.random() > NEW_ADDRESSES:
        return source.choice(device.addresses)
    if seen and source.random() < SHARED_ADDRESSES:
        address = _favourite(source, seen)
    elif source.random() < IPV6_ADDRESSES:
        address = _address_in(source, USUAL_IPV6)
    else:
        address = _usual_ipv4(source)
    device.addresses.append(address)
    seen.append(address)
    return address


def _usual_ipv4(source: random.Random) -> str:
    while True:
        number = source.getrandbits(32)
        if not any(number & mask == network for network, mask in _UNUSUAL_NUMBERS):
            return str(IPv4Address(number))


def _address_in(source: random.Random, network: IPv4Network | IPv6Network) -> str:
    offset = source.getrandbits(network.max_prefixlen - network.prefixlen)
    if isinstance(network, IPv4Network):
        return str(network.network_address + offset)
    address: IPv6Address = network.network_address + offset
    # Clients write the same address in several ways.
    return source.choice((str, lambda value: value.exploded, lambda value: str(value).upper()))(address)


def _version(source: random.Random) -> str:
    if source.random() < TWO_PART_VERSIONS:
        return f"{source.randrange(10)}.{source.randrange(100)}"
    return f"{source.randrange(7)}.{source.randrange(10)}.{source.randrange(10)}"


def _uuid(source: random.Random) -> str:
    """Return a UUID of version 4, in a third of the time that class UUID takes."""
    number = source.getrandbits(128) & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x4000 << 64 | 0x8000 << 48
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _favourite(source: random.Random, items: Sequence[T]) -> T:
    """Return one of the items, the first ones far more often than the last."""
    return items[int(len(items) * source.random() ** TAIL)]
