"""Servers as processes."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from local.errors import LocalStackError
from local.process import ServerProcess, end_leftovers, exclusive, read_pid_file, write_pid_file

SLEEPING_PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"


def test_stop_ends_the_program_and_its_children(tmp_path: Path) -> None:
    server = ServerProcess("sleeper", [sys.executable, "-c", SLEEPING_PARENT], {}, tmp_path)
    server.start(lambda: len(children_of(tmp_path / "sleeper.pid")) > 0, tmp_path)
    tree = children_of(tmp_path / "sleeper.pid")
    assert len(tree) == 1
    server.stop()
    assert not any(is_alive(process) for process in tree)
    assert not (tmp_path / "sleeper.pid").exists()


def test_leftovers_of_a_killed_owner_are_ended(tmp_path: Path) -> None:
    server = ServerProcess("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"], {}, tmp_path)
    server.start(lambda: True, tmp_path)
    process = psutil.Process(read_pid_file(tmp_path / "sleeper.pid"))
    assert is_alive(process)
    end_leftovers(tmp_path)
    assert not is_alive(process)
    server.stop()


def test_pid_file_of_another_time_names_nobody(tmp_path: Path) -> None:
    path = tmp_path / "a.pid"
    write_pid_file(path, os.getpid())
    assert read_pid_file(path) == os.getpid()
    path.write_text(path.read_text().replace('"created": ', '"created": 1'), encoding="utf-8")
    assert read_pid_file(path) is None
    path.write_text("torn", encoding="utf-8")
    assert read_pid_file(path) is None
    end_leftovers(tmp_path)
    assert not path.exists()


def test_program_that_ends_at_once_did_not_start(tmp_path: Path) -> None:
    server = ServerProcess("broken", [sys.executable, "-c", "print('why'); raise SystemExit(3)"], {}, tmp_path)
    with pytest.raises(LocalStackError, match=r"broken did not start.*broken\.log"):
        server.start(lambda: False, tmp_path)
    assert (tmp_path / "broken.log").read_text() == "why\n"


def test_program_gets_its_own_environment_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    program = "import os; print(sorted(os.environ.keys() & {'PGHOST', 'MINE', 'PATH'})); raise SystemExit"
    server = ServerProcess("env", [sys.executable, "-c", program], {"MINE": "1"}, tmp_path)
    with pytest.raises(LocalStackError):
        server.start(lambda: False, tmp_path)
    assert (tmp_path / "env.log").read_text() == "['MINE', 'PATH']\n"


def test_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with exclusive(path, "busy"), pytest.raises(LocalStackError, match="busy"), exclusive(path, "busy"):
        pass
    with exclusive(path, "busy"):
        pass


def children_of(pid_path: Path) -> list[psutil.Process]:
    """The children of the process that a pid file names."""
    pid = read_pid_file(pid_path)
    return psutil.Process(pid).children(recursive=True) if pid is not None else []


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; one that has ended may be left as a zombie until its parent asks."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
