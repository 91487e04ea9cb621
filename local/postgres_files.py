"""The files of a private PostgreSQL server: its data directory, its password and its settings."""

import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from local.errors import LocalStackError
from local.interruption import uninterrupted
from local.postgres_programs import give_to_account, start_program
from local.process import end_process

if TYPE_CHECKING:
    import subprocess

# Statements, and the DETAIL and CONTEXT of an error, show values of rows. The server must not log them.
DEFAULT_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


def create_data_directory(data: Path, password: Path, user: str, log_path: Path) -> None:
    """Run initdb for the superuser `user`, with a random password that it stores in a file.

    An interrupted initdb leaves a directory without PG_VERSION. This function replaces it. Raises LocalStackError if
    initdb fails.
    """
    data.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    password.unlink(missing_ok=True)
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(24), encoding="utf-8")
    give_to_account(data, password)
    # The builtin locale sorts alike on every machine. The locale C alone would make an SQL_ASCII database.
    locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    login = ("--auth=scram-sha-256", f"--username={user}", f"--pwfile={password}")
    options = ("--no-sync", "--no-instructions", *locale, *login, "-D", str(data))
    child: subprocess.Popen[bytes] | None = None
    try:
        with uninterrupted():
            child = start_program("initdb", *options, directory=data, log_path=log_path)
        if child.wait() != 0:
            raise LocalStackError(f"initdb failed; its output is in {log_path}")
    except KeyboardInterrupt:
        if child is not None:
            end_process(child.pid)
        raise
    with (data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
        configuration.write("include = 'settings.conf'\n")


def write_settings(data: Path, settings: dict[str, str]) -> None:
    """Write the settings that postgresql.conf includes; they replace those of the start before."""
    lines = []
    for name, value in settings.items():
        quoted = value.replace("'", "''")
        lines.append(f"{name} = '{quoted}'\n")
    (data / "settings.conf").write_text("".join(lines), encoding="utf-8")
