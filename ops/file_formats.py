"""Decodes files in UTF-8, UTF-16 or UTF-32, plain or gzip. The error for another format names that format."""

import codecs
import gzip
import zlib
from pathlib import Path

from ops.errors import UsageError

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
TAR, TAR_AT = b"ustar", 257
# The first bytes of a file in each format.
REFUSED = {
    b"PAR1": "Parquet",
    b"Obj\x01": "Avro",
    b"ORC": "ORC",
    b"ARROW1": "Arrow",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\xff\x06\x00\x00sNaPpY": "Snappy",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"SQLite format 3\x00": "SQLite",
    b"PGDMP": "a dump of pg_dump",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "Excel (xls)",
    b"%PDF": "PDF",
    b"<": "XML or HTML",
}
# The longer mark comes first, because UTF-32's mark begins like UTF-16's.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class EventsFileError(UsageError):
    """A file with events cannot be used; the message says why."""


def decode_file(file: Path, data: bytes) -> str:
    """Decodes the bytes of a file; raises EventsFileError.

    An invalid byte of UTF-8 becomes a lone surrogate, so that only its own event is rejected.
    """
    if data.startswith(GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise EventsFileError(f"{file} is damaged: it begins as gzip, but cannot be unpacked.") from None
    if (name := _find_format(data)) is not None:
        raise EventsFileError(
            f"{file} is {name}, which is not read. Convert it to JSON lines: one event per line, plain or gzip."
        )
    encoding = _find_encoding(data)
    if encoding is None:
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise EventsFileError(
            f"{file} is damaged: it is not valid {encoding.upper()} from byte {error.start} on."
        ) from None


def _find_format(data: bytes) -> str | None:
    """Returns the name of an unsupported format."""
    if data.startswith(ZIP):
        return "Excel (xlsx)" if b"xl/" in data else "zip"
    if data[TAR_AT:].startswith(TAR):
        return "tar"
    start = data[:1024].removeprefix(codecs.BOM_UTF8).lstrip()
    return next((name for magic, name in REFUSED.items() if start.startswith(magic)), None)


def _find_encoding(data: bytes) -> str | None:
    """Returns the encoding, from the mark or from the zero bytes of a first ASCII character; None for UTF-8."""
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            return encoding
    if len(data) < 2 or (data[0] == 0) == (data[1] == 0):  # noqa: PLR2004  two bytes of one character
        return None
    return "utf-16-be" if data[0] == 0 else "utf-16-le"
