"""The audit finds what a registry says, against a registry of the test's own."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.security.audit import Registry, audit, main, read_locks

ROOT = Path(__file__).resolve().parent.parent.parent
LOCKS = sorted(
    path
    for folder in ("", "lambda_src", "ops", "tests/fuzz", "tests/security")
    for path in (ROOT / folder).glob("*requirements.txt")
)
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
        (("good", "1.0"), 0, 0),
        (("bad", "1.0"), 1, 0),
        (("newest", "2.0"), 1, 0),  # from the page of the newest release
        (("newest", "1.9"), 0, 1),
        (("nowhere", "1.0"), 0, 1),
    ],
)
def test_package(url: str, pin: tuple[str, str], vulnerable: int, unknown: int) -> None:
    found, not_known = audit([pin], Registry(url), set())
    assert (len(found), len(not_known)) == (vulnerable, unknown)


def test_advisory_that_is_ignored(url: str) -> None:
    assert audit([("bad", "1.0")], Registry(url), {"CVE-1"}) == ([], [])


@pytest.mark.parametrize(("lock", "code"), [("good==1.0 \\\n", 0), ("good==1.0\nbad==1.0\n", 1), ("nowhere==1\n", 1)])
def test_exit_code(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: str, code: int) -> None:
    path = tmp_path / "lock.txt"
    path.write_text(lock)
    monkeypatch.setattr("sys.argv", ["audit", str(path), "--url", url])
    assert main() == code


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.parent.name)
def test_lock_is_hashed_and_names_no_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    entries = re.findall(r"^\S+==.*(?:\n    .*)+", text, re.MULTILINE)
    assert len({entry.split(" ")[0] for entry in entries}) == len(read_locks([path])) > 0
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
