"""`python -m tests.security.audit LOCK…` asks the package registry for known vulnerabilities of what is locked."""

import argparse
import json
import os
import re
import ssl
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from pip._internal.models.index import PyPI  # the registry's address, as pip knows it

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
SECONDS = 20


class AuditError(Exception):
    """The audit cannot start: the message says what to correct."""


class Pin(NamedTuple):
    """A package and the version that a lock names."""

    name: str
    version: str

    def __str__(self) -> str:
        """As locks write it."""
        return f"{self.name}=={self.version}"


class Registry:
    """The JSON interface of the package registry, which holds the advisories of OSV for each release."""

    def __init__(self, url: str) -> None:
        """Takes the address before `/NAME/json`."""
        self._url = url
        self._context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))

    def find_vulnerabilities(self, pin: Pin) -> list[dict[str, Any]] | None:
        """The advisories for a release; None where the registry does not know them."""
        release = self._get(f"{pin.name}/{pin.version}")
        if release is None:  # a mirror may have a page of the newest release only
            release = self._get(pin.name)
            if release is None or release["info"]["version"] != pin.version:
                return None
        found: list[dict[str, Any]] | None = release.get("vulnerabilities")
        return None if found is None else [advisory for advisory in found if not advisory.get("withdrawn")]

    def _get(self, path: str) -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(  # noqa: S310  the address is the registry's
                f"{self._url}/{path}/json", timeout=SECONDS, context=self._context
            ) as answer:
                page: dict[str, Any] = json.load(answer)
                return page
        except urllib.error.HTTPError as error:
            with error:
                if error.code == HTTPStatus.NOT_FOUND:
                    return None
            raise


def read_locks(paths: Iterable[Path]) -> list[Pin]:
    """Names and versions in lock files, each once."""
    return sorted({Pin(*found) for path in paths for found in PINNED.findall(path.read_text(encoding="utf-8"))})


def parse_exceptions(text: str) -> dict[Pin, str]:
    """The reason of each pin that may be unknown, from TOML; raise AuditError where one has no reason."""
    try:
        entries = tomllib.loads(text).get("exception", [])
    except tomllib.TOMLDecodeError as error:
        raise AuditError(f"the exception list is not TOML: {error}") from None
    exceptions = {}
    for entry in entries:
        reason, packages = entry.get("reason", ""), entry.get("packages", [])
        if not isinstance(reason, str) or not reason.strip() or not packages:
            raise AuditError("each exception needs a `reason` and a list of `packages`")
        for package in packages:
            found = PINNED.fullmatch(package)
            if found is None:
                raise AuditError(f"an exception names a package as name==version, not as {package!r}")
            exceptions[Pin(*found.groups())] = reason
    return exceptions


def audit(pins: Iterable[Pin], registry: Registry, ignored: set[str]) -> tuple[list[str], list[Pin]]:
    """Lines that say what is vulnerable, and the pins that the registry does not know."""
    vulnerable, unknown = [], []
    for pin in pins:
        advisories = registry.find_vulnerabilities(pin)
        if advisories is None:
            unknown.append(pin)
        for advisory in advisories or ():
            ids = {advisory["id"], *advisory.get("aliases", ())}
            if not ids & ignored:
                fixes = ", ".join(advisory.get("fixed_in") or ()) or "no release"
                vulnerable.append(f"{pin}: {', '.join(sorted(ids))}; fixed in {fixes}")
    return vulnerable, unknown


def report(deployed: list[Pin], tools: list[Pin], registry: Registry, ignored: set[str], excepted: set[Pin]) -> int:
    """Print what was found; return the exit code."""
    pins = sorted({*deployed, *tools})
    vulnerable, unknown = audit(pins, registry, ignored)
    refused = [pin for pin in unknown if pin in deployed and pin not in excepted]
    lines = [f"VULNERABLE {line}" for line in vulnerable]
    lines += [f"UNKNOWN {pin}: it is deployed, and no exception names it" for pin in refused]
    for title, found in (
        ("unknown, with an exception", [pin for pin in unknown if pin in deployed and pin in excepted]),
        ("unknown, not deployed", [pin for pin in unknown if pin not in deployed]),
    ):
        lines += [f"{title}: {', '.join(map(str, found))}"] if found else []
    known = len(pins) - len(unknown)
    lines.append(f"{known} of {len(pins)} packages looked up, {len(vulnerable)} known vulnerabilities")
    sys.stdout.write("\n".join(lines) + "\n")
    return int(bool(vulnerable or refused) or not known)


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.security.audit",
        description="Asks the package registry for known vulnerabilities of the locked packages. Fails where there is "
        "one, where the registry does not know a deployed package that no exception names, and where it knows none.",
    )
    parser.add_argument("locks", nargs="+", type=Path, metavar="LOCK", help="locks of what is deployed")
    parser.add_argument("--tools", action="append", default=[], type=Path, metavar="LOCK", help="a lock of tools")
    parser.add_argument("--exceptions", type=Path, help="TOML: what the registry need not know, with reasons")
    parser.add_argument("--url", default=PyPI.pypi_url, help="the registry's JSON interface, before /NAME/json")
    parser.add_argument("--ignore", action="append", default=[], metavar="ID", help="an advisory that does not matter")
    options = parser.parse_args()
    try:
        excepted = set(parse_exceptions(options.exceptions.read_text(encoding="utf-8")) if options.exceptions else ())
        deployed, tools = read_locks(options.locks), read_locks(options.tools)
        return report(deployed, tools, Registry(options.url), set(options.ignore), excepted)
    except AuditError as error:
        sys.stderr.write(f"audit: {error}\n")
    except OSError as error:
        sys.stderr.write(f"audit: the package registry cannot be asked: {error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
