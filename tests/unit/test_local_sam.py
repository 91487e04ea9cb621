"""`make sam-invoke` fails where the function fails, though SAM itself does not."""

import json
from pathlib import Path

import pytest

from local.sam import main

ANSWERS = {
    "ProvisionFunction": '{"migrations": []}',
    "IngestFunction": '{"batchItemFailures": []}',
}
NOISE = """SAM CLI update available
START RequestId: 1
{"message": "Found credentials", "logger": "botocore.credentials"}
{"_aws": {}, "reason": "empty", "RecordsRejected": [1]}
{"_aws": {}, "message": "batch written", "RecordsWritten": [1]}
END RequestId: 1
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a `docker` and a `sam` that answer as the files beside them say; nothing else is on the path."""
    for name, script in (
        ("docker", "#!/bin/sh\n"),
        ("sam", f"#!/bin/sh\n[ $SAM_CLI_TELEMETRY = 0 ] || exit 9\ncd {tmp_path}\n/bin/cat noise >&2\n/bin/cat $3\n"),
    ):
        (tmp_path / name).write_text(script, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    for name, text in {**ANSWERS, "noise": NOISE}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def run(folder: Path) -> int:
    return main(["--sam", str(folder / "sam"), "event.json"])


def test_answer_is_all_that_is_printed_and_the_log_stands_beside(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(programs) == 0
    printed = capsys.readouterr()
    assert printed.out == ANSWERS["IngestFunction"] + "\n"
    own = [json.loads(line) for line in printed.err.splitlines() if line.startswith("{")]
    assert own == [{"message": "batch written", "RecordsWritten": [1]}]
    assert "RequestId" not in printed.err


@pytest.mark.parametrize("function", ANSWERS)
@pytest.mark.parametrize("answer", ['{"errorMessage": "why", "errorType": "SetupError"}', "", "null"])
def test_function_that_fails_fails_it_and_all_that_was_said_is_shown(
    programs: Path, capsys: pytest.CaptureFixture[str], function: str, answer: str
) -> None:
    (programs / function).write_text(answer, encoding="utf-8")
    assert run(programs) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"sam-invoke: {function} has failed." in printed.err
    assert "START RequestId" in printed.err
    assert answer in printed.err


def test_program_that_fails_or_is_missing_fails_it(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (programs / "docker").write_text("#!/bin/sh\necho no engine >&2\nexit 1\n", encoding="utf-8")
    assert run(programs) == 1
    assert "docker has failed.\nno engine" in capsys.readouterr().err
    (programs / "docker").unlink()
    assert run(programs) == 1
    assert "There is no program docker here" in capsys.readouterr().err
