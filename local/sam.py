"""Runs the built bundle with `sam local invoke` and the servers of compose.yaml: `make sam-invoke`."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from local.errors import LocalStackError

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "build" / "sam" / "LoginPipeline-sam.template.json"
VARIABLES = ROOT / "infra" / "sam-environment.json"
PROJECT = "login-pipeline"  # the name in compose.yaml, which COMPOSE_PROJECT_NAME overrides
SETTINGS = {"SAM_CLI_TELEMETRY": "0", "AWS_REGION": "us-east-1"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Starts the servers, provisions, and invokes the function with an event; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.sam", description=__doc__)
    parser.add_argument("--sam", required=True, metavar="PROGRAM", help="the SAM CLI")
    parser.add_argument("event", help="a file with an event of SQS")
    given = parser.parse_args(arguments)
    try:
        start_servers()
        invoke(given.sam, "ProvisionFunction", "migrations")
        answer, log = invoke(given.sam, "IngestFunction", "batchItemFailures", "--event", given.event)
    except LocalStackError as error:
        print(f"sam-invoke: {error}", file=sys.stderr)
        return 1
    print(log, file=sys.stderr)
    print(answer)
    return 0


def start_servers() -> None:
    """Starts the servers of compose.yaml and waits until both answer; raises LocalStackError."""
    print("Starting Postgres and LocalStack …", file=sys.stderr, flush=True)
    _run(["docker", "compose", "--progress", "quiet", "up", "--detach", "--wait"])


def invoke(sam: str, function: str, key: str, *options: str) -> tuple[str, str]:
    """Invokes a function; returns its response, which must have the key `key`, and its log.

    Raises LocalStackError if the function raises or times out: SAM's exit code is 0 in these cases.
    """
    print(f"Invoking {function} …", file=sys.stderr, flush=True)
    network = f"{os.environ.get('COMPOSE_PROJECT_NAME', PROJECT)}_default"
    where = ("--template", str(TEMPLATE), "--env-vars", str(VARIABLES), "--docker-network", network)
    answer, noise = _run([sam, "local", "invoke", function, *where, *options])
    if key not in _parse(answer):
        raise LocalStackError(f"{function} has failed.\n{noise}\n{answer}")
    return answer, "\n".join(_own_lines(noise))


def _own_lines(noise: str) -> Iterator[str]:
    """Returns the function's own log lines, without those of the SDK and without metrics."""
    for line in noise.splitlines():
        logged = _parse(line)
        if "message" in logged and not logged.get("logger", "").startswith("botocore"):
            logged.pop("_aws", None)
            yield json.dumps(logged)


def _parse(text: str) -> dict[str, Any]:
    """Parses a JSON object; returns an empty one for any other text."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _run(command: list[str]) -> tuple[str, str]:
    """Runs a command; returns standard output and standard error. Raises LocalStackError if it fails."""
    try:
        finished = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **SETTINGS}
        )
    except FileNotFoundError:
        raise LocalStackError(
            f"There is no program {command[0]} here. Docker with Compose, and the SAM CLI, are needed."
        ) from None
    if finished.returncode != 0:
        raise LocalStackError(f"{command[0]} has failed.\n{finished.stderr.strip()}")
    return finished.stdout.strip(), finished.stderr.strip()


if __name__ == "__main__":
    sys.exit(main())
