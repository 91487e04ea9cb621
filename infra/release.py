"""Packs the bundles and bills of materials of a release into build/release: `python -m infra.release vX.Y.Z`."""

import argparse
import hashlib
import re
import shutil
import sys
import zipfile
from pathlib import Path

from infra.bundle import PLATFORMS, BundleError, build
from ops import __version__

ROOT = Path(__file__).resolve().parent.parent
BILLS = ROOT / "build" / "sbom"
TARGET = ROOT / "build" / "release"
MIGRATIONS = ROOT / "lambda_src" / "migrations"
RECORD = ROOT / "infra" / "released-migrations.txt"
TIME = (1980, 1, 1, 0, 0, 0)  # the earliest in a zip file


class ReleaseError(Exception):
    """The release cannot be made: the message says what to correct."""


def check_tag(tag: str, version: str, changes: str) -> None:
    """Raise ReleaseError unless the tag and the text of CHANGELOG.md name this version."""
    if tag != f"v{version}":
        raise ReleaseError(f"the tag is {tag!r}, and the project has the version {version}: it must be 'v{version}'")
    if re.search(rf"^## \[{re.escape(version)}\]", changes, re.MULTILINE) is None:
        raise ReleaseError(f"CHANGELOG.md has no section [{version}]")


def check_migrations(record: str, migrations: Path) -> None:
    """Raise ReleaseError unless the record has the checksum of each numbered migration as it is.

    A database that has had a migration refuses another text of it: what is released stays as it is.
    """
    lines = [line.split("  ") for line in record.splitlines() if not line.startswith("#")]
    recorded = {name: checksum for checksum, name in lines}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in migrations.glob("[0-9]*.sql")}
    if changed := sorted(name for name in recorded if found.get(name) != recorded[name]):
        raise ReleaseError(f"{', '.join(changed)}: released before, and changed or gone since. Add a new migration")
    if missing := sorted(found.keys() - recorded.keys()):
        to_add = "\n".join(f"{found[name]}  {name}" for name in missing)
        raise ReleaseError(f"record the new migrations in {RECORD.name}, from now on they never change:\n{to_add}")


def pack(bundle: Path, archive: Path) -> None:
    """Write a bundle's files as a zip file; the same files give the same bytes."""
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(bundle.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(bundle).as_posix(), TIME)
                entry.external_attr = 0o100644 << 16
                packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def main() -> None:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.release", description="Packs a release.")
    parser.add_argument("tag", help="the release's tag, such as v1.2.3")
    try:
        changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
        check_tag(parser.parse_args().tag, __version__, changes)
        check_migrations(RECORD.read_text(encoding="utf-8"), MIGRATIONS)
        shutil.rmtree(TARGET, ignore_errors=True)
        TARGET.mkdir(parents=True)
        for arch in PLATFORMS:
            for vault in (False, True):
                name = f"login-pipeline-{__version__}-{arch}{'-vault' if vault else ''}.zip"
                pack(build(arch, vault=vault), TARGET / name)
        for bill in sorted(BILLS.glob("*.cdx.json")):
            shutil.copy(bill, TARGET)
    except (BundleError, ReleaseError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
