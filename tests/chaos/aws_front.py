"""An HTTP front before SQS and SSM that fails as AWS does: throttled, slow, denied, or with the answer lost."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

DROPPED = ("connection", "content-length", "date", "server", "transfer-encoding")


@dataclass
class Trouble:
    """What happens to the calls of one action, e.g. `GetParameter`, until another trouble takes its place."""

    action: str
    status: int = 200  # other than 200: answered by this front
    code: str = ""
    delay: float = 0.0  # seconds
    lost: bool = False  # done behind the front, but the answer does not arrive
    met: int = 0


class AwsFront:
    """Listens on a free port of 127.0.0.1 and passes calls on to an endpoint."""

    def __init__(self, endpoint: str) -> None:
        """Takes the URL of the endpoint."""
        front = self
        self.trouble: Trouble | None = None
        self._counting = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                front.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._backend = urlsplit(endpoint).netloc
        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Begins to answer."""
        threading.Thread(target=self._server.serve_forever, name="aws front", daemon=True).start()

    def stop(self) -> None:
        """Closes the port."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """One call of the function."""
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        trouble = self.trouble
        if trouble is not None and not request.headers.get("X-Amz-Target", "").endswith("." + trouble.action):
            trouble = None
        if trouble is None:
            self._pass_on(request, body, lambda: True)
            return
        with self._counting:
            trouble.met += 1
        time.sleep(trouble.delay)
        if trouble.status == http.HTTPStatus.OK:
            self._pass_on(request, body, lambda: not trouble.lost)
            return
        answer = json.dumps({"__type": trouble.code, "message": trouble.code}).encode()
        send_answer(request, trouble.status, {"Content-Type": "application/x-amz-json-1.0"}, answer)

    def _pass_on(self, request: BaseHTTPRequestHandler, body: bytes, may_answer: Callable[[], bool]) -> None:
        connection = http.client.HTTPConnection(self._backend, timeout=30)
        try:
            connection.request("POST", request.path, body, dict(request.headers.items()))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if may_answer():
            send_answer(request, answer.status, dict(answer.getheaders()), content)
        else:
            request.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A function that was killed is no error of ours."""


def send_answer(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], content: bytes) -> None:
    """Answers a call; the caller may have gone away."""
    try:
        request.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in DROPPED:
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
    except OSError:  # the function has gone away
        request.close_connection = True
