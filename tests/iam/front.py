"""A server in front of the emulator. It passes on a call only if IAM would allow it, and records each decision.

It finds the caller by the access key in the signature of the call, and answers a refused call as AWS does. It answers
two calls itself: DescribeStacks with the outputs of the template, and Invoke of Lambda by running the code.
"""

import http.client
import json
import re
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from tests.chaos.aws_front import send_answer
from tests.iam.account import Account
from tests.iam.callers import Caller
from tests.iam.calls import requests_of
from tests.iam.journal import Journal

CREDENTIAL = re.compile(r"Credential=([^/]+)/[0-9]{8}/[^/]+/([^/]+)/aws4_request")
INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
JSON = {"Content-Type": "application/x-amz-json-1.0"}
XML = {"Content-Type": "text/xml"}

Invoke = Callable[[str, Any], Any]  # takes the name of a function and an event


class IamFront:
    """Listens on a free port of 127.0.0.1. The keys of `callers` are access keys."""

    def __init__(
        self, endpoint: str, account: Account, callers: Mapping[str, Caller], journal: Journal, invoke: Invoke
    ) -> None:
        """Takes the emulator's URL, and `invoke`, which runs a function."""
        self._account, self._callers, self._journal, self._invoke = account, callers, journal, invoke
        self._backend = urlsplit(endpoint).netloc
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                front.answer(self)

            def do_PUT(self) -> None:  # the answer of a custom resource
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                send_answer(self, http.HTTPStatus.OK, {}, b"")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="iam front")
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        """Answers one call."""
        content = call.rfile.read(int(call.headers.get("Content-Length", 0)))
        signature = CREDENTIAL.search(call.headers.get("Authorization", ""))
        caller = self._callers.get(signature[1]) if signature else None
        if signature is None or caller is None:
            _refuse(call, "UnrecognizedClientException", "The security token included in the request is invalid.")
            return
        service = signature[2]
        if service == "sts":  # every caller may call GetCallerIdentity
            self._pass_on(call, content)
        elif service == "cloudformation":
            _describe_stack(call, content, self._account.outputs)
        elif invoked := INVOKE.fullmatch(call.path):
            if self._permits(call, caller, "lambda", "InvokeFunction", {"FunctionName": invoked[1]}):
                result = self._invoke(invoked[1], json.loads(content))
                send_answer(call, http.HTTPStatus.OK, JSON, json.dumps(result).encode())
        else:
            action = call.headers["X-Amz-Target"].rpartition(".")[2]
            if self._permits(call, caller, service, action, json.loads(content)):
                self._pass_on(call, content)

    def _permits(
        self, call: BaseHTTPRequestHandler, caller: Caller, service: str, action: str, body: Mapping[str, Any]
    ) -> bool:
        for request in requests_of(service, action, body, self._account.keys):
            decision = self._journal.decide(self._account, caller, request)
            if not decision.allowed:
                words = f"User: {caller.principal.session} is not authorized to perform: {request.action}"
                _refuse(call, "AccessDeniedException", f"{words} on resource: {request.resource}: {decision.reason}")
                return False
        if action == "PutParameter" and "KeyId" in body:
            (parameter,) = (each.resource for each in requests_of(service, action, body, {}) if each.service == "ssm")
            self._account.keys[parameter] = body["KeyId"]
        return True

    def _pass_on(self, call: BaseHTTPRequestHandler, content: bytes) -> None:
        connection = http.client.HTTPConnection(self._backend, timeout=30)
        try:
            connection.request("POST", call.path, content, dict(call.headers.items()))
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        send_answer(call, answer.status, dict(answer.getheaders()), body)


def _refuse(call: BaseHTTPRequestHandler, code: str, message: str) -> None:
    answer = json.dumps({"__type": code, "message": message}).encode()
    send_answer(call, http.HTTPStatus.BAD_REQUEST, {**JSON, "x-amzn-ErrorType": code}, answer)


def _describe_stack(call: BaseHTTPRequestHandler, content: bytes, outputs: Mapping[str, str]) -> None:
    name = parse_qs(content.decode())["StackName"][0]
    members = "".join(
        f"<member><OutputKey>{key}</OutputKey><OutputValue>{escape(value)}</OutputValue></member>"
        for key, value in outputs.items()
    )
    stack = f"<member><StackName>{escape(name)}</StackName><Outputs>{members}</Outputs></member>"
    result = f"<DescribeStacksResult><Stacks>{stack}</Stacks></DescribeStacksResult>"
    answer = f"<DescribeStacksResponse>{result}</DescribeStacksResponse>"
    send_answer(call, http.HTTPStatus.OK, XML, answer.encode())
