"""What the function makes of an answer of SSM that is none, from an endpoint in this process."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lambda_src.errors import SaltError
from lambda_src.salt import REFRESH_SECONDS, SaltCache

PARAMETER = "/test/salt"
VALUE = base64.b64encode(bytes(range(32))).decode()
GOOD = json.dumps({"Parameter": {"Value": VALUE, "Version": 7}}).encode()
# What a proxy, a broken emulator or a failing SSM may say with the status 200.
MALFORMED = {
    "empty object": b"{}",
    "nothing": b"",
    "an array": b"[]",
    "deep nesting": b"[" * 100_000,
    "a page": b"<html>busy</html>",
    "no UTF-8": b'{"Parameter": {"Value": "\xff"}}',
    "cut off": GOOD[:-9],
    "no parameter": b'{"Parameter": null}',
    "a list of parameters": b'{"Parameter": []}',
    "an empty parameter": b'{"Parameter": {}}',
    "no value": b'{"Parameter": {"Version": 7}}',
    "null as value": b'{"Parameter": {"Value": null, "Version": 7}}',
    "a number as value": b'{"Parameter": {"Value": 12345678, "Version": 7}}',
    "no version": json.dumps({"Parameter": {"Value": VALUE}}).encode(),
    "a text as version": json.dumps({"Parameter": {"Value": VALUE, "Version": "7"}}).encode(),
    "a fraction as version": json.dumps({"Parameter": {"Value": VALUE, "Version": 7.5}}).encode(),
    "true as version": json.dumps({"Parameter": {"Value": VALUE, "Version": True}}).encode(),
    "zero as version": json.dumps({"Parameter": {"Value": VALUE, "Version": 0}}).encode(),
    "a version that no column holds": json.dumps({"Parameter": {"Value": VALUE, "Version": 2**31}}).encode(),
    "no date": json.dumps({"Parameter": {"Value": VALUE, "Version": 7, "LastModifiedDate": "soon"}}).encode(),
    "a value that is no ASCII": json.dumps({"Parameter": {"Value": "é" * 44, "Version": 7}}).encode(),
}
SECRETS = (VALUE, "12345678", "é")


class CannedSsm:
    """An endpoint that gives the same answer to every call."""

    def __init__(self) -> None:
        canned = self
        self.answer = GOOD

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response_only(200)
                self.send_header("Content-Length", str(len(canned.answer)))
                self.end_headers()
                self.wfile.write(canned.answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator[CannedSsm]:
    endpoint = CannedSsm()
    thread = threading.Thread(target=endpoint.server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{endpoint.server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    yield endpoint
    endpoint.server.shutdown()
    thread.join()
    endpoint.server.server_close()


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED)
def test_malformed_answer_keeps_the_old_salt(
    ssm: CannedSsm, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, answer: bytes
) -> None:
    salts = SaltCache(PARAMETER, "us-east-1")
    old = salts.get()
    assert old.version == 7
    ssm.answer = answer
    later = time.monotonic() + REFRESH_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert salts.get() is old
    (line,) = (record for record in caplog.records if record.name == "lambda_src.salt")
    assert (line.levelname, "going on with the old one" in line.message) == ("WARNING", True)
    assert PARAMETER in str(vars(line))
    assert not any(secret in str(vars(line)) for secret in SECRETS)


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED)
def test_malformed_answer_without_an_old_salt_says_what_to_do(ssm: CannedSsm, answer: bytes) -> None:
    ssm.answer = answer
    with pytest.raises(SaltError, match=r"Check the endpoint|Put a new version") as caught:
        SaltCache(PARAMETER, "us-east-1").get()
    assert PARAMETER in str(caught.value)
    assert not any(secret in str(caught.value) for secret in SECRETS)


@pytest.mark.parametrize("endpoint", ["no address", "http://", "http://[::1"])
def test_endpoint_that_is_none_says_what_to_do(ssm: CannedSsm, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(SaltError, match="endpoint"):
        SaltCache(PARAMETER, "us-east-1").get()
