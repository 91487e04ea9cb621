"""Files with passwords."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.process import write_whole


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    previous = os.umask(0)
    yield
    os.umask(previous)


@pytest.mark.parametrize("is_there", [False, True])
def test_nobody_else_may_read_a_private_file(tmp_path: Path, *, is_there: bool) -> None:
    path = tmp_path / "password"
    if is_there:
        path.write_text("a longer text", encoding="utf-8")
    write_whole(path, "text")
    assert path.read_text(encoding="utf-8") == "text"
    assert path.stat().st_mode & 0o777 == 0o600
