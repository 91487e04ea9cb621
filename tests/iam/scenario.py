"""Uses a pipeline under the permissions of its template: deployment, deliveries, operator commands, removal."""

import json
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from local.aws import AwsEndpoint
from ops.event_source import EventSource
from tests.iam.account import Account
from tests.iam.callers import Place
from tests.iam.journal import Journal
from tests.iam.platform import lambda_requests, provider_requests
from tests.iam.runtime import Finished, Runtime, access_key
from tests.support import make_body

PROVISION, INGEST, REMOVAL = "lambda_src.provision", "lambda_src.handler", "lambda_src.salt_removal"
WHY = ("--reason", "drill")
YES = (*WHY, "--yes")
OLD_DAYS = 100


def function_of(account: Account, module: str) -> str:
    """Returns the name of the function with a handler in this module."""
    (name,) = (name for name, each in account.functions.items() if each.handler.startswith(f"{module}."))
    return name


def deploy(runtime: Runtime) -> Any:
    """Runs the provision function, as a deployment does; returns its result."""
    return runtime.invoke(function_of(runtime.account, PROVISION), {})


def deliver(runtime: Runtime, aws: AwsEndpoint) -> None:
    """Sends new logins, an old login and a bad login through the queue to the function."""
    name, url = function_of(runtime.account, INGEST), runtime.account.outputs["QueueUrl"]
    now = int(time.time() * 1000)
    bodies = [make_body(user_id=f"u{n}", ip="10.1.1.1", device_id=f"d{n}") for n in range(3)]
    for body in (*bodies, make_body(ip="bad")):
        aws.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
    aws.sqs.send_message(
        QueueUrl=url,
        MessageBody=json.dumps(make_body(user_id="old", ip="10.1.1.2", device_id="old")),
        MessageAttributes={
            "sent_timestamp": {"DataType": "String", "StringValue": str(now - OLD_DAYS * 86_400_000)},
        },
    )
    aws.sqs.send_message(  # a letter without a reason, as SQS itself moves it
        QueueUrl=runtime.account.outputs["DeadLetterQueueUrl"],
        MessageBody=json.dumps(make_body()),
        MessageAttributes={"event_id": {"DataType": "String", "StringValue": str(uuid.uuid4())}},
    )
    poller = runtime.client("sqs", access_key(name, Place.SERVICE))
    EventSource(poller, url, lambda event: runtime.invoke(name, event), poll_seconds=1).run(
        threading.Event(), until_empty=True
    )


def operate(runtime: Runtime, directory: Path) -> list[Finished]:
    """Runs the commands of operators; returns the output of each command."""
    done = []

    def run(*words: str) -> Any:
        done.append(runtime.command(*words))
        return json.loads(done[-1].out or "null")

    month = time.strftime("%Y-%m", time.gmtime(time.time() - OLD_DAYS * 86_400))
    pseudonym = run("mask", "ip", "10.1.1.1", *WHY)["pseudonym"]
    run("report")
    run("lookup", "--ip", "10.1.1.1", *WHY)
    run("dlq", "list", "--show")
    run("salt", "status")
    run("recover", "--ip", pseudonym, *WHY, "--basis", "consent")
    run("salt", "rotate", "--yes")
    run("salt", "link", "1", "2", *YES)
    archive = ("archive", "--month", month, str(directory))
    run(*archive)
    run(*archive, "--drop", "--yes")
    run(*archive, "--restore")
    run("forget", "--user-id", "u1", *YES)
    run("retention", "--months", "2", "--yes", "--archives", str(directory))
    run("upkeep")
    run("top", "--once")
    run("audit")
    run("audit", "verify", "--head", f"1:{'0' * 64}")  # a wrong hash: exit code 3
    run("doctor")
    return done


def remove(runtime: Runtime) -> None:
    """Runs the removal function, as CloudFormation does when it deletes the stack."""
    event = {
        "RequestType": "Delete",
        "ResourceProperties": {"Parameter": runtime.account.outputs["SaltParameter"]},
        "ResponseURL": f"{runtime.url}/answer",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "salt",
    }
    runtime.invoke(function_of(runtime.account, REMOVAL), event)


def serve(account: Account, journal: Journal) -> None:
    """Decides on the requests of Lambda and of the CDK."""
    for caller, request in (*lambda_requests(account), *provider_requests(account)):
        journal.decide(account, caller, request)
