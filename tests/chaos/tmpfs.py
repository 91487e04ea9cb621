"""A disk so small that it can be filled: a tmpfs, which only root can mount."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHUNK = bytes(4096)


class MountError(Exception):
    """This machine does not let us mount; says why."""


@contextmanager
def mounted(directory: Path, size: str, owner: int) -> Iterator[None]:
    """A tmpfs with a subdirectory `space` that belongs to the user `owner`."""
    directory.mkdir()
    command = [_program("mount"), "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(directory)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        directory.rmdir()
        words = getattr(error, "stderr", None) or str(error)
        raise MountError(f"needs root and the right to mount ({words.strip()})") from None
    try:
        space = directory / "space"
        space.mkdir(mode=0o700)
        os.chown(space, owner, -1)
        yield
    finally:
        subprocess.run([_program("umount"), "--lazy", str(directory)], check=True)
        directory.rmdir()


def _program(name: str) -> str:
    return shutil.which(name) or f"/bin/{name}"


def fill(path: Path) -> None:
    """Writes to the file until there is no room."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(CHUNK):
                pass
        except OSError:
            return
