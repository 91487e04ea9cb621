"""Events in a CSV file: a header with the contract's names, one event per row."""

import csv
import io
import json
import re
from pathlib import Path

from lambda_src.contract import FIELDS
from ops.file_formats import EventsFileError
from ops.items import Item

SUFFIXES = (".csv", ".tsv")
DELIMITERS = ",;\t|"
REQUIRED = {name for name, field in FIELDS.items() if field.required}
NUMBERS = {"sent_timestamp"} | {name for name, field in FIELDS.items() if field.kind is int}
TRUTHS = {name for name, field in FIELDS.items() if field.kind is bool}


def find_delimiter(text: str) -> str | None:
    """Returns the delimiter of a CSV text; None if the first line is not a header."""
    header = next((line for line in text.split("\n") if line.strip()), "")
    return next((each for each in DELIMITERS if set(_columns(header, each)) >= REQUIRED), None)


def parse_csv(file: Path, text: str) -> list[Item]:
    """Returns the events of a CSV text. An empty cell is a missing value. Raises EventsFileError."""
    delimiter = find_delimiter(text)
    if delimiter is None:
        raise EventsFileError(
            f"{file} is CSV without a header that names the columns {', '.join(sorted(REQUIRED))}; they may come in "
            "any order, with others beside them."
        )
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    items: list[Item] = []
    header: list[str] | None = None
    line = 1
    try:
        for row in rows:
            start, line = line, rows.line_num + 1
            if not any(row):
                continue
            if header is None:
                header = [name.strip() for name in row]
            elif len(row) != len(header):
                items.append(Item(start, "", fault="wrong_number_of_columns"))
            else:
                items.append(Item(start, _make_body(dict(zip(header, row, strict=True)))))
    except csv.Error as error:
        raise EventsFileError(f"{file} is damaged at line {rows.line_num}: {error}.") from None
    return items


def _columns(header: str, delimiter: str) -> list[str]:
    return [name.strip().strip('"') for name in header.strip().split(delimiter)]


def _make_body(row: dict[str, str]) -> str:
    event = {name: _value(name, cell) for name, cell in row.items() if cell or name in REQUIRED}
    return json.dumps(event, ensure_ascii=False)


def _value(name: str, cell: str) -> str | int | bool:
    """Converts a cell to the contract's type; returns the text if that fails, and the pipeline rejects it later."""
    if name in NUMBERS and re.fullmatch(r"-?[0-9]{1,18}", cell):
        return int(cell)
    if name in TRUTHS and cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    return cell
