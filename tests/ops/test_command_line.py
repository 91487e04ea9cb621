"""The command line itself: what it lists, how it refuses, and what it imports."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from uv import find_uv_bin

from ops import __version__
from ops.cli import main
from ops.command_table import COMMANDS, _load
from ops.globals import move_globals_first

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("lambda_src", "local", "ops")
PROGRAM = Path(sys.executable).with_name("loginpipe")


def run(*words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """The installed program, in a process of its own."""
    return subprocess.run([str(PROGRAM), *words], check=False, capture_output=True, text=True, **options)


def test_program_is_installed_and_works_anywhere(tmp_path: Path) -> None:
    finished = run("--version", cwd=tmp_path)
    assert (finished.returncode, finished.stdout) == (0, f"loginpipe {__version__}\n")


def test_help_imports_neither_rich_nor_the_sdk() -> None:
    program = (
        "import sys; sys.argv = ['loginpipe', '--help']; from ops.__main__ import main; code = main();"
        "sys.exit(code or sorted({'rich', 'boto3', 'botocore', 'psycopg2'} & sys.modules.keys()) or 0)"
    )
    finished = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert all(f"\n  {entry.name} " in finished.stdout for entry in COMMANDS)
    assert all(f"\n{entry.purpose}:\n" in finished.stdout for entry in COMMANDS)


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_summary_in_the_list_is_the_first_sentence_of_the_help(entry: Any) -> None:
    assert _load(entry).help.startswith(entry.summary)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_the_commands(shell: str) -> None:
    variables = {"_LOGINPIPE_COMPLETE": f"complete_{shell}", "COMP_WORDS": "loginpipe do", "COMP_CWORD": "1"}
    variables |= {"_TYPER_COMPLETE_ARGS": "loginpipe do", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    finished = run(env={**os.environ, **variables})
    assert {"doctor", "down"} <= set(finished.stdout.replace('"', " ").replace(":", " ").split())


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["docter"], "'doctor'"),
        (["dlq", "lst"], "'list'"),
        (["report", "--dayss", "7"], "--days"),
        (["recover", "--basis", "consnt"], "'consent'"),
        (["audit", "--action", "recove"], "'recover'"),
    ],
)
def test_misspelt_word_is_refused_with_the_nearest_one(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"Did you mean {hint}?" in captured.err
    assert captured.err.count("\n") == 1
    assert main(["--json", *words]) == 2
    error = json.loads(capsys.readouterr().err)
    assert error["exit_code"] == 2
    assert f"Did you mean {hint}?" in error["error"]


@pytest.mark.parametrize(
    "words", [["dlq"], [], ["--stack"], ["forget"], ["report", "x"], ["--stack", "a", "--local", "audit"]]
)
def test_usage_error_is_json_where_json_is_wanted(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--json"] if words != ["--stack"] else ["--json", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["exit_code"] == 2


def test_global_options_may_stand_anywhere_before_two_dashes() -> None:
    words = ["dlq", "list", "--json", "--stack", "a", "--local", "--directory=b", "--", "--json"]
    assert move_globals_first(words) == [
        "--json",
        "--stack",
        "a",
        "--local",
        "--directory=b",
        "dlq",
        "list",
        "--",
        "--json",
    ]


def test_wheel_holds_all_that_the_program_needs(tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    build = [find_uv_bin(), "build", "--quiet", "--wheel", "--no-build-isolation", "--offline"]
    subprocess.run([*build, "--python", sys.executable, str(tmp_path)], check=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    needed = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for suffix in ("py", "sql")
        for path in (ROOT / package).rglob(f"*.{suffix}")
    }
    assert needed | {"local/emulator.txt"} <= held
