"""`python -m tests.security.audit LOCK…` asks the package registry for known vulnerabilities of what is locked."""

import argparse
import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pip._internal.models.index import PyPI  # the registry's address, as pip knows it

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
SECONDS = 20


class Registry:
    """The JSON interface of the package registry, which holds the advisories of OSV for each release."""

    def __init__(self, url: str) -> None:
        """Takes the address before `/NAME/json`."""
        self._url = url
        self._context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))

    def find_vulnerabilities(self, name: str, version: str) -> list[dict[str, Any]] | None:
        """The advisories for a release; None where the registry does not know them."""
        release = self._get(f"{name}/{version}")
        if release is None:  # mirrors do not always have this page; that of the newest release will do for it
            release = self._get(name)
            if release is None or release["info"]["version"] != version:
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


def read_locks(paths: Iterable[Path]) -> list[tuple[str, str]]:
    """Names and versions in lock files, each once."""
    return sorted({pin for path in paths for pin in PINNED.findall(path.read_text(encoding="utf-8"))})


def audit(pins: list[tuple[str, str]], registry: Registry, ignored: set[str]) -> tuple[list[str], list[str]]:
    """Lines that say what is vulnerable, and what the registry knows nothing of."""
    vulnerable, unknown = [], []
    for name, version in pins:
        advisories = registry.find_vulnerabilities(name, version)
        if advisories is None:
            unknown.append(f"{name} {version}")
        for advisory in advisories or ():
            ids = {advisory["id"], *advisory.get("aliases", ())}
            if not ids & ignored:
                fixes = ", ".join(advisory.get("fixed_in") or ()) or "no release"
                vulnerable.append(f"{name} {version}: {', '.join(sorted(ids))}; fixed in {fixes}")
    return vulnerable, unknown


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.security.audit",
        description="Asks the package registry for known vulnerabilities of the locked packages. Fails where there is "
        "one, or where the registry knows nothing of any package.",
    )
    parser.add_argument("locks", nargs="+", type=Path, metavar="LOCK", help="lock files with name==version lines")
    parser.add_argument("--url", default=PyPI.pypi_url, help="the registry's JSON interface, before /NAME/json")
    parser.add_argument("--ignore", action="append", default=[], metavar="ID", help="an advisory that does not matter")
    options = parser.parse_args()
    pins = read_locks(options.locks)
    try:
        vulnerable, unknown = audit(pins, Registry(options.url), set(options.ignore))
    except OSError as error:
        sys.stderr.write(f"audit: the package registry cannot be asked: {error}\n")
        return 1
    for line in vulnerable:
        sys.stdout.write(f"VULNERABLE {line}\n")
    if unknown:
        sys.stdout.write(f"the registry does not say: {', '.join(unknown)}\n")
    known = len(pins) - len(unknown)
    sys.stdout.write(f"{known} of {len(pins)} packages looked up, {len(vulnerable)} known vulnerabilities\n")
    return int(bool(vulnerable) or not known)


if __name__ == "__main__":
    sys.exit(main())
