"""The boundaries of the real code: statements of psycopg2, calls of boto3, files. A fault strikes only here."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from unittest import mock

import botocore.client
import psycopg2
from botocore.exceptions import ReadTimeoutError

from tests.model.actors import What, current_actor
from tests.model.leases import Pool


class _Crossing:
    """A function of the file system that crosses a boundary."""

    def __init__(self, owner: Any, name: str) -> None:
        self._real = getattr(owner, name)
        self.patch = mock.patch.object(owner, name, self._method())

    def _method(self) -> Any:
        def method(*arguments: Any, **options: Any) -> Any:  # a function: it binds to the path as a method does
            actor = current_actor()
            if actor is None:
                return self._real(*arguments, **options)
            return actor.cross("file", lambda: self._real(*arguments, **options), _broken_disk)

        return method


class _File:
    """A file opened to be written: a fault can leave half of it."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        actor = current_actor()
        if actor is None:
            return int(self._file.write(data))

        def half() -> None:
            self._file.write(data[: len(data) // 2])
            self._file.flush()

        return int(actor.cross("file", lambda: self._file.write(data), _broken_disk, half))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _open(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
    actor = current_actor()
    if actor is None or "b" not in mode:
        return _REAL_OPEN(path, mode, *arguments, **options)
    what: What = "read" if mode == "rb" else "file"
    file = actor.cross(what, lambda: _REAL_OPEN(path, mode, *arguments, **options), _broken_disk)
    return file if what == "read" else _File(file)


def _broken_disk() -> Exception:
    return OSError(errno.EIO, os.strerror(errno.EIO))


_REAL_OPEN = Path.open


@contextmanager
def boundaries(pool: Pool) -> Iterator[None]:
    """Routes statements, calls and files of the code through boundaries during the block."""
    call = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]  # noqa: SLF001

    identity: list[Any] = []

    def make_call(client: Any, operation: str, arguments: Any) -> Any:
        actor = current_actor()
        if actor is None:
            return call(client, operation, arguments)
        broken = ReadTimeoutError(endpoint_url="emulator")
        return actor.cross("aws", lambda: ask(client, operation, arguments, actor.refused), lambda: broken)

    def ask(client: Any, operation: str, arguments: Any, refused: int) -> Any:
        if operation == "SendMessageBatch" and refused:
            return send_some(client, arguments, refused)
        if operation != "GetCallerIdentity":  # which is always the same
            return call(client, operation, arguments)
        if not identity:
            identity.append(call(client, operation, arguments))
        return identity[0]

    def send_some(client: Any, arguments: Any, refused: int) -> Any:
        entries = arguments["Entries"]
        taken = {**arguments, "Entries": entries[refused:]}
        answer = call(client, "SendMessageBatch", taken) if taken["Entries"] else {"Successful": []}
        failed = [{"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"} for entry in entries[:refused]]
        return {**answer, "Failed": failed}

    with (
        mock.patch.object(psycopg2, "connect", pool.connect),
        mock.patch.object(botocore.client.BaseClient, "_make_api_call", make_call),
        mock.patch.object(Path, "open", _open),
        _Crossing(Path, "replace").patch,
        _Crossing(Path, "unlink").patch,
        _Crossing(os, "link").patch,
    ):
        yield
