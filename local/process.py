"""Runs servers as processes. None of them outlives its owner, even if the owner is killed."""

import contextlib
import fcntl
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from local.errors import LocalStackError
from local.interruption import uninterrupted

START_SECONDS = 30
STOP_SECONDS = 10
INHERITED = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")  # other variables of the caller are not passed on


class ServerProcess:
    """A program in the background, its output in `directory`/`name`.log.

    `end_leftovers` uses the pid file beside the log to end programs of an owner that was killed.
    """

    def __init__(self, name: str, command: list[str], environment: dict[str, str], directory: Path) -> None:
        """Takes the program's variables, in addition to PATH, HOME and similar ones."""
        self.log_path = directory / f"{name}.log"
        self._name = name
        self._command = command
        self._environment = environment
        self._pid_path = directory / f"{name}.pid"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the program was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def start(self, is_ready: Callable[[], bool], working_directory: Path) -> None:
        """Starts the program and waits for `is_ready`; raises LocalStackError if it does not become ready."""
        try:
            with uninterrupted():
                self._launch(working_directory)
            self._wait_until(is_ready)
        except BaseException:  # an interruption too
            self.stop()
            raise

    def stop(self) -> None:
        """Ends the program and its children."""
        if self._child is not None:
            end_process(self._child.pid)
            self._child.wait()
            self._child = None
        self._pid_path.unlink(missing_ok=True)

    def _launch(self, working_directory: Path) -> None:
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        with self.log_path.open("ab") as log:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=working_directory,
                env={**inherited, **self._environment},
                start_new_session=True,  # a Ctrl-C must reach only the owner, which then stops this program
            )
        write_pid_file(self._pid_path, self._child.pid)

    def _wait_until(self, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if not self.is_running or time.monotonic() > deadline:
                raise LocalStackError(f"{self._name} did not start; its output is in {self.log_path}")
            time.sleep(0.02)


def write_pid_file(path: Path, pid: int) -> None:
    """Records a process so that it cannot be confused with a later one with the same id."""
    write_whole(path, json.dumps({"pid": pid, "created": psutil.Process(pid).create_time()}))


def write_whole(path: Path, text: str) -> None:
    """Writes a file atomically, readable by its owner only."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def read_pid_file(path: Path) -> int | None:
    """Returns the process that the file names, if it still runs."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        process = psutil.Process(entry["pid"])
        alive = abs(process.create_time() - entry["created"]) < 1 and _is_alive(process)
    except (FileNotFoundError, ValueError, psutil.Error):
        return None
    return process.pid if alive else None


def end_leftovers(directory: Path) -> None:
    """Ends the processes that the pid files of a directory name, and their children."""
    for path in directory.glob("*.pid"):
        pid = read_pid_file(path)
        if pid is not None:
            end_process(pid)
        path.unlink(missing_ok=True)


def end_process(pid: int) -> None:
    """Terminates a process, waits, and kills it and its children if they still run."""
    try:
        process = psutil.Process(pid)
        tree = [process, *process.children(recursive=True)]
        process.terminate()  # the process may end its children itself
        _wait_for(process)
    except psutil.NoSuchProcess:
        return
    for member in tree:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    for member in tree:
        _wait_for(member)


def _wait_for(process: psutil.Process) -> None:
    """Waits for the end of a process. A zombie counts as ended: its parent has not waited for it yet."""
    deadline = time.monotonic() + STOP_SECONDS
    while _is_alive(process) and time.monotonic() < deadline:
        time.sleep(0.02)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def exclusive(path: Path, busy: str) -> Iterator[None]:
    """Holds a lock during the block; raises LocalStackError with the text `busy` if another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LocalStackError(busy) from None
        yield
