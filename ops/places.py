"""Where the files of archives lie: a folder, or a prefix of an S3 bucket."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import boto3

from ops.errors import NothingFoundError
from ops.settings import region

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Place(Protocol):
    """Where files of archives lie."""

    name: str

    def write(self, path: str, data: bytes) -> None:
        """Writes a file, all or nothing."""

    def read(self, path: str) -> bytes:
        """A file's bytes; raises NothingFoundError."""


class Folder:
    """A directory of this machine."""

    def __init__(self, root: Path) -> None:
        self.name = str(root)
        self._root = root

    def write(self, path: str, data: bytes) -> None:
        """Writes a file, all or nothing; nobody else may read it."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = target.with_name(target.name + ".part")
        draft.touch(mode=0o600)
        draft.write_bytes(data)
        draft.replace(target)

    def read(self, path: str) -> bytes:
        """A file's bytes; raises NothingFoundError."""
        try:
            return (self._root / path).read_bytes()
        except OSError as error:
            raise NothingFoundError(f"{self._root / path} cannot be read: {error.strerror}") from None


class Bucket:
    """A prefix of an S3 bucket, as s3://bucket/prefix."""

    def __init__(self, url: str) -> None:
        self.name = url.rstrip("/")
        self._bucket, _, self._prefix = self.name.removeprefix("s3://").partition("/")

    @cached_property
    def _s3(self) -> "S3Client":
        return boto3.client("s3", region_name=region())

    def write(self, path: str, data: bytes) -> None:
        """Writes an object; S3 refuses it if it did not arrive as it was sent."""
        self._s3.put_object(Bucket=self._bucket, Key=self._key(path), Body=data, ChecksumAlgorithm="SHA256")

    def read(self, path: str) -> bytes:
        """An object's bytes; raises NothingFoundError."""
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=self._key(path))["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            raise NothingFoundError(f"There is no {self.name}/{path}.") from None

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path


def place(target: str) -> Place:
    """The place that a command line names."""
    return Bucket(target) if target.startswith("s3://") else Folder(Path(target))
