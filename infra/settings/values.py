"""Readers for the values of the CDK context, one for each kind; each raises ValueError."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import field
from typing import Any

# RFC 1918, and RFC 6598, which VPNs use.
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
PRIVATE_RANGE = "a private range of IPv4 addresses, such as 10.1.0.0/16"


def text(pattern: str, meaning: str) -> Callable[[object], str]:
    """Return the reader of texts that match the whole pattern."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(meaning)
        return value

    return read


def number(low: int, high: int) -> Callable[[object], int]:
    """Return the reader of whole numbers within the bounds."""

    def read(value: object) -> int:
        given = str(value)
        if not re.fullmatch(r"[0-9]{1,9}", given) or not low <= int(given) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(given)

    return read


def flag(value: object) -> bool:
    """Read true or false."""
    given = str(value).lower()
    if given not in {"true", "false"}:
        raise ValueError("true or false")
    return given == "true"


def capacity(value: object) -> float:
    """Read Aurora capacity units."""
    lowest, highest = 0.5, 256
    given = str(value)
    if not re.fullmatch(r"\d{1,3}(\.[05])?", given) or not lowest <= float(given) <= highest:
        raise ValueError(f"Aurora capacity units from {lowest} to {highest}, in steps of 0.5")
    return float(given)


def ids(pattern: str, meaning: str) -> Callable[[object], tuple[str, ...]]:
    """Return the reader of lists, or of texts with commas between, whose items match the whole pattern."""

    def read(value: object) -> tuple[str, ...]:
        items = value if isinstance(value, list) else str(value).split(",")
        if not items or not all(isinstance(item, str) and re.fullmatch(pattern, item) for item in items):
            raise ValueError(meaning)
        return tuple(items)

    return read


def private_range(value: object) -> str:
    """Read a private IPv4 range."""
    try:
        network = ipaddress.IPv4Network(str(value))
    except ValueError:
        raise ValueError(PRIVATE_RANGE) from None
    if not any(network.subnet_of(ipaddress.IPv4Network(private)) for private in PRIVATE):
        raise ValueError(PRIVATE_RANGE)
    return str(network)


HOST = r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}"
NAME = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
SECURITY_GROUP = text(r"sg-([0-9a-f]{8}|[0-9a-f]{17})", "a security group's id, such as sg-0123456789abcdef0")


def setting(read: Callable[[object], object], meaning: str, *, default: object) -> Any:  # noqa: ANN401 (as dataclasses.field)
    """Return the field of one context key, with its reader and its line in the documentation."""
    return field(default=default, metadata={"read": read, "meaning": meaning})
