"""Files with events for `make run`."""

import json
from pathlib import Path

import pytest

from local.errors import EventsFileError
from local.events_file import load_bodies


@pytest.mark.parametrize(
    ("name", "content", "bodies"),
    [
        ("a.json", '[{"a": 1}, "as it is", null, [2]]', ['{"a": 1}', "as it is", "null", "[2]"]),
        ("a.json", '\ufeff[\n  {"a": "ü"}\n]', [json.dumps({"a": "ü"})]),
        ("a.json", '{"a": 1}\n{"b": 2}\n', ['{"a": 1}', '{"b": 2}']),
        ("a.json", '{"a": 1}', ['{"a": 1}']),
        ("a.json", '{"Records": [{"body": "x"}, {"body": "{}"}, {}]}', ["x", "{}"]),
        ("a.jsonl", '{"a": 1}\r\n\n  \nnot json\n[1]', ['{"a": 1}', "not json", "[1]"]),
        ("a.jsonl", '[{"a": 1}]', ['[{"a": 1}]']),
        ("a.ndjson", '{"a": "x\u2028y"}\n', ['{"a": "x\u2028y"}']),
    ],
)
def test_bodies_of_a_file(tmp_path: Path, name: str, content: str, bodies: list[str]) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert load_bodies(path) == bodies


def test_bytes_that_are_no_text_are_sent_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xff{"a": 1}\n')
    assert load_bodies(path) == ['\ufffd{"a": 1}']


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no events"),
        ("\n \n", "holds no events"),
        ("[]", "holds no events"),
        ("[\n1,\n]", "begins as a JSON array, but is none: .* line [23]"),
    ],
)
def test_file_that_cannot_be_used(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(EventsFileError, match=message):
        load_bodies(path)


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EventsFileError, match=r"missing\.json cannot be read: No such file"):
        load_bodies(tmp_path / "missing.json")
