"""The examples of docs/how-to/producers.md do what the page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.function import Function
from tests.ops.queues import Queues
from tests.scratch import Scratch

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "producers.md").read_text(encoding="utf-8")
AWS = ROOT / ".venv" / "aws" / "bin" / "aws"
# Version 1 of the AWS CLI, which installs without Docker and root, does not read AWS_ENDPOINT_URL for SQS.
AWS_FUNCTION = f'aws() {{ {AWS} --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }}\n'


def find_example(language: str) -> str:
    """The code of the page's example that is marked as one that runs."""
    (code,) = re.findall(rf"<!-- example: {language} -->\n```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(code)


def run(command: list[str], directory: Path, queues: Queues) -> None:
    variables = {"PATH": os.environ["PATH"], **queues.aws.environment, "QUEUE_URL": queues.url}
    finished = subprocess.run(command, cwd=directory, env=variables, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_python_example(tmp_path: Path, queues: Queues, database: Scratch, function: Function) -> None:
    for _ in range(2):  # Each run makes new events.
        run([sys.executable, "-c", find_example("python")], tmp_path, queues)
    assert queues.count() == 2 * 21
    queues.deliver(function)
    users = {"python-single", *(f"python-{number}" for number in range(500))}
    assert database.rows("user_id, count(*)", "user_logins GROUP BY user_id") == sorted((user, 2) for user in users)
    assert database.count("rejected_logins") == 0


@pytest.mark.parametrize("times", [1, 2])
def test_example_of_the_aws_command_line(
    tmp_path: Path, queues: Queues, database: Scratch, function: Function, times: int
) -> None:
    """Its events carry their own ids: sent again, they are the same events."""
    for _ in range(times):
        run(["bash", "-euc", AWS_FUNCTION + find_example("sh")], tmp_path, queues)
    assert queues.count() == 2 * times
    queues.deliver(function)
    assert database.rows("user_id") == [("cli-1",), ("cli-2",), ("cli-single",)]
    assert database.rows("create_date::text", "user_logins WHERE user_id = 'cli-single'") == [("2026-01-01",)]
