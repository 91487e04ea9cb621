"""What the oracle knows of single values. Shares no code with `lambda_src`."""

import ipaddress
from collections.abc import Callable


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that `text` stands for; raises ValueError."""
    if "%" in text:
        raise ValueError("scope")
    found = ipaddress.ip_address(text)
    if isinstance(found, ipaddress.IPv6Address) and found.packed.startswith(bytes(10) + b"\xff\xff"):
        return ipaddress.IPv4Address(found.packed[12:])
    return found


def version_code(text: str) -> int:
    """The integer of an app_version; raises ValueError."""
    parts: list[str] = []
    rest = text
    while len(parts) < 3:
        digits = ""
        while rest[len(digits) : len(digits) + 1] in set("0123456789"):
            digits += rest[len(digits)]
        if not digits:
            break
        parts.append(digits)
        rest = rest[len(digits) :]
        if rest[:1] != ".":
            break
        rest = rest[1:]
    if not parts:
        raise ValueError("no number")
    major, minor, patch = [int(part) for part in [*parts, "0", "0"][:3]]
    code = major * 1_000_000 + minor * 1_000 + patch
    if minor > 999 or patch > 999 or code > 2_147_483_647:
        raise ValueError("too large")
    return code


def is_storable(text: str) -> bool:
    """Whether Postgres can hold it: no NUL, no lone surrogate."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


FORMS: dict[str, Callable[[str], object]] = {"ip": address, "app_version": version_code}
