"""Tests the content of the bundle, that a second build gives the same bytes, and that its code can be imported."""

import ast
import json
import platform
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra import bundle as bundling
from infra.bundle import MAX_BYTES, PLATFORMS, SERVICES, BundleError, build, database_certificates
from infra.python import python313
from local.emulator import ARCHITECTURES

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = ARCHITECTURES[platform.machine().lower()]
ELF_MACHINES = {"arm64": 0xB7, "x86_64": 0x3E}


@pytest.fixture(scope="module", params=list(PLATFORMS))
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    return request.param, build(request.param, tmp_path_factory.mktemp("bundle"))


def files_of(bundle: Path) -> Iterator[tuple[str, int, int, bytes]]:
    for path in sorted(bundle.rglob("*")):
        status = path.stat()
        content = path.read_bytes() if path.is_file() else b""
        yield str(path.relative_to(bundle)), status.st_mode, int(status.st_mtime), content


def test_bundle_is_the_same_byte_for_byte(bundle: tuple[str, Path], tmp_path: Path) -> None:
    arch, first = bundle
    second = build(arch, tmp_path)
    assert second != first
    assert second.name == first.name
    assert list(files_of(second)) == list(files_of(first))
    assert list(tmp_path.iterdir()) == [second], "nothing half-built is left"


def test_bundle_is_small(bundle: tuple[str, Path]) -> None:
    assert sum(len(content) for *_, content in files_of(bundle[1])) < MAX_BYTES == 35_000_000


def test_bundle_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "MAX_BYTES", 10_000_000)
    with pytest.raises(BundleError, match="the limit is 10,000,000"):
        build(HERE, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_bundle_is_made_anew_for_other_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(_arch: str, target: Path, _requirements: Path) -> None:
        for library in ("boto3", "botocore"):
            (target / library / "data").mkdir(parents=True)

    monkeypatch.setattr(bundling, "_install", install)
    names = set()
    for certificates in ("old", "new"):
        monkeypatch.setattr(bundling, "database_certificates", lambda pem=certificates: (pem, "a package"))
        bundle = build(HERE, tmp_path)
        assert (bundle / "database-ca.pem").read_text(encoding="ascii") == certificates
        names.add(bundle.name)
    assert len(names) == 2


def test_bundle_holds_what_runs_and_not_what_makes_it(bundle: tuple[str, Path]) -> None:
    names = {name for name, *_ in files_of(bundle[1])}
    source = {str(path.relative_to(ROOT)) for path in (ROOT / "lambda_src").rglob("*.py")}
    migrations = {str(path.relative_to(ROOT)) for path in (ROOT / "lambda_src" / "migrations").rglob("*.sql")}
    assert source | migrations | {"database-ca.pem"} <= names
    assert not [name for name in names if name.endswith(("requirements.in", "requirements.txt", "RECORD"))]
    assert all((bundle[1] / "botocore" / "data" / service).is_dir() for service in SERVICES)


def test_bundle_is_for_its_platform(bundle: tuple[str, Path]) -> None:
    arch, directory = bundle
    libraries = [path for path in directory.rglob("*.so*") if path.is_file()]
    assert libraries
    for library in libraries:
        header = library.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert int.from_bytes(header[18:20], "little") == ELF_MACHINES[arch], library.name


def test_wheel_without_a_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("jmespath==1.0.1\n", encoding="utf-8")
    monkeypatch.setattr(bundling, "REQUIREMENTS", lock)
    with pytest.raises(BundleError, match="must have a hash"):
        build(HERE, tmp_path / "bundles")


def test_service_models_cover_every_client_of_the_function() -> None:
    used = set()
    for path in (ROOT / "lambda_src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "client":
                service = node.args[0]
                assert isinstance(service, ast.Constant), f"{path}: name the service as a literal"
                used.add(service.value)
    assert used <= SERVICES, "infra/bundle.py strips what is not in SERVICES"


def test_certificates_are_amazons_for_rds_and_its_proxy() -> None:
    pem, origin = database_certificates()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem)
    certificates: Any = context.get_ca_certs()
    subjects = [dict(pair for (pair,) in certificate["subject"]) for certificate in certificates]
    names = {subject.get("commonName") for subject in subjects}
    assert origin in pem
    assert "Amazon RDS eu-central-1 Root CA RSA2048 G1" in names
    assert "Amazon RDS us-east-1 Root CA RSA2048 G1" in names
    assert "Amazon Root CA 1" in names, "RDS Proxy's certificates come from here"
    assert context.cert_store_stats()["x509"] > 100


@pytest.mark.skipif(python313() is None, reason="no Python 3.13 here: the bundle has no bytecode and does not run")
def test_bundle_is_imported_from_its_bytecode_alone() -> None:
    """Every import comes from the bundle or the standard library, through a valid pyc file. A token can be signed."""
    directory = build(HERE)
    program = """
import sys
bundle = sys.argv[1]
sys.path[:] = [bundle, *[entry for entry in sys.path if "site-packages" not in entry]]
sys.dont_write_bytecode = True
import importlib.util, json, os
os.environ.update(AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b", AWS_REGION="eu-central-1")
import lambda_src.handler, lambda_src.provision, lambda_src.salt_removal
import boto3
token = boto3.client("rds", region_name="eu-central-1").generate_db_auth_token("h", 5432, "ingest")
boto3.client("ssm", region_name="eu-central-1"), boto3.client("sqs", region_name="eu-central-1")
stale = []
for module in list(sys.modules.values()):
    path = getattr(module, "__file__", None) or ""
    if path.startswith(bundle) and path.endswith(".py"):
        with open(importlib.util.cache_from_source(path), "rb") as file:
            header = file.read(8)
        if header[:4] != importlib.util.MAGIC_NUMBER or header[4:] != b"\\x01\\0\\0\\0":
            stale.append(path)
outside = [m.__name__ for m in list(sys.modules.values()) if "site-packages" in (getattr(m, "__file__", None) or "")]
print(json.dumps({"token": token[:24], "stale": stale, "outside": outside, "modules": len(sys.modules)}))
"""
    python = python313()
    assert python is not None
    finished = subprocess.run(
        [python, "-I", "-c", program, str(directory)], capture_output=True, text=True, check=False, cwd="/"
    )
    assert finished.returncode == 0, finished.stderr
    answer = json.loads(finished.stdout)
    assert answer["token"].startswith("h:5432/?Action=connect")
    assert answer["stale"] == answer["outside"] == []
    assert answer["modules"] > 300
