"""A reader of COPY's text format, from its documentation: https://www.postgresql.org/docs/current/sql-copy.html."""

import re

ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)


def read_copy_lines(text: str) -> list[list[str | None]]:
    """The cells of each line, None for NULL; raises ValueError where Postgres refuses the text or ends the data."""
    if not text.endswith("\n"):
        raise ValueError("the last line has no end")
    if "\0" in text or "\r" in text:
        raise ValueError("a character that Postgres refuses")
    # A backslash before a line end or a tab makes it a part of the value.
    lines = re.findall(r"((?:[^\\\n]|\\.)*)\n", text, re.DOTALL)
    if sum(len(line) + 1 for line in lines) != len(text):
        raise ValueError("a backslash before the end")
    return [_read_line(line) for line in lines]


def _read_line(line: str) -> list[str | None]:
    if line == r"\.":
        raise ValueError("the mark of the end of the data")
    cells = re.findall(r"(?:^|\t)((?:[^\\\t]|\\.)*)", line, re.DOTALL)
    return [None if cell == r"\N" else _ESCAPE.sub(_unescape, cell) for cell in cells]


def _unescape(match: re.Match[str]) -> str:
    octal, hexadecimal, letter = match.groups()
    if octal:
        return chr(int(octal, 8))
    if hexadecimal:
        return chr(int(hexadecimal, 16))
    return ESCAPES.get(letter, letter)
