"""The line for COPY, read back by a reader of its own."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambda_src.contract import COLUMNS
from lambda_src.masking import Row
from tests.oracle_values import is_storable
from tests.support import make_record
from tests.unit.copy_text import read_copy_lines
from tests.unit.outcomes import assert_as_expected, records_of, row_of
from tests.unit.strategies import telling_text

UNREADABLE = ["\\.\n", "a\rb\n", "a\0\n", "a", "a\\", "a\\\n"]
FREE_TEXTS = ["user_id", "device_type", "device_id", "locale"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\tb\n", [["a", "b"]]),
        ("\n", [[""]]),
        ("\t\n", [["", ""]]),
        ("\\N\t\\\\N\t\\N.\n", [[None, "\\N", "N."]]),
        ("\\\\.\n", [["\\."]]),
        ("a\\tb\\nc\\rd\\\\e\n", [["a\tb\nc\rd\\e"]]),
        ("a\\\tb\\\nc\n", [["a\tb\nc"]]),
        ("\\101\\x41\\q\n", [["AAq"]]),
        ("a\u2028b\n\x85\n", [["a\u2028b"], ["\x85"]]),
    ],
)
def test_reader_reads_as_the_documentation_says(text: str, lines: list[list[str | None]]) -> None:
    assert read_copy_lines(text) == lines


@pytest.mark.parametrize("text", UNREADABLE, ids=repr)
def test_reader_refuses_what_postgres_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"line|character|backslash|mark"):
        read_copy_lines(text)


@pytest.mark.parametrize("field", FREE_TEXTS)
@pytest.mark.parametrize(
    "text",
    [
        "\\",
        "\\\\",
        "\\N",
        "\\.",
        "\\t",
        "\t",
        "\n",
        "\r",
        "\r\n",
        "\\\t",
        "\\\n",
        "a\\",
        "\b\f\v",
        "\u2028\x85",
        "'",
        '"',
    ],
    ids=ascii,
)
def test_text_that_copy_could_misread(field: str, text: str) -> None:
    row = row_of(**{field: text})
    if field != "device_id":
        assert row[field] == text


@pytest.mark.parametrize("name", ["\\N", "\\.", "2\t3", "2.1\\n", "2.0\n"])
def test_version_name_that_copy_could_misread(name: str) -> None:
    assert_as_expected(make_record(app_version=name))


def test_lines_of_a_batch_stay_apart() -> None:
    texts = ["a\\", "\\.", "\n", "\\N", "\r", "x"]
    rows = [row for row in records_of(*[make_record(user_id=text) for text in texts]) if isinstance(row, Row)]
    lines = read_copy_lines("".join(row.line for row in rows))
    assert [line[COLUMNS.index("user_id")] for line in lines] == texts


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(FREE_TEXTS), telling_text | st.text().filter(is_storable), max_size=4))
@example({"user_id": "\\N", "locale": "\\."})
def test_any_text_comes_back_from_the_line(changes: dict[str, Any]) -> None:
    assert_as_expected(make_record(**changes))
