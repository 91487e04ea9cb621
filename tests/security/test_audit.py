"""The audit finds what a registry says, against a registry of the test's own."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.security.audit import AuditError, Pin, Registry, audit, main, parse_exceptions, read_locks

ROOT = Path(__file__).resolve().parent.parent.parent
ADVISORY = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fixed_in": ["1.1"], "withdrawn": None}
PAGES = {
    "/bad/1.0": {"info": {"version": "1.0"}, "vulnerabilities": [ADVISORY]},
    "/good/1.0": {"info": {"version": "1.0"}, "vulnerabilities": [{**ADVISORY, "withdrawn": "2024-01-01"}]},
    "/newest": {"info": {"version": "2.0"}, "vulnerabilities": [ADVISORY]},
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = PAGES.get(self.path.removesuffix("/json"))
            self.send_response(200 if page else 404)
            self.end_headers()
            self.wfile.write(json.dumps(page).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("pin", "vulnerable", "unknown"),
    [
        (Pin("good", "1.0"), 0, 0),
        (Pin("bad", "1.0"), 1, 0),
        (Pin("newest", "2.0"), 1, 0),  # from the page of the newest release
        (Pin("newest", "1.9"), 0, 1),
        (Pin("nowhere", "1.0"), 0, 1),
    ],
)
def test_package(url: str, pin: Pin, vulnerable: int, unknown: int) -> None:
    found, not_known = audit([pin], Registry(url), set())
    assert (len(found), len(not_known)) == (vulnerable, unknown)


def test_advisory_that_is_ignored(url: str) -> None:
    assert audit([Pin("bad", "1.0")], Registry(url), {"CVE-1"}) == ([], [])


GOOD = "good==1.0 \\\n"
UNKNOWN = GOOD + "newest==1.9\n"
EXCEPTION = '[[exception]]\nreason = "the mirror has no page of it"\npackages = ["newest==1.9"]\n'


@pytest.mark.parametrize(
    ("files", "code", "says"),
    [
        ((GOOD, "", ""), 0, "1 of 1 packages looked up"),
        ((GOOD + "bad==1.0\n", "", ""), 1, "VULNERABLE bad==1.0"),
        ((GOOD, "bad==1.0\n", ""), 1, "VULNERABLE bad==1.0"),
        ((UNKNOWN, "", ""), 1, "UNKNOWN newest==1.9"),
        ((UNKNOWN, "", EXCEPTION), 0, "unknown, with an exception: newest==1.9"),
        ((UNKNOWN, "", EXCEPTION.replace("1.9", "1.8")), 1, "UNKNOWN newest==1.9"),
        ((UNKNOWN, UNKNOWN, ""), 1, "UNKNOWN newest==1.9"),
        ((GOOD, UNKNOWN, ""), 0, "unknown, not deployed: newest==1.9"),
        ((GOOD + "bad==1.0\n", "", EXCEPTION.replace("newest==1.9", "bad==1.0")), 1, "VULNERABLE bad==1.0"),
        (("newest==1.9\n", "", EXCEPTION), 1, "0 of 1 packages looked up"),
    ],
    ids=[
        "known",
        "vulnerable",
        "vulnerable-tool",
        "unknown",
        "excepted",
        "other-version-excepted",
        "also-a-tool",
        "unknown-tool",
        "vulnerable-and-excepted",
        "nothing-known",
    ],
)
def test_exit_code(
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    files: tuple[str, str, str],
    code: int,
    says: str,
) -> None:
    for name, text in zip(("deployed.txt", "tools.txt", "exceptions.toml"), files, strict=True):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "sys.argv",
        ["audit", "deployed.txt", "--tools", "tools.txt", "--exceptions", "exceptions.toml", "--url", url],
    )
    assert main() == code
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        '[[exception]]\npackages = ["newest==1.9"]\n',
        '[[exception]]\nreason = " "\npackages = ["newest==1.9"]\n',
        '[[exception]]\nreason = "no package"\n',
        '[[exception]]\nreason = "no version"\npackages = ["newest"]\n',
        "[[exception",
    ],
    ids=["no-reason", "blank-reason", "no-package", "no-version", "no-toml"],
)
def test_exception_is_refused_unless_it_is_whole(text: str) -> None:
    with pytest.raises(AuditError):
        parse_exceptions(text)


def test_exceptions_name_only_what_is_deployed() -> None:
    """An exception of a version that is no longer locked is out of date."""
    text = (ROOT / "tests/security/audit-exceptions.toml").read_text(encoding="utf-8")
    locks = ("lambda_src/requirements.txt", "lambda_src/vault.txt", "ops/requirements.txt")
    deployed = read_locks(ROOT / lock for lock in locks)
    assert set(parse_exceptions(text)) <= set(deployed)
