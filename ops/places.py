"""Storage of archive files: a folder, or a prefix of an S3 bucket. A file is written once and never replaced."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import boto3
from botocore.exceptions import ClientError

from ops.errors import NothingFoundError, OpsError, TakenError, UsageError
from ops.settings import region

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Place(Protocol):
    """The storage of archive files."""

    name: str

    def create(self, path: str, data: bytes) -> None:
        """Writes a file atomically and durably; raises TakenError if another file has that name."""

    def read(self, path: str) -> bytes:
        """A file's bytes; raises NothingFoundError."""

    def paths(self, folder: str) -> list[str]:
        """Returns the paths of all files in a folder and its subfolders; the folder "" means all files."""

    def remove(self, path: str) -> None:
        """Deletes a file permanently, if it exists."""


class Folder:
    """A directory of this machine; its file system must support hard links."""

    def __init__(self, root: Path) -> None:
        self.name = str(root)
        self._root = root

    def create(self, path: str, data: bytes) -> None:
        """Writes a file atomically and durably, readable by its owner only. Raises OpsError."""
        target = self._root / path
        draft = target.with_name(target.name + ".part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.touch(mode=0o600)
            try:
                with draft.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(draft, target)  # unlike a rename, a link never replaces a file
            finally:
                draft.unlink()
            self._sync_folders(target.parent)
        except FileExistsError:
            raise TakenError(f"{target} exists, and an archive is never overwritten.") from None
        except OSError as error:
            raise OpsError(f"{target} cannot be written: {error.strerror}") from None

    def read(self, path: str) -> bytes:
        """A file's bytes; raises NothingFoundError."""
        try:
            return (self._root / path).read_bytes()
        except OSError as error:
            raise NothingFoundError(f"{self._root / path} cannot be read: {error.strerror}") from None

    def paths(self, folder: str) -> list[str]:
        """The paths of all files in a folder and the folders in it."""
        files = (path for path in (self._root / folder).rglob("*") if path.is_file())
        return sorted(path.relative_to(self._root).as_posix() for path in files)

    def remove(self, path: str) -> None:
        """Deletes a file, if it exists; raises OpsError."""
        target = self._root / path
        try:
            target.unlink(missing_ok=True)
            if target.parent.exists():
                self._sync_folders(target.parent)
        except OSError as error:
            raise OpsError(f"{target} cannot be deleted: {error.strerror}") from None

    def _sync_folders(self, folder: Path) -> None:
        """Makes the names of new files and folders durable: they survive a power failure."""
        if os.name == "nt":
            return  # Windows cannot open folders
        for each in (folder, *folder.parents):
            descriptor = os.open(each, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
            if each == self._root.parent:
                return


class Bucket:
    """A prefix of an S3 bucket, as s3://bucket/prefix."""

    def __init__(self, url: str) -> None:
        self.name = url.rstrip("/")
        self._bucket, _, self._prefix = self.name.removeprefix("s3://").partition("/")

    @cached_property
    def _s3(self) -> "S3Client":
        return boto3.client("s3", region_name=region())

    def endpoint(self) -> dict[str, str]:
        """Returns DuckDB's options for an S3 that is not AWS's, from AWS_ENDPOINT_URL."""
        url = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if not url:
            return {}
        scheme, _, host = url.rstrip("/").partition("://")
        return {"ENDPOINT": host, "USE_SSL": str(scheme == "https").lower(), "URL_STYLE": "path"}

    def create(self, path: str, data: bytes) -> None:
        """Writes an object with a checksum, so that S3 refuses a damaged upload. Raises OpsError."""
        try:
            self._s3.put_object(
                Bucket=self._bucket, Key=self._key(path), Body=data, ChecksumAlgorithm="SHA256", IfNoneMatch="*"
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "PreconditionFailed":
                raise
            # The SDK repeats a call whose response was lost. Then the existing object is the one just written.
            if self.read(path) != data:
                raise TakenError(f"{self.name}/{path} exists, and an archive is never overwritten.") from None

    def read(self, path: str) -> bytes:
        """An object's bytes; raises NothingFoundError."""
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=self._key(path))["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            raise NothingFoundError(f"There is no {self.name}/{path}.") from None

    def paths(self, folder: str) -> list[str]:
        """Returns the paths of all objects below a folder."""
        prefix = f"{self._key(folder)}/" if folder else self._key("")
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        keys = (item["Key"] for page in pages for item in page.get("Contents", []))
        return sorted(key.removeprefix(self._key("")) for key in keys)

    def remove(self, path: str) -> None:
        """Deletes all versions of an object, and its delete markers."""
        key = self._key(path)
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=key)
        for page in pages:
            for version in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                if version["Key"] == key:
                    self._s3.delete_object(Bucket=self._bucket, Key=key, VersionId=version["VersionId"])

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path


def place(target: str) -> Place:
    """Returns the storage that a command line names; raises UsageError."""
    if not target.removeprefix("s3://").strip("/ "):
        raise UsageError("TARGET must be a folder, or s3://bucket/prefix.")
    return Bucket(target) if target.startswith("s3://") else Folder(Path(target).absolute())
