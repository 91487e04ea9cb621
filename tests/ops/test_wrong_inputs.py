"""A hundred wrong inputs: each ends with its documented code and one clear sentence, in JSON where JSON is wanted."""

import json
import os
import shlex
from pathlib import Path

import pytest

from ops.cli import main
from ops.errors import Exit
from tests.ops.wrong_inputs import ABSENT, FOREIGN, GROUPS, NOWHERE, SETTINGS, USAGE
from tests.support import make_body


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty environment, and a folder with files to name."""
    for name in os.environ:
        if name.startswith(FOREIGN):
            monkeypatch.delenv(name)
    for name, value in {
        "LOGINPIPE_DIRECTORY": str(tmp_path / "local"),
        "AWS_CONFIG_FILE": "/none",
        "AWS_SHARED_CREDENTIALS_FILE": "/none",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    files = {"one.jsonl": json.dumps(make_body()), "empty.jsonl": "", "cut.json": "[\n1,\n]"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs it for a person and for a program: both are told the same in one sentence, and nothing else."""
    assert main(words) == code
    printed = capsys.readouterr()
    assert says in printed.err
    assert printed.err.startswith("loginpipe: ")
    assert printed.err.count("\n") == 1, printed.err
    assert printed.out == ""
    assert main(["--json", *words]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    error = json.loads(printed.err)
    assert error["exit_code"] == code
    assert says in error["error"]


@pytest.mark.parametrize("row", USAGE.strip().splitlines(), ids=lambda row: row.partition("  ")[0])
def test_wrong_call_is_refused_in_one_sentence(row: str, capsys: pytest.CaptureFixture[str]) -> None:
    line, _, says = row.rpartition(" | ")
    words = shlex.split(line)
    if words in (["--stack"], ["--directory"]):  # nothing may follow them
        assert main(words) == Exit.USAGE
        assert says in capsys.readouterr().err
        return
    check(words, Exit.USAGE, says, capsys)


@pytest.mark.parametrize("name", GROUPS)
def test_group_alone_shows_its_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name]) == Exit.USAGE
    assert f"Usage: loginpipe {name}" in capsys.readouterr().err
    assert main(["--json", name]) == Exit.USAGE
    assert "Missing command" in json.loads(capsys.readouterr().err)["error"]


@pytest.mark.parametrize(("line", "code", "says"), ABSENT, ids=str)
def test_what_is_absent_is_named(line: str, code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    check(shlex.split(line), code, says, capsys)


@pytest.mark.parametrize(
    ("line", "settings", "code", "says"), SETTINGS, ids=[f"{line} {settings}" for line, settings, _, _ in SETTINGS]
)
def test_wrong_settings_are_named(
    line: str,
    settings: dict[str, str],
    code: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (NOWHERE | settings).items():
        monkeypatch.setenv(name, value)
    check(shlex.split(line), code, says, capsys)


def test_there_are_a_hundred_of_them() -> None:
    assert len(USAGE.strip().splitlines()) + len(ABSENT) + len(SETTINGS) > 100


def test_psql_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    for words, code, says in (
        (["psql"], Exit.NOTHING, "There is no database yet"),
        (["psql", "--sql", " "], Exit.USAGE, "--sql must hold a statement"),
        (["psql", "--json"], Exit.USAGE, "psql has no JSON output"),
    ):
        assert main(words) == code
        assert says in capsys.readouterr().err
